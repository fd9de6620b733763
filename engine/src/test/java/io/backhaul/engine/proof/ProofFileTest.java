package io.backhaul.engine.proof;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.blockio.MemoryDevice;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.Limits;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The file: its bytes, what is found to be wrong with it, and what is never taken for it. */
class ProofFileTest {
    private static final UUID MACHINE = UUID.fromString("00112233-4455-6677-8899-aabbccddeeff");
    private static final ProofWriter.Mark MARK = new ProofWriter.Mark(MACHINE, new Position(3, 77), "before",
            1_795_000_000_000_000L);
    private static final String NAME = "a.proof";

    private final ArrayVolume volume = new ArrayVolume();

    private static DiskInfo disk(int index, long sizeBytes) {
        return new DiskInfo(index, "disk-" + index, sizeBytes, 512);
    }

    private static ByteBuffer digest(int fill) {
        byte[] digest = new byte[Limits.DIGEST_BYTES];
        Arrays.fill(digest, (byte) fill);
        return ByteBuffer.wrap(digest);
    }

    private ProofWriter writer(DiskInfo... disks) throws IOException {
        return ProofWriter.create(volume, NAME, List.of(disks));
    }

    private static ProofHeader finish(ProofWriter writer) throws IOException {
        while (writer.buildOn()) {
            // Page by page.
        }
        try (writer) {
            return writer.finish(MARK);
        }
    }

    private ProofHeader readAll() throws IOException {
        try (ProofReader reader = ProofReader.open(volume, NAME)) {
            reader.readAll((disk, offset, lengthBytes) -> {});
            return reader.header();
        }
    }

    private byte[] file() {
        return volume.files.getOrDefault(NAME, new byte[0]);
    }

    private static byte[] sha256(byte[] bytes, int from, int to) throws Exception {
        return MessageDigest.getInstance("SHA-256").digest(Arrays.copyOfRange(bytes, from, to));
    }

    @Test
    void theBytesAreThoseThatAreDocumented() throws Exception {
        ProofWriter writer = writer(disk(0, 130 << 10));
        writer.put(0, 0, digest(0xab));
        writer.put(0, 2, ChunkDigests.unproved());
        ProofHeader header = finish(writer);

        byte[] expected = new byte[8192];
        Arrays.fill(expected, 4096, 4112, (byte) 0xab);
        Arrays.fill(expected, 4128, 4144, (byte) 0xff);
        ByteBuffer bytes = ByteBuffer.wrap(expected).order(ByteOrder.LITTLE_ENDIAN);
        bytes.put(HexFormat.of().parseHex("89424b500d0a1a0a")).putShort((short) 1).putShort((short) 1).putInt(4096);
        bytes.put(HexFormat.of().parseHex("00112233445566778899aabbccddeeff"));
        bytes.putLong(3).putLong(77).putLong(1_795_000_000_000_000L).putInt(65536).putInt(1);
        bytes.putShort((short) 6).put("before".getBytes(StandardCharsets.UTF_8));
        CRC32C crc = new CRC32C();
        crc.update(expected, 0, 508);
        bytes.putInt(508, (int) crc.getValue());
        bytes.position(1024).putInt(0).putInt(6).putInt(512).putInt(0).putLong(130 << 10).putLong(2 << 10);
        bytes.put(sha256(expected, 4096, 8192)).put("disk-0".getBytes(StandardCharsets.UTF_8));
        bytes.put(4064, sha256(expected, 0, 4064));

        assertThat(file()).isEqualTo(expected);
        assertThat(header.root()).isEqualTo("b95634298b579b35f0026d7c8eade6b28d7b9a8766c84e6000652bdf7990bfd6")
                .isEqualTo(HexFormat.of().formatHex(expected, 4064, 4096));
        assertThat(header.provedBytes()).isEqualTo(128 << 10);
        assertThat(readAll()).isEqualTo(header);
    }

    @Test
    void everyBitThatIsFlippedIsFound() throws Exception {
        ProofWriter writer = writer(disk(0, 1 << 20));
        for (int chunk = 0; chunk < 16; chunk++) {
            writer.put(0, chunk, digest(chunk));
        }
        finish(writer);
        byte[] bytes = file();
        for (int bit = 0; bit < bytes.length * 8; bit++) {
            bytes[bit / 8] ^= (byte) (1 << bit % 8);
            try {
                readAll();
                throw new AssertionError("a flip of bit " + bit + " is not found");
            } catch (ProofException found) {
                bytes[bit / 8] ^= (byte) (1 << bit % 8);
            }
        }
        readAll();
    }

