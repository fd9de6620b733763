package io.backhaul.engine.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.blockio.DeviceFullException;
import io.backhaul.engine.log.StoreException.Kind;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Position;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;

class SegmentFormatTest {
    private static final UUID MACHINE = UUID.fromString("00112233-4455-6677-8899-aabbccddeeff");
    private static final String FIRST = "0000000000000001.seg";
    private final CrashVolume volume = new CrashVolume("spool");
    private final StreamFixture stream = new StreamFixture(MACHINE, new SplittableRandom(1));

    private SegmentLog open() throws IOException {
        return SegmentLog.open(volume, LogKind.SPOOL, MACHINE, new SegmentLimits(8192, 1024), ByteBufAllocator.DEFAULT);
    }

    private List<SegmentLog.Placement> append(SegmentLog log, int frames) throws IOException {
        List<SegmentLog.Placement> placements = new ArrayList<>();
        for (int i = 0; i < frames; i++) {
            Frame frame = stream.last().equals(Position.NONE) ? stream.generation(Position.NONE)
                    : stream.writes(2, 700);
            placements.add(log.append(frame));
            frame.release();
            log.sync();
        }
        return placements;
    }

    private static Kind kindOf(IOException failed) {
        return ((StoreException) failed).kind();
    }

    private Kind openingFails() {
        try (SegmentLog log = open()) {
            throw new AssertionError("opened, and ends at " + log.last());
        } catch (IOException failed) {
            return kindOf(failed);
        }
    }

    @Test
    void writesTheseBytes() throws IOException {
        SegmentLog log = open();
        Frame start = stream.generation(Position.NONE);
        Frame mark = stream.mark("golden");
        log.append(List.of(start, mark));
        log.sync();
        byte[] file = volume.bytes(FIRST);
        String header = "89424b4c0d0a1a0a" + "0100" + "01" + "00" + "00100000" + "00112233445566778899aabbccddeeff"
                + "0100000000000000" + "0000000000000000" + "0000000000000000";
        assertThat(HexFormat.of().formatHex(file, 0, 56)).isEqualTo(header);
        assertThat(file[508] | file[509] | file[510] | file[511]).isNotZero();
        ByteBuffer mark2 = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(mark2.getLong(1024)).as("number in the second mark").isEqualTo(1);
        assertThat(mark2.getLong(1032)).as("end in the second mark").isEqualTo(file.length);
        assertThat(mark2.getLong(1040)).isEqualTo(1);
        assertThat(mark2.getLong(1048)).isEqualTo(2);
        assertThat(HexFormat.of().formatHex(file, 4096, file.length))
                .isEqualTo(StreamFixture.hex(start) + StreamFixture.hex(mark));
        start.release();
        mark.release();
        log.close();
    }

    @Test
    void detectsEveryFlippedBitOfASealedHeader() throws IOException {
        SegmentLog log = open();
        append(log, 20);
        log.close();
        byte[] whole = volume.bytes(FIRST);
        for (int bit = 0; bit < 512 * 8; bit++) {
            byte[] flipped = whole.clone();
            flipped[bit / 8] ^= (byte) (1 << bit % 8);
            volume.put(FIRST, flipped);
            assertThat(openingFails()).as("bit %s", bit).isEqualTo(Kind.CORRUPT);
        }
    }

    @Test
    void detectsFlippedBitsInWhatWasSyncedInTheLastSegment() throws IOException {
        SegmentLog log = open();
        append(log, 4);
        log.close();
        byte[] whole = volume.bytes(FIRST);
        for (int at = 4096; at < whole.length; at++) {
            byte[] flipped = whole.clone();
            flipped[at] ^= (byte) (1 << at % 8);
            volume.put(FIRST, flipped);
            assertThat(openingFails()).as("byte %s", at).isEqualTo(Kind.CORRUPT);
        }
    }

    @Test
    void detectsFlippedBitsOfBodiesInSealedSegmentsWhenTheyAreRead() throws IOException {
        SegmentLog log = open();
        List<SegmentLog.Placement> placements = append(log, 20);
        log.close();
        SegmentLog.Placement victim = placements.get(2);
        byte[] flipped = volume.bytes(FIRST);
        flipped[victim.offset() + victim.lengthBytes() - 1] ^= 4;
        volume.put(FIRST, flipped);
        try (SegmentLog again = open(); LogCursor cursor = again.cursor(Position.NONE)) {
            assertThatThrownBy(() -> again.read(victim)).isInstanceOfSatisfying(StoreException.class,
                    failed -> assertThat(failed.kind()).isEqualTo(Kind.CORRUPT));
            read(cursor);
            read(cursor);
            assertThatThrownBy(cursor::next).hasMessageContaining(FIRST).hasMessageContaining("checksum");
        }
    }

    private static void read(LogCursor cursor) throws IOException {
        Frame frame = cursor.next();
        assertThat(frame).isNotNull();
        frame.release();
    }

    @Test
    void detectsAMissingSegment() throws IOException {
        SegmentLog log = open();
        append(log, 40);
        log.close();
        volume.delete("0000000000000002.seg");
        assertThat(openingFails()).isEqualTo(Kind.CORRUPT);
    }

    @Test
    void detectsAFileThatIsShorterThanWhatWasSynced() throws IOException {
        SegmentLog log = open();
        append(log, 3);
        log.close();
        byte[] whole = volume.bytes(FIRST);
        volume.put(FIRST, Arrays.copyOf(whole, whole.length - 1));
        assertThat(openingFails()).isEqualTo(Kind.CORRUPT);
    }

