package io.backhaul.engine.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.blockio.DeviceFullException;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Position;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Random lives of a log beside a list in memory that says what must be in it. */
class SegmentLogPropertyTest {
    private static final UUID MACHINE = new UUID(1, 2);
    private static final int STEPS = 80;

    /** A frame as the oracle knows it. */
    private record Known(Position first, Position last, String hex) {
        static Known of(Frame frame) {
            return new Known(frame.first(), frame.last(), StreamFixture.hex(frame));
        }
    }

    /** One life: a log, what was acknowledged and what is open. */
    private static final class Life {
        private final SplittableRandom random;
        private final CrashVolume volume = new CrashVolume("spool");
        private final StreamFixture stream;
        private final SegmentLimits limits;
        private final List<Known> acknowledged = new ArrayList<>();
        private final List<Known> open = new ArrayList<>();
        private final List<List<Known>> attempted = new ArrayList<>();
        private Position start = Position.NONE;
        private SegmentLog log;

        Life(long seed) throws IOException {
            random = new SplittableRandom(seed);
            stream = new StreamFixture(MACHINE, random);
            limits = new SegmentLimits(6144 + random.nextInt(12_000), 1 + random.nextInt(3000));
            log = SegmentLog.open(volume, LogKind.SPOOL, MACHINE, limits, ByteBufAllocator.DEFAULT);
        }

        void step() throws IOException {
            switch (random.nextInt(17)) {
                case 0, 1, 2, 3, 4 -> append();
                case 5, 6, 7 -> sync();
                case 8 -> reopen(false);
                case 9 -> reopen(true);
                case 10 -> log.trimTo(somewhere());
                case 11 -> failWhileAppending();
                case 12 -> failWhileRolling();
                case 13 -> {
                    if (random.nextInt(6) == 0) {
                        restart();
                    }
                }
                case 14 -> failWhileTrimming();
                default -> read(somewhere());
            }
        }

        private Position somewhere() {
            return acknowledged.isEmpty() ? start : acknowledged.get(random.nextInt(acknowledged.size())).last();
        }

        private List<Frame> batch() {
            List<Frame> frames = new ArrayList<>();
            for (int i = random.nextInt(1, 6); i > 0; i--) {
                frames.add(stream.any(1500));
            }
            return frames;
        }

        private void append() throws IOException {
            List<Frame> frames = batch();
            List<SegmentLog.Placement> placements = log.append(frames);
            assertThat(placements).hasSize(frames.size());
            attempted.clear();
            acknowledgeWhatARollSynced();
            for (Frame frame : frames) {
                open.add(Known.of(frame));
                frame.release();
            }
            assertThat(log.last()).isEqualTo(stream.last());
        }

        /** What is found beyond the acknowledged must be a beginning of what was last written there, in any attempt. */
        private void acknowledgeWhatWasFound() throws IOException {
            List<Known> found = new ArrayList<>();
            try (LogCursor cursor = log.cursor(acknowledged.isEmpty() ? start : acknowledged.getLast().last())) {
                for (Frame frame = cursor.next(); frame != null; frame = cursor.next()) {
                    found.add(Known.of(frame));
                    frame.release();
                }
            }
            attempted.add(new ArrayList<>(open));
            assertThat(attempted).anyMatch(
                    each -> each.size() >= found.size() && each.subList(0, found.size()).equals(found));
            acknowledged.addAll(found);
            attempted.clear();
            open.clear();
        }

        private void acknowledgeWhatARollSynced() {
            while (!open.isEmpty() && log.synced().isAtLeast(open.getFirst().last())) {
                acknowledged.add(open.removeFirst());
            }
        }

        private void sync() throws IOException {
            log.sync();
            attempted.clear();
            acknowledged.addAll(open);
            open.clear();
        }

        private void reopen(boolean power) throws IOException {
            if (power) {
                volume.crash(random);
            } else {
                volume.kill();
            }
            log = SegmentLog.open(volume, LogKind.SPOOL, MACHINE, limits, ByteBufAllocator.DEFAULT);
            acknowledgeWhatWasFound();
            Position expected = acknowledged.isEmpty() ? start : acknowledged.getLast().last();
            assertThat(log.last()).isEqualTo(expected);
            stream.rewind(expected);
            read(log.before());
        }