    @Test
    void damageIsFoundOnEachLevelOfALargeTreeAndBeforeAnyDigestUnderItIsBelieved() throws Exception {
        long size = 3L << 30;
        ProofWriter writer = writer(disk(0, 1 << 20), disk(1, size));
        long last = size / ProofTree.CHUNK_BYTES - 1;
        writer.put(1, last, digest(5));
        finish(writer);
        ProofTree tree = ProofHeader.trees(List.of(disk(0, 1 << 20), disk(1, size))).get(1);
        assertThat(tree.pages()).containsExactly(192L, 2L, 1L);
        readAll();
        for (int level = 0; level <= tree.top(); level++) {
            int at = (int) tree.offset(level, tree.pages().get(level) - 1);
            file()[at + 9] ^= 1;
            try (ProofReader reader = ProofReader.open(volume, NAME)) {
                assertThat(reader.digest(0, 0)).as("the other disk").isEqualTo(digest(0));
                assertThatThrownBy(() -> reader.digest(1, last)).isInstanceOf(ProofException.class)
                        .hasMessageContaining("it is damaged at " + at);
            }
            file()[at + 9] ^= 1;
        }
        try (ProofReader reader = ProofReader.open(volume, NAME)) {
            assertThat(reader.digest(1, last)).isEqualTo(digest(5));
            assertThat(reader.digest(1, 0)).isEqualTo(digest(0));
        }
    }

