package io.backhaul.engine.log;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.blockio.DeviceFullException;
import io.backhaul.engine.log.SegmentLog.Placement;
import io.backhaul.engine.log.StoreException.Kind;
import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.stream.TestLoop;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Position;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Group commit, one step of the lane at a time. */
class LogWriterTest {
    private static final UUID MACHINE = new UUID(1, 2);
    private static final int SEGMENT_BYTES = 64 << 10;

    private final CrashVolume volume = new CrashVolume("spool");
    private final StreamFixture stream = new StreamFixture(MACHINE, new Random(7));
    private final TestLoop loop = new TestLoop();
    private final StepLane lane = new StepLane();
    private final List<Position> durable = new ArrayList<>();
    private final List<Position> abandoned = new ArrayList<>();
    private final List<String> told = new ArrayList<>();
    private final List<Frame> made = new ArrayList<>();
    private @Nullable StoreException quota;
    private SegmentLog log;
    private LogWriter writer;

    /** Works only when told to. */
    private static final class StepLane implements Lane {
        private final Queue<Runnable> works = new ArrayDeque<>();

        @Override
        public <T> void submit(Work<T> work, Loop replyTo, Outcome<T> outcome) {
            works.add(() -> {
                try {
                    T result = work.run();
                    replyTo.execute(() -> outcome.done(result));
                } catch (IOException failed) {
                    replyTo.execute(() -> outcome.failed(failed));
                }
            });
        }
    }

    private final class Listening implements LogWriter.Listener {
        @Override
        public void committed(Position position) {
            assertThat(position).isEqualTo(durable.getLast());
            told.add("committed " + position);
        }

        @Override
        public void faulted(StoreException cause) {
            told.add("faulted " + cause.kind());
        }

        @Override
        public void mended() {
            told.add("mended");
        }
    }

    private final class Taking implements LogWriter.Taker {
        @Override
        public void durable(Frame frame, Placement at) {
            assertReads(frame, at);
            durable.add(frame.last());
            frame.release();
        }

        @Override
        public void abandoned(Frame frame) {
            abandoned.add(frame.last());
            frame.release();
        }
    }

    @BeforeEach
    void open() throws IOException {
        log = SegmentLog.open(volume, LogKind.SPOOL, MACHINE, SegmentLimits.ofSegments(SEGMENT_BYTES),
                ByteBufAllocator.DEFAULT);
        writer = new LogWriter(loop, lane, log, bytes -> quota, new Listening());
    }

    @AfterEach
    void everyFrameIsGivenBackOnce() {
        assertThat(made).allMatch(frame -> frame.bytes().refCnt() == 0);
    }

    private void assertReads(Frame frame, Placement at) {
        try {
            Frame read = log.read(at);
            assertThat(StreamFixture.hex(read)).isEqualTo(StreamFixture.hex(frame));
            read.release();
        } catch (IOException failed) {
            throw new AssertionError(failed);
        }
    }

    private Position append(int payloadBytes) {
        Frame frame = stream.last().equals(Position.NONE) ? stream.generation(Position.NONE)
                : stream.writes(2, payloadBytes);
        made.add(frame);
        Position last = frame.last();
        writer.append(frame, new Taking());
        return last;
    }

    private List<Position> append(int frames, int payloadBytes) {
        List<Position> appended = new ArrayList<>();
        for (int i = 0; i < frames; i++) {
            appended.add(append(payloadBytes));
        }
        return appended;
    }

    /** One work of the lane, and what comes of it; false where there is none. */
    private boolean work() {
        Runnable next = lane.works.poll();
        if (next != null) {
            next.run();
            loop.runFor(0);
        }
        return next != null;
    }

    private int workAll() {
        int works = 0;
        while (work()) {
            works++;
        }
        return works;
    }

    /** What a start finds; the writer's own handles are dead then, and are made anew when it writes again. */
    private List<Position> stored() throws IOException {
        List<Position> found = new ArrayList<>();
        volume.kill();
        try (SegmentLog again = SegmentLog.open(volume, LogKind.SPOOL, MACHINE,
                SegmentLimits.ofSegments(SEGMENT_BYTES), ByteBufAllocator.DEFAULT)) {
            again.scan((frame, at) -> found.add(frame.last()));
        }
        return found;
    }

