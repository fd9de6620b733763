package io.backhaul.source.ebpf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.blockio.Tool;
import io.backhaul.blockio.bpf.BpfHandle;
import io.backhaul.blockio.bpf.SharedMemory;
import io.backhaul.blockio.system.BlockDevices;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the kernel puts into the ring, against what the device holds. */
class KernelRingIT {
    private static final long SIZE_BYTES = 64 << 20;

    private final UUID machine = UUID.randomUUID();
    private final Random random = new Random(machine.getMostSignificantBits());

    @TempDir
    Path folder;

    private LoopDisk disk;
    private RandomAccessFile replica;
    private long at;
    private int records;

    @BeforeEach
    void makeDisk() throws Exception {
        LoopDisk.needRoot();
        disk = LoopDisk.make(folder, SIZE_BYTES);
        replica = new RandomAccessFile(folder.resolve("replica").toFile(), "rw");
        replica.setLength(SIZE_BYTES);
    }

    @AfterEach
    void removeEverything() throws Exception {
        EbpfPins.detach(machine);
        if (disk != null) {
            disk.remove();
            replica.close();
        }
    }

    private EbpfPins.Attached attach(EbpfPins.Bounds sizes) throws Exception {
        List<EbpfTarget> targets = List.of(EbpfTarget.of(0, disk.path(), BlockDevices.read()));
        return EbpfPins.attach(machine, targets, sizes, disk.path(), random);
    }

    /** Applies what is in the ring; without releasing it. */
    private void replay(CaptureRing ring) throws IOException {
        CaptureRing.Cursor cursor = new CaptureRing.Cursor();
        for (long head = ring.head(); at < head; at = cursor.next) {
            assertThat(ring.read(at, cursor)).as("record complete").isTrue();
            byte[] bytes = new byte[(int) cursor.lengthBytes];
            if (cursor.kind == CaptureRing.Kind.DATA) {
                cursor.data.duplicate().get(bytes);
            }
            assertThat(cursor.kind).isNotEqualTo(CaptureRing.Kind.UNKNOWN);
            replica.seek(cursor.offset);
            replica.write(bytes);
            records++;
        }
    }

