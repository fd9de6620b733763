package io.backhaul.engine.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.engine.log.SegmentLog.Placement;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Position;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** A log of which some bytes have rotted is opened nevertheless, where that is wanted, and gives everything else. */
class DamagedLogTest {
    private static final UUID MACHINE = UUID.fromString("00112233-4455-6677-8899-aabbccddeeff");
    private static final SegmentLimits LIMITS = new SegmentLimits(8192, 2048);
    private static final int LOGS = Integer.getInteger("logs", 60);
    private static final int BEHIND_MARKS = 1536;

    private final CrashVolume volume = new CrashVolume("journal");
    private final List<Stored> stored = new ArrayList<>();
    private Position last = Position.NONE;

    private record Stored(Position first, Position last, Placement at, String bytes) {
        boolean isIn(String file, int from, int to) {
            return SegmentLog.fileName(at).equals(file) && at.offset() < to && at.offset() + at.lengthBytes() > from;
        }
    }

    private record Rot(String file, int from, int to) {}

    private static SegmentLog strictly(CrashVolume volume) throws IOException {
        return SegmentLog.open(volume, LogKind.JOURNAL, MACHINE, LIMITS, ByteBufAllocator.DEFAULT);
    }

    private SegmentLog open() throws IOException {
        return SegmentLog.openDamaged(volume, LogKind.JOURNAL, MACHINE, LIMITS, ByteBufAllocator.DEFAULT);
    }

    private void write(SplittableRandom random, int frames) throws IOException {
        StreamFixture stream = new StreamFixture(MACHINE, random);
        try (SegmentLog log = strictly(volume)) {
            for (int i = 0; i < frames; i++) {
                append(log, stream.any(1200));
                if (random.nextInt(4) == 0) {
                    log.sync();
                }
            }
        }
        last = stream.last();
    }

    private void append(SegmentLog log, Frame frame) throws IOException {
        Position first = frame.first();
        stored.add(new Stored(first, frame.last(), log.append(frame), StreamFixture.hex(frame)));
        frame.release();
    }

    /** Changes every byte of a stretch, behind the sync marks where it is in the newest file. */
    private Rot rot(SplittableRandom random) throws IOException {
        List<String> names = volume.list("");
        String name = names.get(random.nextInt(names.size()));
        byte[] bytes = volume.bytes(name);
        int least = name.equals(names.getLast()) ? BEHIND_MARKS : 0;
        int from = least + random.nextInt(bytes.length - least);
        int to = Math.min(bytes.length, from + 1 + random.nextInt(random.nextBoolean() ? 8 : 5000));
        for (int i = from; i < to; i++) {
            bytes[i] ^= (byte) (1 + random.nextInt(255));
        }
        volume.put(name, bytes);
        return new Rot(name, from, to);
    }

    /** Reads everything there is; answers what it went on behind. */
    private static List<SegmentDamage> readAll(SegmentLog log, List<String> given) throws IOException {
        List<SegmentDamage> skipped = new ArrayList<>();
        try (LogCursor cursor = log.cursor(Position.NONE)) {
            while (true) {
                try {
                    Frame frame = cursor.next();
                    if (frame == null) {
                        return skipped;
                    }
                    given.add(StreamFixture.hex(frame));
                    frame.release();
                } catch (StoreException corrupt) {
                    assertThat(corrupt.kind()).isEqualTo(StoreException.Kind.CORRUPT);
                    skipped.add(Objects.requireNonNull(cursor.skip()));
                }
            }
        }
    }

    /** Reads everything there is, and checks that what is not given is exactly what has rotted. */
    private void assertGivesTheRest(SegmentLog log, List<Rot> rotten, String when) throws IOException {
        List<String> given = new ArrayList<>();
        List<SegmentDamage> skipped = readAll(log, given);
        List<Stored> lost = stored.stream()
                .filter(each -> rotten.stream().anyMatch(rot -> each.isIn(rot.file, rot.from, rot.to))).toList();
        assertThat(given).as(when)
                .isEqualTo(stored.stream().filter(each -> !lost.contains(each)).map(Stored::bytes).toList());
        for (Stored each : stored) {
            boolean isSkipped = skipped.stream().anyMatch(damage -> damage.after().isBefore(each.first)
                    && damage.upTo().isAtLeast(each.last) && damage.holds(each.at));
            assertThat(isSkipped).as("%s: %s", when, each.first).isEqualTo(lost.contains(each));
        }
    }

    @Test
    void whatHasNotRottedIsGivenAndWhatComesIsTaken() throws IOException {
        for (int seed = 0; seed < LOGS; seed++) {
            DamagedLogTest one = new DamagedLogTest();
            one.survives(seed);
        }
    }