    @Test
    void whatComesDuringACommitIsWrittenWithTheNextOne() throws IOException {
        List<Position> all = new ArrayList<>(append(1, 0));
        all.addAll(append(9, 500));
        int before = volume.syncs();
        assertThat(work()).isTrue();
        assertThat(durable).containsExactly(all.getFirst());
        assertThat(writer.accepted()).isEqualTo(all.getLast());
        assertThat(writer.waitingBytes()).isPositive();
        assertThat(workAll()).isEqualTo(1);
        assertThat(volume.syncs() - before).as("syncs for ten frames").isEqualTo(2);
        assertThat(durable).isEqualTo(all);
        assertThat(told).containsExactly("committed " + all.getFirst(), "committed " + all.getLast());
        assertThat(writer.waitingBytes()).isZero();
        assertThat(stored()).isEqualTo(all);
    }

    @Test
    void aCommitIsNoLongerThanASegment() {
        append(1, 0);
        List<Position> all = append(20, 16 << 10);
        assertThat(workAll()).as("commits of 320 KiB").isBetween(5, 8);
        assertThat(durable).endsWith(all.toArray(Position[]::new)).hasSize(21);
    }

    @Test
    void nothingIsAcknowledgedBeforeASyncAndAFailedOneIsDoneAgain() throws IOException {
        failsAndGoesOn(1);
    }

    @Test
    void aFailedWriteIsDoneAgainOverWhatItLeft() throws IOException {
        failsAndGoesOn(0);
    }

    /** The n-th change of a commit fails, three times; the file is opened anew each time, as a poisoned one takes nothing. */
    private void failsAndGoesOn(int change) throws IOException {
        List<Position> all = new ArrayList<>(append(1, 0));
        workAll();
        for (int attempt = 0; attempt < 3; attempt++) {
            // Behind a failure three changes come first: the folder is synced, the file cut and synced.
            volume.failIn(change + (attempt > 0 ? 3 : 0), new IOException("Input/output error"));
            all.add(append(700));
            all.add(append(700));
            loop.runFor(2000);
            assertThat(workAll()).isEqualTo(1);
            assertThat(durable).hasSize(1);
            assertThat(writer.fault()).isNotNull();
            assertThat(log.last()).isEqualTo(all.getFirst());
            volume.mend();
        }
        assertThat(told).endsWith("faulted FAILED", "faulted FAILED", "faulted FAILED").doesNotContain("mended");
        loop.runFor(2000);
        workAll();
        assertThat(durable).isEqualTo(all);
        assertThat(told).contains("mended");
        assertThat(writer.fault()).isNull();
        assertThat(stored()).isEqualTo(all);
    }

    @Test
    void waitsLongerAfterEachFailureUntilItIsToldToTryAtOnce() {
        volume.failIn(0, new IOException("Input/output error"));
        append(1, 0);
        workAll();
        loop.runFor(49);
        assertThat(workAll()).isZero();
        loop.runFor(1);
        assertThat(workAll()).isEqualTo(1);
        loop.runFor(99);
        assertThat(workAll()).isZero();
        writer.tryAgain();
        assertThat(workAll()).isEqualTo(1);
        loop.runFor(1);
        assertThat(workAll()).as("the wait that was cut short").isZero();
        volume.mend();
        loop.runFor(2000);
        assertThat(workAll()).isEqualTo(1);
        assertThat(durable).hasSize(1);
    }

    @Test
    void writesWhatStillFitsOntoAFullVolume() throws IOException {
        List<Position> all = new ArrayList<>(append(1, 0));
        workAll();
        volume.capacity(Long.MAX_VALUE - volume.freeBytes() + 20_000);
        all.addAll(append(1, 100));
        all.addAll(append(12, 4000));
        goOn(20);
        assertThat(writer.fault()).isNotNull().extracting(StoreException::kind).isEqualTo(Kind.FULL);
        assertThat(durable.size()).as("frames that fitted").isBetween(4, 8);
        assertThat(stored()).isEqualTo(durable);
        volume.capacity(Long.MAX_VALUE);
        goOn(2);
        assertThat(durable).isEqualTo(all);
        assertThat(writer.fault()).isNull();
        assertThat(stored()).isEqualTo(all);
    }

    private void goOn(int tries) {
        for (int i = 0; i < tries; i++) {
            loop.runFor(2000);
            workAll();
        }
    }

    @Test
    void keepsToItsQuota() throws IOException {
        quota = new StoreException(Kind.FULL, "this machine's share is used up");
        List<Position> all = append(3, 700);
        assertThat(workAll()).isZero();
        assertThat(told).containsExactly("faulted FULL");
        assertThat(writer.fault()).isSameAs(quota);
        quota = null;
        writer.tryAgain();
        workAll();
        assertThat(durable).isEqualTo(all);
        assertThat(told).contains("mended");
        assertThat(stored()).isEqualTo(all);
    }

