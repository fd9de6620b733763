package io.backhaul.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.blockio.volume.DirectoryVolume;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.Position;
import io.backhaul.source.StateFileException.Defect;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The files of the state folder: what survives, and what is refused. */
class FoldersTest {
    private static final UUID MACHINE = new UUID(3, 4);
    private static final DiskInfo DISK = new DiskInfo(0, "serial-1", (100 << 16) + 512, 512);
    private static final SourceState STATE = new SourceState(12, true, new UUID(5, 6), new UUID(7, 8),
            new Position(11, 99), true,
            new SourceState.Run(false, true, true),
            List.of(new SourceState.DiskState(DISK, 4096, "untouched")));

    private final MemoryVolume volume = new MemoryVolume();

    @Test
    void theLastSavedStateIsFound() throws IOException {
        StateFile file = StateFile.open(volume, MACHINE);
        assertThat(file.found()).isNull();
        for (long generation = 1; generation <= 12; generation++) {
            file.save(STATE.withGeneration(generation), true);
        }
        assertThat(StateFile.open(volume, MACHINE).found()).isEqualTo(STATE);
    }

    @Test
    void aStateWhoseWriteWasCutOffLeavesTheOneBefore() throws IOException {
        StateFile file = StateFile.open(volume, MACHINE);
        file.save(STATE.withGeneration(1), true);
        byte[] before = volume.bytes(StateFile.NAME).clone();
        file.save(STATE.withGeneration(2), true);
        byte[] now = volume.bytes(StateFile.NAME);
        // The first slot is half written, the second not at all.
        System.arraycopy(before, 4096 + 12, now, 4096 + 12, before.length - 4096 - 12);
        assertThat(StateFile.open(volume, MACHINE).found()).isEqualTo(STATE.withGeneration(1));
    }

    @Test
    void anySlotOfADurableStateMayRot() throws IOException {
        StateFile file = StateFile.open(volume, MACHINE);
        file.save(STATE.withGeneration(11), true);
        file.save(STATE, true);
        byte[] bytes = volume.bytes(StateFile.NAME);
        for (int slot = 4096; slot <= 4096 + (192 << 10); slot += 192 << 10) {
            for (int bit = 0; bit < 8 * (16 + 60); bit++) {
                bytes[slot + bit / 8] ^= (byte) (1 << bit % 8);
                assertThat(StateFile.open(volume, MACHINE).found()).as("bit %d behind %d", bit, slot).isEqualTo(STATE);
                bytes[slot + bit / 8] ^= (byte) (1 << bit % 8);
            }
        }
    }

    @Test
    void aStateThatWasOnlyWrittenLeavesTheLastDurableOneBeside() throws IOException {
        StateFile file = StateFile.open(volume, MACHINE);
        file.save(STATE, true);
        SourceState further = STATE.withJournaled(new Position(12, 5));
        file.save(further, false);
        file.save(further, false);
        assertThat(StateFile.open(volume, MACHINE).found()).isEqualTo(further);
        volume.bytes(StateFile.NAME)[4096 + 20] ^= 1;
        assertThat(StateFile.open(volume, MACHINE).found()).isEqualTo(STATE);
    }

    @Test
    void twoRottenSlotsAreNoState() throws IOException {
        StateFile.open(volume, MACHINE).save(STATE, true);
        volume.bytes(StateFile.NAME)[4096 + 20] ^= 1;
        volume.bytes(StateFile.NAME)[4096 + (192 << 10) + 20] ^= 1;
        assertThatThrownBy(() -> StateFile.open(volume, MACHINE)).isInstanceOfSatisfying(StateFileException.class,
                wrong -> assertThat(wrong.defect()).isEqualTo(Defect.CORRUPT));
    }

    @Test
    void aRottenSecondSlotIsMendedBeforeTheFirstIsTouched() throws IOException {
        StateFile.open(volume, MACHINE).save(STATE, true);
        byte[] bytes = volume.bytes(StateFile.NAME);
        int second = 4096 + (192 << 10);
        bytes[second + 20] ^= 1;
        StateFile again = StateFile.open(volume, MACHINE);
        again.save(STATE.withGeneration(13), false);
        bytes[4096 + 20] ^= 1;
        assertThat(StateFile.open(volume, MACHINE).found()).isEqualTo(STATE.withGeneration(13));
    }