    @Test
    void pagesOfAnotherProofDoNotFit() throws Exception {
        ProofWriter other = writer(disk(0, 1 << 20));
        other.put(0, 0, digest(1));
        finish(other);
        byte[] theirs = file();
        volume.files.clear();
        ProofWriter writer = writer(disk(0, 1 << 20));
        writer.put(0, 0, digest(2));
        finish(writer);
        System.arraycopy(theirs, 4096, file(), 4096, 4096);
        assertThatThrownBy(this::readAll).isInstanceOf(ProofException.class).hasMessageContaining("damaged at 4096");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 100, 4095, 4096, 8191})
    void whatIsCutOffIsNoProof(int length) throws Exception {
        finish(writer(disk(0, 1 << 20)));
        volume.files.put(NAME, Arrays.copyOf(file(), length));
        assertThatThrownBy(this::readAll).isInstanceOfSatisfying(ProofException.class,
                wrong -> assertThat(wrong.defect()).isEqualTo(ProofException.Defect.CORRUPT));
    }

    @Test
    void whatIsLongerIsNoProof() throws Exception {
        finish(writer(disk(0, 1 << 20)));
        volume.files.put(NAME, Arrays.copyOf(file(), 8193));
        assertThatThrownBy(this::readAll).isInstanceOf(ProofException.class).hasMessageContaining("8193");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2})
    void anotherVersionIsToldFromDamage(int version) throws Exception {
        finish(writer(disk(0, 1 << 20)));
        ByteBuffer bytes = ByteBuffer.wrap(file()).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putShort(8, (short) version);
        CRC32C crc = new CRC32C();
        crc.update(file(), 0, 508);
        bytes.putInt(508, (int) crc.getValue());
        assertThatThrownBy(this::readAll).isInstanceOfSatisfying(ProofException.class,
                wrong -> assertThat(wrong.defect()).isEqualTo(
                        version == 0 ? ProofException.Defect.TOO_OLD : ProofException.Defect.TOO_NEW));
    }

    @Test
    void whatIsNotCompleteDoesNotHaveTheName() throws Exception {
        ProofWriter writer = writer(disk(0, 1 << 20));
        assertThat(volume.files).containsOnlyKeys(NAME + ".new");
        writer.close();
        assertThat(volume.files).isEmpty();
    }

    @Test
    void whatANameCannotBeMadeDurableForIsTakenBack() throws Exception {
        ProofWriter writer = writer(disk(0, 1 << 20));
        volume.failsToSync = true;
        assertThatThrownBy(() -> finish(writer)).hasMessage("as told");
        assertThat(volume.files).isEmpty();
    }

    @Test
    void whatALifeThatWasKilledHasLeftIsReplacedAndAFileThatIsThereIsNot() throws Exception {
        writer(disk(0, 1 << 20)).abandon();
        assertThat(volume.files).containsOnlyKeys(NAME + ".new");
        finish(writer(disk(0, 1 << 20)));
        assertThatThrownBy(() -> writer(disk(0, 1 << 20))).hasMessageContaining("exists in memory");
        assertThat(volume.files).containsOnlyKeys(NAME);
    }

    @Test
    void aDiskIsComparedChunkByChunk() throws Exception {
        for (long seed = 1; seed <= 200; seed++) {
            volume.files.clear();
            Random random = new Random(seed);
            int size = (1 + random.nextInt(600)) * 512 * (1 + random.nextInt(20));
            var disk = new MemoryDevice(size);
            for (int i = random.nextInt(6); i > 0; i--) {
                byte[] data = new byte[512 * (1 + random.nextInt(300))];
                random.nextBytes(data);
                int length = Math.min(data.length, size);
                disk.write(random.nextInt(size - length + 1) / 512 * 512L, ByteBuffer.wrap(data, 0, length));
            }
            ProofWriter writer = writer(disk(0, size));
            ChunkDigests digests = new ChunkDigests();
            int chunks = (int) ProofTree.chunks(size);
            List<Boolean> unproved = new ArrayList<>();
            for (int chunk = 0; chunk < chunks; chunk++) {
                int length = Math.min(ProofTree.CHUNK_BYTES, size - chunk * ProofTree.CHUNK_BYTES);
                unproved.add(random.nextInt(8) == 0);
                writer.put(0, chunk, unproved.get(chunk) ? ChunkDigests.unproved()
                        : digests.of(disk, (long) chunk * ProofTree.CHUNK_BYTES, length));
            }
            finish(writer);
            long[] expected = {0, 0};
            boolean[] changed = new boolean[chunks];
            for (int i = random.nextInt(4); i > 0; i--) {
                int at = random.nextInt(size);
                ByteBuffer one = ByteBuffer.allocate(1);
                disk.read(at, one);
                disk.write(at, ByteBuffer.wrap(new byte[]{(byte) (one.get(0) + 1)}));
                changed[at / ProofTree.CHUNK_BYTES] = true;
            }
            for (int chunk = 0; chunk < chunks; chunk++) {
                int length = Math.min(ProofTree.CHUNK_BYTES, size - chunk * ProofTree.CHUNK_BYTES);
                expected[0] += unproved.get(chunk) ? length : 0;
                expected[1] += !unproved.get(chunk) && changed[chunk] ? length : 0;
            }
            try (ProofReader reader = ProofReader.open(volume, NAME)) {
                ProofCheck.Result result = ProofCheck.of(reader, 0, disk, (done, total) -> {});
                assertThat(result.unprovedBytes()).as("seed %d", seed).isEqualTo(expected[0])
                        .isEqualTo(reader.header().unprovedBytes());
                assertThat(result.differingBytes()).as("seed %d", seed).isEqualTo(expected[1]);
                assertThat(result.provedBytes()).isEqualTo(size - expected[0] - expected[1]);
                result.differing().forEach(extent -> {
                    for (long at = extent.offset(); at < extent.offset() + extent.lengthBytes(); at += 512) {
                        assertThat(changed[(int) (at / ProofTree.CHUNK_BYTES)]).isTrue();
                    }
                });
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {192 << 10, 200 << 10, 320 << 10})
    void aDiskOfAnotherSizeDiffers(int size) throws Exception {
        finish(writer(disk(0, 256 << 10)));
        try (ProofReader reader = ProofReader.open(volume, NAME)) {
            ProofCheck.Result result = ProofCheck.of(reader, 0, new MemoryDevice(size),
                    (done, total) -> {});
            long common = Math.min(size, 256L << 10) / ProofTree.CHUNK_BYTES * ProofTree.CHUNK_BYTES;
            assertThat(result.differing()).containsExactly(
                    new NamedExtents.Extent(common, Math.max(size, 256 << 10) - common));
            assertThat(result.isProved()).isFalse();
        }
    }
}