    @Test
    void givesUpWhatNoCommitHasBegunWith() {
        Position first = append(0);
        List<Position> rest = append(3, 700);
        writer.abandon();
        assertThat(abandoned).isEqualTo(rest);
        assertThat(writer.accepted()).isEqualTo(first);
        stream.rewind(first);
        List<Position> again = append(2, 700);
        workAll();
        assertThat(durable).startsWith(first).endsWith(again.toArray(Position[]::new)).hasSize(3);
    }

    @Test
    void aCommitThatRunsEndsThoughTheWriterIsClosed() throws IOException {
        Position first = append(0);
        List<Position> rest = append(3, 700);
        writer.close();
        assertThat(abandoned).isEqualTo(rest);
        workAll();
        assertThat(durable).containsExactly(first);
        assertThat(told).as("nobody is told any more").isEmpty();
        Frame late = stream.mark("late");
        made.add(late);
        writer.append(late, new Taking());
        assertThat(abandoned).endsWith(stream.last());
        assertThat(stored()).containsExactly(first);
    }

    @Test
    void aCommitThatFailsAfterTheCloseIsGivenUp() {
        volume.failIn(0, new IOException("Input/output error"));
        List<Position> all = append(3, 700);
        writer.close();
        workAll();
        loop.runFor(10_000);
        assertThat(workAll()).isZero();
        assertThat(durable).isEmpty();
        assertThat(abandoned).containsExactlyInAnyOrderElementsOf(all);
    }

    @Test
    void whatWaitsToBeTriedAgainIsGivenUpAtTheClose() {
        volume.failIn(0, new IOException("Input/output error"));
        List<Position> all = append(3, 700);
        workAll();
        writer.close();
        loop.runFor(10_000);
        assertThat(workAll()).isZero();
        assertThat(abandoned).isEqualTo(all);
    }

    @Test
    void tellsWhenNothingWaits() {
        List<String> settled = new ArrayList<>();
        writer.whenSettled(() -> settled.add("at once"));
        append(2, 700);
        writer.whenSettled(() -> settled.add("later"));
        work();
        assertThat(settled).containsExactly("at once");
        work();
        assertThat(settled).containsExactly("at once", "later");
        assertThat(writer.isSettled()).isTrue();
    }

    @Test
    void beginsAnewBehindACommitThatFails() throws IOException {
        append(1, 0);
        workAll();
        volume.failIn(0, new IOException("Input/output error"));
        append(2, 700);
        Position anew = new Position(5, 9);
        List<Position> empty = new ArrayList<>();
        writer.restartAt(anew, () -> empty.add(log.last()));
        assertThat(append(700)).isEqualTo(abandoned.getLast());
        workAll();
        assertThat(empty).isEmpty();
        volume.mend();
        loop.runFor(2000);
        workAll();
        assertThat(empty).containsExactly(anew);
        assertThat(writer.accepted()).isEqualTo(anew);
        assertThat(abandoned).hasSize(3);
        stream.rewind(anew);
        Position next = append(700);
        workAll();
        assertThat(durable).endsWith(next).hasSize(2);
        assertThat(stored()).containsExactly(next);
    }

    @Test
    void givesUpWhatACommitThatFailedMeanwhileHasLeft() throws IOException {
        volume.failIn(0, new IOException("Input/output error"));
        List<Position> all = append(3, 700);
        Position anew = new Position(5, 9);
        writer.restartAt(anew, () -> told.add("anew"));
        work();
        volume.mend();
        workAll();
        assertThat(told).containsExactly("faulted FAILED", "mended", "anew");
        assertThat(abandoned).containsExactlyInAnyOrderElementsOf(all);
        assertThat(writer.waitingBytes()).isZero();
        assertThat(writer.isSettled()).isTrue();
        assertThat(stored()).isEmpty();
    }

    @Test
    void doesNotBeginAnewAfterTheClose() {
        volume.failIn(0, new DeviceFullException("No space left on device"));
        writer.restartAt(new Position(5, 9), () -> told.add("anew"));
        workAll();
        writer.close();
        volume.mend();
        loop.runFor(10_000);
        assertThat(workAll()).isZero();
        assertThat(told).doesNotContain("anew");
        assertThat(log.last()).isEqualTo(Position.NONE);
    }
}