    @Test
    void aMarkThatRotsInOneCopyIsAMarkStill() throws IOException {
        for (int copy = 0; copy < 2; copy++) {
            DirtyMap.create(volume, MACHINE, List.of(DISK), 65536).announce(0, 3 << 16, 1);
            byte[] bytes = volume.bytes(DiskMap.name(0));
            // Five bitmaps of a page each; the open epoch is the second.
            int at = 4096 + copy * 5 * 4096 + 4096;
            assertThat(bytes[at]).isEqualTo((byte) 8);
            bytes[at] = 0;
            DirtyMap map = DirtyMap.open(volume, MACHINE, List.of(DISK), 65536);
            assertThat(map.differingWords()).isEqualTo(1);
            assertThat(map.isDirty(0, 3)).isTrue();
            assertThat(DirtyMap.open(volume, MACHINE, List.of(DISK), 65536).differingWords()).isZero();
        }
    }

    @Test
    void bitsThatStandForNoBlockAreNoMarks() throws IOException {
        DirtyMap.create(volume, MACHINE, List.of(DISK), 65536).markPending(0, 0, 1);
        byte[] bytes = volume.bytes(DiskMap.name(0));
        // 101 blocks: bit 5 of byte 12 is the first of none.
        bytes[4096 + 12] |= 1 << 5;
        bytes[4096 + 200] |= 1;
        DirtyMap map = DirtyMap.open(volume, MACHINE, List.of(DISK), 65536);
        assertThat(map.differingWords()).isEqualTo(2);
        assertThat(map.pendingBytes(0)).isEqualTo(65536);
        map.taken(0, new DirtyMap.Stretch(0, 65536));
        assertThat(map.isAnyPending()).isFalse();
        assertThat(map.nextPending(0, 0, 1 << 20)).isNull();
    }

    @Test
    void aPendingMarkThatRotsIsCountedAndAClearedOneIsGoneFromBothCopies() throws IOException {
        DirtyMap map = DirtyMap.create(volume, MACHINE, List.of(DISK), 65536);
        map.markPending(0, 0, 2 << 16);
        volume.bytes(DiskMap.name(0))[4096] ^= 2;
        DirtyMap again = DirtyMap.open(volume, MACHINE, List.of(DISK), 65536);
        assertThat(again.pendingBytes(0)).isEqualTo(2 << 16);
        again.taken(0, new DirtyMap.Stretch(0, 2 << 16));
        DirtyMap last = DirtyMap.open(volume, MACHINE, List.of(DISK), 65536);
        assertThat(last.differingWords()).isZero();
        assertThat(last.markedBlocks(0)).isZero();
    }

    @Test
    void anotherMachinesAnotherVersionsAndADamagedHeaderAreThreeDifferentErrors() throws IOException {
        StateFile.open(volume, MACHINE).save(STATE, true);
        assertThatThrownBy(() -> StateFile.open(volume, new UUID(8, 8)))
                .isInstanceOfSatisfying(StateFileException.class,
                        wrong -> assertThat(wrong.defect()).isEqualTo(Defect.FOREIGN))
                .hasMessageContaining("folder of its own");
        byte[] bytes = volume.bytes(StateFile.NAME);
        for (int version : new int[]{StateFileHeader.VERSION - 1, StateFileHeader.VERSION + 1}) {
            ByteBuffer header = ByteBuffer.wrap(bytes).order(java.nio.ByteOrder.LITTLE_ENDIAN);
            header.putShort(6, (short) version);
            header.putInt(60, StateFileHeader.crc(bytes, 0, 60));
            assertThatThrownBy(() -> StateFile.open(volume, MACHINE)).isInstanceOfSatisfying(StateFileException.class,
                    wrong -> assertThat(wrong.defect())
                            .isEqualTo(version < StateFileHeader.VERSION ? Defect.TOO_OLD : Defect.TOO_NEW));
        }
        bytes[1] ^= 1;
        assertThatThrownBy(() -> StateFile.open(volume, MACHINE)).isInstanceOfSatisfying(StateFileException.class,
                wrong -> assertThat(wrong.defect()).isEqualTo(Defect.CORRUPT));
    }

