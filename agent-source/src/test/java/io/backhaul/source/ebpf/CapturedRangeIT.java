package io.backhaul.source.ebpf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.blockio.Tool;
import io.backhaul.blockio.system.BlockDevices;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Partitions, and writes that carry nothing, fail, or do not end. */
class CapturedRangeIT {
    private static final int MIB = 1 << 20;
    private static final int SECTOR = 512;
    private static final int BLOCK_BYTES = 64 << 10;
    private static final long PATIENCE_NANOS = 60_000_000_000L;

    private final UUID machine = UUID.randomUUID();
    private final Random random = new Random(machine.getMostSignificantBits());
    private final List<LoopDisk> disks = new ArrayList<>();
    private final List<List<String>> undoing = new ArrayList<>();
    private final List<CaptureRing> rings = new ArrayList<>();

    @TempDir
    Path folder;

    /** A record, as it was read. */
    private record Read(CaptureRing.Kind kind, int disk, long offset, long lengthBytes) {}

    @BeforeEach
    void need() throws Exception {
        LoopDisk.needRoot();
    }

    @AfterEach
    void removeEverything() throws Exception {
        for (List<String> undo : undoing.reversed()) {
            Tool.attempt(undo.toArray(String[]::new));
        }
        for (CaptureRing ring : rings) {
            ring.close();
        }
        EbpfPins.detach(machine);
        for (LoopDisk disk : disks.reversed()) {
            disk.remove();
        }
        for (List<String> undo : undoing.reversed()) {
            Tool.attempt(undo.toArray(String[]::new));
        }
    }

    private LoopDisk disk(Path in, long sizeBytes, String... options) throws Exception {
        LoopDisk disk = LoopDisk.make(in, sizeBytes, List.of(options));
        disks.add(disk);
        return disk;
    }

    private CaptureRing capture(long patienceNanos, EbpfTarget... targets) throws Exception {
        CaptureRing ring = EbpfPins.attach(machine, List.of(targets),
                new EbpfPins.Bounds(64 * MIB, BLOCK_BYTES, patienceNanos, false), disks.getLast().path(), random)
                .ring();
        rings.add(ring);
        return ring;
    }

    private static EbpfTarget target(int index, Path path) throws IOException {
        return EbpfTarget.of(index, path, BlockDevices.read());
    }

    /** Writes random bytes past the cache. */
    private static int write(Path device, long offset, int lengthBytes) throws Exception {
        return Tool.attempt("dd", "if=/dev/urandom", "of=" + device, "bs=" + lengthBytes, "count=1",
                "seek=" + offset, "oflag=direct,seek_bytes", "iflag=fullblock", "conv=notrunc", "status=none")
                .exitCode();
    }

    /** What the ring holds, applied to the replicas: one for each disk. */
    private static List<Read> replay(CaptureRing ring, byte[]... replicas) {
        List<Read> read = new ArrayList<>();
        CaptureRing.Cursor cursor = new CaptureRing.Cursor();
        long at = ring.tail();
        for (long head = ring.head(); at < head; at = cursor.next) {
            assertThat(ring.read(at, cursor)).as("record complete").isTrue();
            read.add(new Read(cursor.kind, cursor.disk, cursor.offset, cursor.lengthBytes));
            int offset = (int) cursor.offset;
            if (cursor.kind == CaptureRing.Kind.DATA) {
                cursor.data.duplicate().get(replicas[cursor.disk], offset, (int) cursor.lengthBytes);
            } else {
                Arrays.fill(replicas[cursor.disk], offset, offset + (int) cursor.lengthBytes, (byte) 0);
            }
        }
        ring.release(at);
        return read;
    }

    private static byte[] content(Path file, long offset, int lengthBytes) throws IOException {
        try (RandomAccessFile source = new RandomAccessFile(file.toFile(), "r")) {
            byte[] bytes = new byte[lengthBytes];
            source.seek(offset);
            source.readFully(bytes);
            return bytes;
        }
    }

    private static void assertSame(byte[] replica, byte[] device) {
        assertThat(Arrays.mismatch(replica, device)).as("the first byte that differs").isEqualTo(-1);
    }

