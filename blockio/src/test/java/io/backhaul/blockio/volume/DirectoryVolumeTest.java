package io.backhaul.blockio.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DirectoryVolumeTest {
    @TempDir
    Path folder;

    private Volume volume;

    @BeforeEach
    void open() throws Exception {
        volume = DirectoryVolume.create(folder.resolve("a/b"));
    }

    @Test
    void filesAreCreatedOnceListedRenamedAndDeleted() throws Exception {
        volume.create("two").close();
        volume.create("one").close();
        volume.folder("sub").create("three").close();
        assertThatThrownBy(() -> volume.create("one")).isInstanceOf(FileAlreadyExistsException.class);
        assertThatThrownBy(() -> volume.open("none")).isInstanceOf(NoSuchFileException.class);
        assertThat(volume.list("")).containsExactly("one", "two");
        assertThat(volume.list("sub")).containsExactly("three");
        volume.rename("two", "one");
        volume.syncFolder("");
        assertThat(volume.list("")).containsExactly("one");
        volume.delete("sub/three");
        assertThat(volume.exists("sub/three")).isFalse();
        assertThat(volume.exists("one")).isTrue();
        assertThat(volume.folder("sub").list("")).isEmpty();
        assertThat(volume.freeBytes()).isPositive();
        assertThat(volume.describe()).isEqualTo(folder.resolve("a/b").toString());
    }

    @Test
    void namesNeverLeaveTheVolume() {
        assertThatThrownBy(() -> volume.create("../escaped")).isInstanceOf(IOException.class)
                .hasMessageContaining("leaves the volume");
        assertThatThrownBy(() -> volume.open("/etc/hostname")).isInstanceOf(IOException.class)
                .hasMessageContaining("leaves the volume");
        assertThat(folder.resolve("a/escaped")).doesNotExist();
        assertThat(volume.exists("../../a")).isFalse();
    }

    @Test
    void openingWhatIsNoFolderSaysSo() throws Exception {
        Path file = Files.createFile(folder.resolve("file"));
        assertThatThrownBy(() -> DirectoryVolume.open(file)).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> DirectoryVolume.open(folder.resolve("none"))).isInstanceOf(NoSuchFileException.class);
    }

    @Test
    void bytesAreReadBackWhereTheyWereWritten() throws Exception {
        try (StoredFile file = volume.create("log")) {
            file.write(3, bytes("abc"));
            file.write(6, new ByteBuffer[]{bytes("de"), ByteBuffer.allocate(0), bytes("fgh")});
            file.sync();
            assertThat(file.length()).isEqualTo(11);
            assertThat(read(file, 0, 20)).isEqualTo("\0\0\0abcdefgh");
            assertThat(file.read(11, ByteBuffer.allocate(1))).isEqualTo(-1);
            file.truncate(5);
            assertThat(read(file, 0, 20)).isEqualTo("\0\0\0ab");
            file.truncate(7);
            assertThat(read(file, 0, 20)).isEqualTo("\0\0\0ab\0\0");
            file.preallocate(1 << 20);
            assertThat(file.length()).isEqualTo(7);
        }
        assertThat(folder.resolve("a/b/log")).hasBinaryContent("\0\0\0ab\0\0".getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void gatheringWritesOfSeveralThreadsDoNotMix() throws Exception {
        int threads = 4;
        int rounds = 500;
        try (StoredFile file = volume.create("log"); ExecutorService pool = Executors.newFixedThreadPool(threads)) {
            List<Future<?>> running = new ArrayList<>();
            for (int index = 0; index < threads; index++) {
                String mark = String.valueOf((char) ('a' + index));
                int lane = index;
                running.add(pool.submit(() -> {
                    for (int round = 0; round < rounds; round++) {
                        file.write((long) (round * threads + lane) * 8,
                                new ByteBuffer[]{bytes(mark.repeat(3)), bytes(mark.repeat(5))});
                    }
                    return null;
                }));
            }
            for (Future<?> one : running) {
                one.get();
            }
            assertThat(read(file, 0, threads * rounds * 8))
                    .isEqualTo("aaaaaaaabbbbbbbbccccccccdddddddd".repeat(rounds));
        }
    }

    @Test
    void aFailedWritePoisonsTheFileButNotItsReads() throws Exception {
        try (StoredFile file = volume.create("log")) {
            file.write(0, bytes("good"));
            assertThatThrownBy(() -> file.write(Long.MAX_VALUE - 4, bytes("too far"))).isInstanceOf(IOException.class);
            assertThatThrownBy(file::sync).isInstanceOf(IOException.class).hasMessageContaining("after a failure");
            assertThatThrownBy(() -> file.write(4, bytes("more"))).isInstanceOf(IOException.class)
                    .hasMessageContaining("after a failure");
            assertThatThrownBy(() -> file.truncate(0)).isInstanceOf(IOException.class)
                    .hasMessageContaining("after a failure");
            assertThat(read(file, 0, 10)).isEqualTo("good");
        }
        try (StoredFile file = volume.open("log")) {
            file.write(4, bytes("!"));
            file.sync();
        }
    }

    @Test
    void aMappedRegionIsTheFile() throws Exception {
        try (StoredFile file = volume.create("map")) {
            MappedRegion region = file.map(8, 64);
            assertThat(file.length()).isEqualTo(72);
            region.putLong(0, 0x0102030405060708L);
            region.putByte(63, (byte) 9);
            assertThat(region.getAndSetBits(8, 0b1010)).isZero();
            assertThat(region.getAndClearBits(8, 0b0010)).isEqualTo(0b1010);
            assertThat(region.getLong(8)).isEqualTo(0b1000);
            region.force();
            ByteBuffer read = ByteBuffer.allocate(72);
            file.read(0, read);
            assertThat(read.get(8)).as("little-endian").isEqualTo((byte) 8);
            assertThat(read.get(71)).isEqualTo((byte) 9);
            assertThatThrownBy(() -> region.getLong(64)).isInstanceOf(IndexOutOfBoundsException.class);
            region.close();
            assertThatThrownBy(() -> region.getByte(0)).isInstanceOf(IllegalStateException.class);
        }
    }

    private static String read(StoredFile file, long offset, int length) throws IOException {
        ByteBuffer target = ByteBuffer.allocate(length);
        while (target.hasRemaining() && file.read(offset + target.position(), target) > 0) {
            // until it is full or the file ends
        }
        return new String(target.array(), 0, target.position(), StandardCharsets.UTF_8);
    }

    private static ByteBuffer bytes(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    }
}