    @Test
    void aFailedSaveIsMendedByTheNext() throws IOException {
        StateFile file = StateFile.open(volume, MACHINE);
        file.save(STATE, true);
        volume.failing = true;
        assertThatThrownBy(() -> file.save(STATE.withGeneration(13), true)).isInstanceOf(IOException.class);
        volume.failing = false;
        file.save(STATE.withGeneration(13), true);
        assertThat(StateFile.open(volume, MACHINE).found()).isEqualTo(STATE.withGeneration(13));
    }

    @Test
    void theDirtyMapMarksTheBlocksThatARangeTouchesAndNoOther() throws IOException {
        SplittableRandom random = new SplittableRandom(1);
        DiskMap map = DiskMap.create(volume, MACHINE, DISK, 4096, 2);
        BitSet expected = new BitSet();
        for (int i = 0; i < 400; i++) {
            long offset = random.nextLong(DISK.sizeBytes());
            long length = 1 + random.nextLong(Math.min(300_000, DISK.sizeBytes() - offset));
            boolean set = random.nextInt(3) > 0;
            int before = expected.cardinality();
            expected.set((int) (offset / 4096), (int) ((offset + length - 1) / 4096) + 1, set);
            long changed = set ? map.set(1, offset, length) : map.clear(1, offset, length);
            assertThat(changed).isEqualTo(Math.abs(expected.cardinality() - before));
            assertThat(map.count(1)).isEqualTo(expected.cardinality());
            assertThat(map.count(0)).isZero();
            int from = random.nextInt((int) map.blocks());
            assertThat(map.next(1, from)).isEqualTo(expected.nextSetBit(from));
        }
    }

    @Test
    void marksOutliveTheProcessOnARealFolder(@TempDir Path folder) throws IOException {
        DirectoryVolume real = DirectoryVolume.create(folder);
        DirtyMap map = DirtyMap.create(real, MACHINE, List.of(DISK), 65536);
        map.announce(0, 3 << 16, 70_000);
        map.markPending(0, 50 << 16, 1);
        // Nothing is closed or forced: the process ends here.
        DirtyMap again = DirtyMap.open(real, MACHINE, List.of(DISK), 65536);
        assertThat(again.isDirty(0, 3)).isTrue();
        assertThat(again.isDirty(0, 4)).isTrue();
        assertThat(again.isDirty(0, 50)).isTrue();
        assertThat(again.markedBlocks(0)).isEqualTo(3);
        assertThat(again.pendingBytes(0)).isEqualTo(65536);
        map.close();
        again.close();
    }

    @Test
    void anEpochIsClearedOnceJournaledAndNotWhileAChangeIsUnderWay() throws IOException {
        DirtyMap map = DirtyMap.create(volume, MACHINE, List.of(DISK), 65536);
        int ticket = map.announce(0, 0, 512);
        map.rotate(10);
        map.mark(0, 1 << 16, 512);
        assertThat(map.takeJournaled(10)).isEmpty();
        map.settled(ticket);
        assertThat(map.takeJournaled(9)).isEmpty();
        List<Integer> taken = map.takeJournaled(10);
        assertThat(taken).hasSize(1);
        taken.forEach(map::clear);
        taken.forEach(map::freed);
        assertThat(map.isDirty(0, 0)).isFalse();
        assertThat(map.isDirty(0, 1)).isTrue();
    }

    @Test
    void whenAllEpochsWaitTheOpenOneGoesOnCollecting() throws IOException {
        DirtyMap map = DirtyMap.create(volume, MACHINE, List.of(DISK), 65536);
        for (int i = 0; i < 10; i++) {
            map.mark(0, (long) i << 16, 512);
            map.rotate(i + 1);
        }
        assertThat(map.markedBlocks(0)).isEqualTo(10);
        assertThat(map.takeJournaled(10)).hasSize(DirtyMap.EPOCHS - 1);
    }

    @Test
    void foldingMakesEverythingPending() throws IOException {
        DirtyMap map = DirtyMap.create(volume, MACHINE, List.of(DISK), 65536);
        map.mark(0, 5 << 16, 512);
        map.rotate(1);
        map.mark(0, 100 << 16, 512);
        map.foldIntoPending();
        assertThat(map.pendingBytes(0)).isEqualTo(2 * 65536);
        assertThat(map.nextPending(0, 0, 1 << 20)).isEqualTo(new DirtyMap.Stretch(5 << 16, 65536));
        assertThat(map.nextPending(0, 6 << 16, 1 << 20)).isEqualTo(new DirtyMap.Stretch(100 << 16, 512));
    }
}