        private void failWhileAppending() throws IOException {
            boolean full = random.nextBoolean();
            volume.failIn(random.nextInt(4), full ? new DeviceFullException("full") : new IOException("EIO"));
            Position before = acknowledged.isEmpty() ? start : acknowledged.getLast().last();
            List<Frame> frames = batch();
            try {
                log.append(frames);
                log.sync();
                attempted.clear();
                acknowledged.addAll(open);
                frames.forEach(frame -> acknowledged.add(Known.of(frame)));
            } catch (StoreException failed) {
                assertThat(failed.kind()).isEqualTo(full ? StoreException.Kind.FULL : StoreException.Kind.FAILED);
                acknowledgeWhatARollSynced();
                assertThat(log.last()).isEqualTo(acknowledged.isEmpty() ? before : acknowledged.getLast().last());
                stream.rewind(log.last());
                // Whether these have reached the disk, nobody knows, until the next append cuts them.
                frames.forEach(frame -> open.add(Known.of(frame)));
                attempted.add(new ArrayList<>(open));
            }
            open.clear();
            frames.forEach(Frame::release);
            volume.mend();
        }

        private void failWhileRolling() throws IOException {
            while (log.last().equals(stream.last()) && log.sizeBytes() % 3 != 0 && open.size() < 20) {
                append();
            }
            failWhileAppending();
        }

        private void failWhileTrimming() throws IOException {
            sync();
            volume.failIn(random.nextInt(6), new IOException("EIO"));
            try {
                log.trimTo(log.last());
            } catch (StoreException failed) {
                assertThat(failed.kind()).isEqualTo(StoreException.Kind.FAILED);
            }
            volume.mend();
            assertThat(log.last()).isEqualTo(stream.last());
        }

        private void restart() throws IOException {
            start = random.nextBoolean() ? somewhere() : new Position(stream.last().generation() + 1, 5);
            log.restartAt(start);
            attempted.clear();
            acknowledged.clear();
            open.clear();
            stream.rewind(start);
            assertThat(log.last()).isEqualTo(start);
        }

        void read(Position after) throws IOException {
            List<Known> expected = acknowledged.stream()
                    .filter(each -> each.last().compareTo(after) > 0 && each.last().compareTo(log.before()) > 0)
                    .toList();
            try (LogCursor cursor = log.cursor(after)) {
                for (Known each : expected) {
                    Frame frame = cursor.next();
                    assertThat(frame).as("frame %s", each.first()).isNotNull();
                    assertThat(frame.first()).isEqualTo(each.first());
                    assertThat(StreamFixture.hex(frame)).isEqualTo(each.hex());
                    frame.release();
                    Frame again = log.read(cursor.placement());
                    assertThat(StreamFixture.hex(again)).isEqualTo(each.hex());
                    again.release();
                }
                assertThat(cursor.next()).as("nothing unsynced is read").isNull();
            }
        }
    }

    static long[] seeds() {
        long[] seeds = new long[30];
        for (int i = 0; i < seeds.length; i++) {
            seeds[i] = i < 25 ? i : System.nanoTime() + i;
        }
        return seeds;
    }

    @ParameterizedTest(name = "seed {0}")
    @MethodSource("seeds")
    void keepsWhatWasAcknowledgedThroughCrashesAndFaults(long seed) throws IOException {
        Life life = new Life(seed);
        for (int i = 0; i < STEPS; i++) {
            life.step();
        }
        life.sync();
        life.read(life.log.before());
        life.log.close();
        life.reopen(true);
    }

    @ParameterizedTest(name = "seed {0}")
    @MethodSource("seeds")
    void givesACursorWhatComesWhileItReads(long seed) throws IOException {
        Life life = new Life(seed);
        Position seen = Position.NONE;
        try (LogCursor cursor = life.log.cursor(Position.NONE)) {
            for (int i = 0; i < 30; i++) {
                life.append();
                life.sync();
                for (Frame frame = cursor.next(); frame != null; frame = cursor.next()) {
                    seen = frame.last();
                    frame.release();
                }
                assertThat(seen).isEqualTo(life.log.last());
            }
        }
    }

    @ParameterizedTest(name = "seed {0}")
    @MethodSource("seeds")
    void refusesAFrameThatDoesNotFollow(long seed) throws IOException {
        Life life = new Life(seed);
        life.append();
        life.stream.rewind(life.stream.last().plus(1 + life.random.nextInt(3)));
        Frame frame = life.stream.mark("late");
        assertThatThrownBy(() -> life.log.append(frame)).isInstanceOf(IllegalArgumentException.class);
        frame.release();
    }
}
