package io.backhaul.mastertarget;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.engine.log.CrashVolume;
import io.backhaul.engine.log.StoreException;
import io.backhaul.engine.log.StoreException.Kind;
import io.backhaul.mastertarget.Checkpoint.Base;
import io.backhaul.mastertarget.Checkpoint.Promotion;
import io.backhaul.mastertarget.Checkpoint.Stage;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;

final class CheckpointFileTest {
    private static final UUID MACHINE = UUID.fromString("0b6ea1a3-3d0d-4c57-9a39-1d3f0f1b2c3d");
    private final CrashVolume volume = new CrashVolume("volume");

    private static Checkpoint checkpoint(int step) {
        return new Checkpoint(MACHINE, new UUID(step, 5), "dätabase-1",
                List.of(new PlacedDisk(new DiskInfo(0, "naa.1", 1 << 20, 512), DiskFormat.VMDK, "/store/a/disk-0.vmdk"),
                        new PlacedDisk(new DiskInfo(7, "naa.2", 8192, 4096), DiskFormat.DEVICE, "/dev/sdq")),
                new Base(new Position(3, step), Fidelity.ORDERED, 1_700_000_000_000_000L + step), step % 2 == 0,
                step % 3 == 0, new Position(4, 9), new Promotion(Stage.INTENDED, new Position(4, 11)),
                new Position(2, step));
    }

    @Test
    void whatWasSavedIsLoaded() throws IOException {
        CheckpointFile file = new CheckpointFile(volume, MACHINE);
        assertThat(file.load()).isNull();
        for (int step = 0; step < 5; step++) {
            file.save(checkpoint(step));
            assertThat(new CheckpointFile(volume, MACHINE).load()).isEqualTo(checkpoint(step));
        }
    }

    @Test
    void aFileThatIsOutgrownIsReplaced() throws IOException {
        CheckpointFile file = new CheckpointFile(volume, MACHINE);
        file.save(Checkpoint.fresh(MACHINE, MACHINE));
        List<PlacedDisk> disks = java.util.stream.IntStream.range(0, 200)
                .mapToObj(index -> new PlacedDisk(new DiskInfo(index, "naa." + index, 512, 512), DiskFormat.RAW,
                        "/store/" + "long".repeat(40) + index))
                .toList();
        Checkpoint many = Checkpoint.fresh(MACHINE, MACHINE).withDisks("many", disks);
        file.save(many);
        assertThat(new CheckpointFile(volume, MACHINE).load()).isEqualTo(many);
    }

    @Test
    void savingNeedsNoRoom() throws IOException {
        CheckpointFile file = new CheckpointFile(volume, MACHINE);
        file.save(checkpoint(1));
        volume.capacity(volume.bytes(CheckpointFile.NAME).length);
        file.save(checkpoint(2));
        assertThat(new CheckpointFile(volume, MACHINE).load()).isEqualTo(checkpoint(2));
    }

    @Test
    void aSaveThatIsCutOffLeavesTheOldOrTheNew() throws IOException {
        for (int seed = 0; seed < 300; seed++) {
            Random random = new Random(seed);
            CrashVolume torn = new CrashVolume("torn");
            CheckpointFile file = new CheckpointFile(torn, MACHINE);
            file.save(checkpoint(1));
            torn.failIn(random.nextInt(5), new IOException("gone"));
            boolean saved = true;
            try {
                file.save(checkpoint(2));
            } catch (IOException cutOff) {
                saved = false;
            }
            torn.crash(random);
            Checkpoint found = new CheckpointFile(torn, MACHINE).load();
            if (saved) {
                assertThat(found).as("seed %d", seed).isEqualTo(checkpoint(2));
            } else {
                assertThat(found).as("seed %d", seed).isIn(checkpoint(1), checkpoint(2));
            }
        }
    }

    @Test
    void aFlippedBitInOneCopyIsCoveredByTheOtherAndInBothIsCorrupt() throws IOException {
        CheckpointFile file = new CheckpointFile(volume, MACHINE);
        file.save(checkpoint(1));
        file.save(checkpoint(2));
        byte[] whole = volume.bytes(CheckpointFile.NAME);
        int used = CheckpointCodec.encode(checkpoint(2), 1, 0).remaining();
        for (int bit = 0; bit < used * 8; bit++) {
            byte[] one = whole.clone();
            one[bit / 8] ^= (byte) (1 << bit % 8);
            volume.put(CheckpointFile.NAME, one);
            assertThat(new CheckpointFile(volume, MACHINE).load()).as("bit %d", bit).isEqualTo(checkpoint(2));
            one[whole.length / 2 + bit / 8] ^= (byte) (1 << bit % 8);
            volume.put(CheckpointFile.NAME, one);
            assertThatThrownBy(() -> new CheckpointFile(volume, MACHINE).load()).as("bit %d", bit)
                    .isInstanceOf(StoreException.class);
        }
    }

    @Test
    void anotherMachinesFileAndAnotherVersionAreErrorsOfTheirOwn() throws IOException {
        new CheckpointFile(volume, MACHINE).save(checkpoint(1));
        assertThatThrownBy(() -> new CheckpointFile(volume, new UUID(1, 1)).load())
                .isInstanceOfSatisfying(StoreException.class, why -> assertThat(why.kind()).isEqualTo(Kind.FOREIGN));
        ByteBuffer newer = CheckpointCodec.encode(checkpoint(1), 5, 4096);
        newer.putShort(4, (short) (newer.getShort(4) + 1));
        var crc = new java.util.zip.CRC32C();
        crc.update(newer.slice(0, 40));
        crc.update(newer.slice(CheckpointCodec.HEADER_BYTES, newer.limit() - CheckpointCodec.HEADER_BYTES));
        newer.putInt(40, (int) crc.getValue());
        byte[] both = new byte[8192];
        newer.get(0, both, 0, newer.limit());
        newer.get(0, both, 4096, newer.limit());
        volume.put(CheckpointFile.NAME, both);
        assertThatThrownBy(() -> new CheckpointFile(volume, MACHINE).load())
                .isInstanceOfSatisfying(StoreException.class, why -> assertThat(why.kind()).isEqualTo(Kind.TOO_NEW));
    }
}