    private void assertReplicaIsTheDisk() throws Exception {
        assertThat(Files.mismatch(disk.backing(), folder.resolve("replica"))).isEqualTo(-1);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void everyWriteOfAFileSystemIsInTheRingInOrder(boolean bounded) throws Exception {
        try (CaptureRing ring = attach(new EbpfPins.Bounds(256 << 20, 64 << 10, 60_000_000_000L, bounded)).ring()) {
            Tool.run("mke2fs", "-q", "-t", "ext4", disk.path().toString());
            Path at = disk.mount(disk.path(), folder.resolve("mnt"));
            for (int i = 0; i < 40; i++) {
                byte[] bytes = new byte[random.nextInt(300_000)];
                random.nextBytes(bytes);
                Files.write(at.resolve("file-" + i), bytes);
                if (i % 3 == 0) {
                    Files.deleteIfExists(at.resolve("file-" + random.nextInt(i + 1) / 3 * 3));
                    Tool.run("sync", "-f", at.toString());
                }
            }
            Tool.run("fstrim", at.toString());
            disk.unmount(at);
            replay(ring);
            assertThat(ring.losses()).isZero();
            assertThat(records).isGreaterThan(100);
            assertReplicaIsTheDisk();
        }
    }

    @Test
    void directBufferedAndMappedWritesOfEverySizeAreCaptured() throws Exception {
        Tool.need("fio");
        try (CaptureRing ring = attach(new EbpfPins.Bounds(512 << 20, 64 << 10)).ring()) {
            for (String how : List.of("--direct=1 --ioengine=libaio --iodepth=8",
                    "--direct=0 --ioengine=psync --fsync=50",
                    "--ioengine=mmap")) {
                List<String> command = new ArrayList<>(List.of("fio", "--name=w", "--filename=" + disk.path(),
                        "--rw=randwrite", "--bsrange=4k-1m", "--io_size=40m", "--size=60m", "--randrepeat=0",
                        "--end_fsync=1", "--minimal"));
                command.addAll(List.of(how.split(" ")));
                Tool.run(command.toArray(String[]::new));
            }
            Tool.run("fio", "--name=s", "--filename=" + disk.path(), "--rw=randwrite", "--bsrange=512-16k",
                    "--bs_unaligned=0", "--blockalign=512", "--direct=1", "--io_size=2m", "--size=60m", "--minimal");
            replay(ring);
            assertThat(ring.losses()).isZero();
            assertReplicaIsTheDisk();
        }
    }

    @Test
    void theRingOutlivesItsReaderAndIsGoneAfterADetach() throws Exception {
        EbpfPins.Bounds sizes = new EbpfPins.Bounds(64 << 20, 64 << 10);
        try (CaptureRing ring = attach(sizes).ring()) {
            Tool.run("mke2fs", "-q", "-t", "ext4", disk.path().toString());
            replay(ring);
            ring.release(at);
        }
        Path point = disk.mount(disk.path(), folder.resolve("mnt"));
        Files.write(point.resolve("file"), new byte[100_000]);
        disk.unmount(point);
        EbpfPins.Attached again = attach(sizes);
        assertThat(again.found()).isEmpty();
        try (CaptureRing ring = again.ring()) {
            assertThat(ring.tail()).isEqualTo(at);
            assertThat(ring.head()).isGreaterThan(at);
            replay(ring);
            assertReplicaIsTheDisk();
        }
        assertThat(EbpfPins.detach(machine)).isTrue();
        assertThat(EbpfPins.isPinned(machine)).isFalse();
        assertThat(EbpfPins.detach(machine)).isFalse();
    }

    @Test
    void whileAnAgentHoldsItNobodyElseCapturesForTheMachineOrDetachesIt() throws Exception {
        EbpfPins.Bounds sizes = new EbpfPins.Bounds(1 << 20, 64 << 10);
        try (CaptureRing ring = attach(sizes).ring()) {
            assertThatThrownBy(() -> attach(sizes)).isInstanceOf(IOException.class)
                    .hasMessage(
                            "an agent of machine " + machine + " is running and captures in the kernel: stop it first");
            assertThatThrownBy(() -> EbpfPins.detach(machine)).isInstanceOf(IOException.class)
                    .hasMessageContaining("stop it first");
            assertThat(EbpfPins.isPinned(machine)).isTrue();
            // By hand, past us.
            try (Stream<Path> pins = Files.list(EbpfPins.folder(machine))) {
                for (Path pin : pins.toList()) {
                    Files.delete(pin);
                }
            }
            Tool.run("dd", "if=/dev/urandom", "of=" + disk.path(), "bs=64k", "count=1", "oflag=direct", "status=none");
            replay(ring);
            assertReplicaIsTheDisk();
        }
        assertThat(EbpfPins.detach(machine)).isTrue();
        assertThat(EbpfPins.isPinned(machine)).isFalse();
    }

    /** What somebody does to the pins while no agent runs, and what the next one says. */
    enum LeftOver {
        VERSION("it was left by another version of the agent, with layout 99"), NO_LINK(
                "of what was pinned there is no link-queue any more"),
        CUT_OFF(
                "an earlier beginning was cut off"),
        STRANGE(
                "an earlier beginning was cut off"),
        SIZES("it was begun with other sizes");

        private final String said;

        LeftOver(String said) {
            this.said = said;
        }
    }

    @ParameterizedTest
    @EnumSource
    void aLeftOverThatCannotBeGoneOnWithIsReplacedAndSaid(LeftOver how) throws Exception {
        EbpfPins.Bounds sizes = new EbpfPins.Bounds(1 << 20, 64 << 10);
        attach(sizes).ring().close();
        Path folder = EbpfPins.folder(machine);
        switch (how) {
            case VERSION -> {
                try (BpfHandle map = BpfHandle.open(folder.resolve("control"));
                        SharedMemory control = map.map(0, KernelLayout.CONTROL_BYTES, true)) {
                    control.setIntVolatile(KernelLayout.CONTROL_VERSION, 99);
                }
            }
            case NO_LINK -> Files.delete(folder.resolve("link-queue"));
            case CUT_OFF -> Files.delete(folder.resolve("ready"));
            case STRANGE -> {
                Files.move(folder.resolve("ready"), folder.resolve("of-another-layout"));
                Files.createDirectories(folder.resolve("of-another-layout/deeper"));
            }
            case SIZES -> sizes = new EbpfPins.Bounds(2 << 20, 64 << 10);
        }
        EbpfPins.Attached again = attach(sizes);
        try (CaptureRing ring = again.ring()) {
            assertThat(again.found()).isEqualTo(how.said);
            Tool.run("dd", "if=/dev/urandom", "of=" + disk.path(), "bs=64k", "count=1", "oflag=direct", "status=none");
            replay(ring);
            assertReplicaIsTheDisk();
        }
        try (Stream<Path> pins = Files.list(folder)) {
            assertThat(pins).hasSize(11);
        }
    }

    @Test
    void ofACaptureThatCannotBeginNothingStays() throws Exception {
        assertThatThrownBy(() -> EbpfPins.attach(machine,
                List.of(EbpfTarget.of(0, disk.path(), BlockDevices.read())), new EbpfPins.Bounds(1 << 20, 64 << 10),
                folder.resolve("no-such-disk"), random)).isInstanceOf(IOException.class);
        assertThat(EbpfPins.isPinned(machine)).isFalse();
    }

    @Test
    void whatDoesNotFitIsMarkedBeforeItIsCounted() throws Exception {
        try (CaptureRing ring = attach(new EbpfPins.Bounds(1 << 20, 64 << 10)).ring()) {
            Tool.run("dd", "if=/dev/urandom", "of=" + disk.path(), "bs=1M", "count=40", "oflag=direct", "status=none");
            replay(ring);
            assertThat(ring.losses()).isPositive();
            ByteBuffer part = ByteBuffer.allocate(64 << 10);
            long[] blocks = new long[1];
            long taken = ring.takeLosses((index, offset, length) -> {
                blocks[0]++;
                copy(offset, length);
            });
            assertThat(taken).isEqualTo(ring.losses());
            assertThat(part.capacity()).isPositive();
            assertThat(blocks[0]).isBetween(500L, 641L);
            assertReplicaIsTheDisk();
            ring.takeLosses((index, offset, length) -> blocks[0] = -1);
            assertThat(blocks[0]).as("nothing is handed over twice").isPositive();
        }
    }

    private void copy(long offset, long length) {
        try (RandomAccessFile source = new RandomAccessFile(disk.backing().toFile(), "r")) {
            byte[] bytes = new byte[(int) length];
            source.seek(offset);
            source.readFully(bytes);
            replica.seek(offset);
            replica.write(bytes);
        } catch (IOException failed) {
            throw new java.io.UncheckedIOException(failed);
        }
    }
}