    @Test
    void ofAPartitionAllThatIsWrittenIntoItIsCapturedWhoeverNamesItAndNothingElse() throws Exception {
        Tool.need("addpart");
        LoopDisk disk = disk(folder, 16 * MIB, "-P");
        int size = 4 * MIB;
        Path first = disk.partition(1, MIB / SECTOR, size / SECTOR);
        Path third = disk.partition(3, 8 * MIB / SECTOR, size / SECTOR);
        Path second = disk.partition(2, 5 * MIB / SECTOR, MIB / SECTOR);
        // Not in the order of the disk.
        CaptureRing ring = capture(PATIENCE_NANOS, target(0, third), target(1, first));
        byte[][] replicas = {new byte[size], new byte[size]};

        write(disk.path(), 0, 64 << 10);
        write(second, 0, 64 << 10);
        write(disk.path(), 12 * MIB, 64 << 10);
        assertThat(replay(ring, replicas)).as("what is written beside the partitions").isEmpty();

        write(third, 128 << 10, 64 << 10);
        write(disk.path(), 2 * MIB, 96 << 10);
        assertThat(replay(ring, replicas)).containsExactly(
                new Read(CaptureRing.Kind.DATA, 0, 128 << 10, 64 << 10),
                new Read(CaptureRing.Kind.DATA, 1, MIB, 64 << 10),
                new Read(CaptureRing.Kind.DATA, 1, MIB + (64 << 10), 32 << 10));

        // By the whole disk across their bounds: the part before the beginning cannot be cut off, and is read again.
        write(disk.path(), 5 * MIB - 4096, 8192);
        assertThat(replay(ring, replicas)).containsExactly(new Read(CaptureRing.Kind.DATA, 1, size - 4096, 4096));
        assertThat(ring.losses()).isZero();
        write(disk.path(), 8 * MIB - 4096, 8192);
        assertThat(replay(ring, replicas)).isEmpty();
        assertThat(ring.losses()).isEqualTo(1);
        List<Read> lost = new ArrayList<>();
        ring.takeLosses((index, offset, bytes) -> lost.add(new Read(CaptureRing.Kind.UNKNOWN, index, offset, bytes)));
        assertThat(lost).containsExactly(new Read(CaptureRing.Kind.UNKNOWN, 0, 0, BLOCK_BYTES));
        System.arraycopy(content(disk.backing(), 8 * MIB, BLOCK_BYTES), 0, replicas[0], 0, BLOCK_BYTES);

        assertSame(replicas[1], content(disk.backing(), MIB, size));
        assertSame(replicas[0], content(disk.backing(), 8 * MIB, size));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void discardsAndZeroesAreExtentsAndWhatADiscardLeavesIsBelievedOnlyWhereItIsKnown(boolean known) throws Exception {
        Tool.need("blkdiscard");
        LoopDisk disk = disk(folder, 16 * MIB);
        EbpfTarget found = target(0, disk.path());
        CaptureRing ring = capture(PATIENCE_NANOS,
                new EbpfTarget(0, found.whole(), found.firstByte(), found.sizeBytes(), known));
        byte[][] replicas = {new byte[16 * MIB]};
        write(disk.path(), 0, 8 * MIB);
        replay(ring, replicas);
        Tool.run("blkdiscard", "-z", "-o", "1048576", "-l", "2097152", disk.path().toString());
        Tool.run("blkdiscard", "-o", "4194304", "-l", "1048576", disk.path().toString());
        List<Read> read = replay(ring, replicas);
        assertThat(read.stream().filter(each -> each.kind() == CaptureRing.Kind.ZERO && each.offset() < 4 * MIB)
                .mapToLong(Read::lengthBytes).sum()).as("zeroes written").isEqualTo(2 * MIB);
        assertThat(read.stream().filter(each -> each.offset() >= 4 * MIB).map(Read::kind).distinct())
                .as("discarded").containsExactly(known ? CaptureRing.Kind.ZERO : CaptureRing.Kind.UNKNOWN);
        assertThat(read.stream().filter(each -> each.offset() >= 4 * MIB).mapToLong(Read::lengthBytes).sum())
                .isEqualTo(MIB);
        assertThat(ring.losses()).isZero();
        assertSame(replicas[0], content(disk.backing(), 0, 16 * MIB));
    }

    @Test
    void aWriteThatTheDeviceRefusesIsMarkedToBeReadAgain() throws Exception {
        Path small = folder.resolve("small");
        Tool.run("mkdir", small.toString());
        Tool.run("mount", "-t", "tmpfs", "-o", "size=8m", "none", small.toString());
        undoing.add(List.of("umount", small.toString()));
        LoopDisk disk = disk(small, 32 * MIB);
        CaptureRing ring = capture(PATIENCE_NANOS, target(0, disk.path()));
        byte[][] replicas = {new byte[32 * MIB]};
        assertThat(write(disk.path(), 0, 4 * MIB)).isZero();
        assertThat(ring.losses()).isZero();
        // In pieces that fit or do not: of one that fits in part a loop device says that all of it is written.
        int written = 0;
        while (write(disk.path(), 8L * MIB + written, BLOCK_BYTES) == 0) {
            written += BLOCK_BYTES;
        }
        assertThat(written).isLessThanOrEqualTo(4 * MIB);
        ring.settle();
        replay(ring, replicas);
        assertThat(ring.losses()).isEqualTo(1);
        List<Read> lost = new ArrayList<>();
        ring.takeLosses((index, offset, bytes) -> lost.add(new Read(CaptureRing.Kind.UNKNOWN, index, offset, bytes)));
        int refused = 8 * MIB + written;
        assertThat(lost).containsExactly(new Read(CaptureRing.Kind.UNKNOWN, 0, refused, BLOCK_BYTES));
        byte[] now = content(disk.backing(), 0, 32 * MIB);
        assertThat(Arrays.mismatch(replicas[0], now)).as("the record of it is not what the device holds")
                .isBetween(refused, refused + BLOCK_BYTES);
        System.arraycopy(now, refused, replicas[0], refused, BLOCK_BYTES);
        assertSame(replicas[0], now);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aFlushThatTheDeviceFailsIsCountedAndNoOther(boolean bounded) throws Exception {
        Tool.need("xfs_io");
        LoopDisk below = disk(folder, 64 * MIB);
        Tool.run("mke2fs", "-q", "-t", "ext4", below.path().toString());
        Path mounted = below.mount(below.path(), folder.resolve("mounted"));
        LoopDisk other = disk(mounted, 16 * MIB);
        LoopDisk disk = disk(mounted, 16 * MIB);
        CaptureRing ring = EbpfPins.attach(machine, List.of(target(0, disk.path())),
                new EbpfPins.Bounds(MIB, BLOCK_BYTES, PATIENCE_NANOS, bounded), disk.path(), random).ring();
        rings.add(ring);
        write(disk.path(), 0, 4096);
        assertThat(flush(disk)).isZero();
        assertThat(ring.undurable()).isZero();
        undoing.add(List.of("umount", "-l", mounted.toString()));
        Tool.run("xfs_io", "-x", "-c", "shutdown", mounted.toString());
        assertThat(flush(other)).isNotZero();
        assertThat(ring.undurable()).as("of a disk that is not protected").isZero();
        assertThat(flush(disk)).isNotZero();
        assertThat(ring.undurable()).isEqualTo(1);
        assertThat(write(disk.path(), 0, 4096)).as("a write that is not to be durable").isNotZero();
        assertThat(ring.undurable()).isEqualTo(1);
    }

    /** Has the device make durable what was written to it. */
    private static int flush(LoopDisk disk) throws Exception {
        return Tool.attempt("dd", "if=/dev/null", "of=" + disk.path(), "conv=fsync,notrunc", "status=none").exitCode();
    }

    @Test
    void aWriteThatDoesNotEndIsSaidToBeStuckAndWaitedForAgain() throws Exception {
        Tool.need("fsfreeze");
        LoopDisk below = disk(folder, 64 * MIB);
        Tool.run("mke2fs", "-q", "-t", "ext4", below.path().toString());
        Path mounted = below.mount(below.path(), folder.resolve("mounted"));
        LoopDisk disk = disk(mounted, 16 * MIB);
        CaptureRing ring = capture(2_000_000_000L, target(0, disk.path()));
        ring.settle();
        Tool.run("fsfreeze", "--freeze", mounted.toString());
        List<String> thaw = List.of("fsfreeze", "--unfreeze", mounted.toString());
        undoing.add(thaw);
        Process writer = new ProcessBuilder("dd", "if=/dev/zero", "of=" + disk.path(), "bs=4096", "count=1",
                "oflag=direct", "conv=notrunc", "status=none").start();
        try {
            while (ring.head() == ring.tail()) {
                assertThat(writer.isAlive()).isTrue();
                Thread.onSpinWait();
            }
            assertThatThrownBy(ring::settle).isInstanceOf(IOException.class)
                    .hasMessage("writes have been under way for 2 s and are not completed: is a disk stuck?");
            Tool.run(thaw.toArray(String[]::new));
            assertThat(writer.waitFor()).isZero();
            ring.settle();
            assertThat(replay(ring, new byte[16 * MIB])).hasSize(1);
        } finally {
            Tool.attempt(thaw.toArray(String[]::new));
            writer.destroyForcibly();
        }
    }
}