    @Test
    void cutsWhatIsBehindTheSyncMark() throws IOException {
        SegmentLog log = open();
        append(log, 3);
        Position last = log.last();
        log.close();
        byte[] whole = volume.bytes(FIRST);
        volume.put(FIRST, Arrays.copyOf(whole, whole.length + 777));
        try (SegmentLog again = open()) {
            assertThat(again.last()).isEqualTo(last);
            assertThat(volume.bytes(FIRST)).hasSize(whole.length);
        }
    }

    @Test
    void tellsOldNewAndForeignApart() throws IOException {
        SegmentLog log = open();
        append(log, 3);
        log.close();
        assertThatThrownBy(() -> SegmentLog.open(volume, LogKind.JOURNAL, MACHINE, SegmentLimits.DEFAULT,
                ByteBufAllocator.DEFAULT))
                .isInstanceOfSatisfying(StoreException.class,
                        failed -> assertThat(failed.kind()).isEqualTo(Kind.FOREIGN));
        assertThatThrownBy(() -> SegmentLog.open(volume, LogKind.SPOOL, new UUID(1, 1), SegmentLimits.DEFAULT,
                ByteBufAllocator.DEFAULT))
                .isInstanceOfSatisfying(StoreException.class,
                        failed -> assertThat(failed.kind()).isEqualTo(Kind.FOREIGN));
        byte[] whole = volume.bytes(FIRST);
        volume.put(FIRST, withVersion(whole, 2));
        assertThat(openingFails()).isEqualTo(Kind.TOO_NEW);
        volume.put(FIRST, withVersion(whole, 0));
        assertThat(openingFails()).isEqualTo(Kind.TOO_OLD);
    }

    private static byte[] withVersion(byte[] file, int version) {
        byte[] changed = file.clone();
        ByteBuffer header = ByteBuffer.wrap(changed).order(ByteOrder.LITTLE_ENDIAN);
        header.putShort(8, (short) version);
        CRC32C crc = new CRC32C();
        crc.update(changed, 0, 508);
        header.putInt(508, (int) crc.getValue());
        return changed;
    }

    @Test
    void goesOnWithTheNextGenerationWhereOneIsDamaged() throws IOException {
        try (SegmentLog log = open()) {
            append(log, 2);
            stream.rewind(new Position(900_000, 1));
            Frame next = stream.generation(Position.NONE);
            log.append(next);
            next.release();
            append(log, 1);
            byte[] damaged = volume.bytes(FIRST);
            damaged[4096 + 8] ^= 1;
            volume.put(FIRST, damaged);
            Position given = new Position(1, Long.MAX_VALUE);
            try (LogCursor all = log.cursor(Position.NONE); LogCursor behind = log.cursor(given)) {
                assertThatThrownBy(all::next).isInstanceOf(StoreException.class);
                Frame found = behind.next();
                assertThat(found).isNotNull();
                assertThat(found.first()).isEqualTo(new Position(900_001, 1));
                found.release();
            }
            assertThat(log.generationAbove(0)).isEqualTo(1);
            assertThat(log.generationAbove(1)).isEqualTo(900_001);
            assertThat(log.generationAbove(900_001)).isZero();
        }
    }

    @Test
    void setsADamagedSegmentAsideAndKeepsWhatStandsBeforeIt() throws IOException {
        SegmentLog log = open();
        append(log, 40);
        log.close();
        byte[] damaged = volume.bytes("0000000000000003.seg");
        damaged[100] ^= 1;
        volume.put("0000000000000003.seg", damaged);
        List<StoreException> losses = new ArrayList<>();
        try (SegmentLog again = SegmentLog.salvage(volume, LogKind.SPOOL, MACHINE, new SegmentLimits(8192, 1024),
                ByteBufAllocator.DEFAULT, losses::add)) {
            assertThat(losses).hasSize(1);
            assertThat(volume.list("")).contains(FIRST, "0000000000000002.seg", "0000000000000003.seg.corrupt")
                    .doesNotContain("0000000000000003.seg");
            stream.rewind(again.last());
            append(again, 3);
        }
        try (SegmentLog again = open()) {
            assertThat(again.last()).isEqualTo(stream.last());
        }
    }

    @Test
    void remembersTheLastPositionWhenAllFramesHaveGone() throws IOException {
        SegmentLog log = open();
        append(log, 40);
        log.trimTo(log.last());
        log.close();
        try (SegmentLog again = open()) {
            assertThat(again.last()).isEqualTo(stream.last());
            append(again, 1);
        }
    }

    @Test
    void staysReadableOnAFullVolumeAndGoesOnWhenThereIsRoom() throws IOException {
        SegmentLog log = open();
        append(log, 5);
        Position before = log.last();
        volume.capacity(volume.bytes(FIRST).length + 300);
        Frame frame = stream.writes(1, 700);
        assertThatThrownBy(() -> log.append(frame)).isInstanceOfSatisfying(StoreException.class, failed -> {
            assertThat(failed.kind()).isEqualTo(Kind.FULL);
            assertThat(failed).hasRootCauseInstanceOf(DeviceFullException.class);
        });
        assertThat(log.last()).isEqualTo(before);
        try (LogCursor cursor = log.cursor(Position.NONE)) {
            for (int i = 0; i < 5; i++) {
                read(cursor);
            }
            assertThat(cursor.next()).isNull();
            volume.capacity(1 << 20);
            log.append(frame);
            log.sync();
            read(cursor);
        }
        frame.release();
        log.close();
    }
}