    private void survives(int seed) throws IOException {
        SplittableRandom random = new SplittableRandom(seed);
        write(random, 60);
        List<Rot> rotten = new ArrayList<>();
        for (int i = random.nextInt(3); i >= 0; i--) {
            rotten.add(rot(random));
        }
        String when = "seed " + seed + ", " + rotten;
        SegmentLog log;
        try {
            log = open();
        } catch (StoreException tooMuch) {
            assertThat(tooMuch).as(when).hasMessageContaining("next segment's header is damaged as well");
            return;
        }
        assertThat(log.last()).as(when).isEqualTo(last);
        assertGivesTheRest(log, rotten, when);
        for (Placement each : log.passedOver()) {
            assertThat(log.look(each)).as(when).extracting(SegmentDamage::offset).contains(each.offset());
        }
        StreamFixture stream = new StreamFixture(MACHINE, random);
        stream.rewind(last);
        for (int i = 0; i < 20; i++) {
            append(log, stream.any(1200));
        }
        log.close();
        try (SegmentLog again = open()) {
            assertThat(again.last()).as(when).isEqualTo(stream.last());
            assertGivesTheRest(again, rotten, when + ", written on");
        }
    }

    @Test
    void aFileThatHasBecomeShorterLacksWhatItLacks() throws IOException {
        for (int seed = 0; seed < LOGS; seed++) {
            DamagedLogTest one = new DamagedLogTest();
            SplittableRandom random = new SplittableRandom(seed);
            one.write(random, 60);
            List<String> names = one.volume.list("");
            String name = names.get(random.nextInt(names.size()));
            byte[] bytes = one.volume.bytes(name);
            boolean atABoundary = random.nextBoolean();
            int some = SegmentHeader.LENGTH_BYTES + random.nextInt(bytes.length - SegmentHeader.LENGTH_BYTES);
            int length = atABoundary
                    ? one.stored.stream().filter(each -> each.isIn(name, some, some + 1)).findFirst().orElseThrow().at
                            .offset()
                    : some;
            if (length == SegmentHeader.LENGTH_BYTES && name.equals(names.getLast())) {
                continue;
            }
            one.volume.put(name, Arrays.copyOf(bytes, length));
            try (SegmentLog log = one.open()) {
                assertThat(log.last()).isEqualTo(one.last);
                one.assertGivesTheRest(log, List.of(new Rot(name, length, bytes.length)), "seed " + seed);
            }
        }
    }

    @Test
    void whatIsDamagedInFrontOfWhatIsWantedDoesNotMatter() throws IOException {
        for (int seed = 0; seed < LOGS; seed++) {
            DamagedLogTest one = new DamagedLogTest();
            SplittableRandom random = new SplittableRandom(seed);
            one.write(random, 60);
            try (SegmentLog log = strictly(one.volume)) {
                String when = "seed " + seed + ", " + one.rot(random) + ", " + one.rot(random);
                List<SegmentDamage> damaged = readAll(log, new ArrayList<>());
                for (Stored each : one.stored) {
                    // Behind the end of a generation that cannot be read, more of it might follow.
                    Position before = new Position(each.first.generation(), each.first.sequence() - 1);
                    if (damaged.stream().noneMatch(damage -> damage.holds(each.at))) {
                        assertThat(firstBehind(log, before)).as("%s: behind %s", when, before).isEqualTo(each.bytes);
                    }
                }
            }
        }
    }

    private static String firstBehind(SegmentLog log, Position after) throws IOException {
        try (LogCursor cursor = log.cursor(after)) {
            Frame frame = Objects.requireNonNull(cursor.next());
            String bytes = StreamFixture.hex(frame);
            frame.release();
            return bytes;
        }
    }

    @Test
    void aDamagedHeaderIsWrittenAnew() throws IOException {
        write(new SplittableRandom(1), 60);
        List<String> names = volume.list("");
        for (String name : names) {
            byte[] whole = volume.bytes(name);
            byte[] bytes = whole.clone();
            bytes[20] ^= 1;
            volume.put(name, bytes);
            assertThatThrownBy(() -> strictly(volume).close()).hasMessageContaining("segment header is damaged");
            open().close();
            assertThat(Arrays.copyOf(volume.bytes(name), 512)).isEqualTo(Arrays.copyOf(whole, 512));
            strictly(volume).close();
        }
    }

    @Test
    void whereAFileIsMissingNothingIsGuessed() throws IOException {
        write(new SplittableRandom(1), 60);
        volume.delete(volume.list("").get(1));
        assertThatThrownBy(() -> open()).hasMessageContaining("the file is missing");
    }
}
