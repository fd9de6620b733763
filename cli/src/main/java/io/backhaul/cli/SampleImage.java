package io.backhaul.cli;

import io.backhaul.blockio.file.RawDevice;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/**
 * Makes the disk that the quickstart protects: an ext4 file system with real files, those of the JDK that runs this
 * program, and one large file that a writer may overwrite in place.
 */
final class SampleImage {
    /** The file in it that may be overwritten. */
    static final String LEDGER = "ledger.db";
    private static final long LEDGER_BYTES = 16L << 20;
    private static final List<String> SOURCES = List.of("legal", "conf", "include", "jmods/java.base.jmod", "lib");
    private static final int PIECE_BYTES = 1 << 20;

    private SampleImage() {}

    /** Makes the image from a staging folder, which is filled here and left behind. */
    static void make(Path image, Path staging, long sizeBytes) throws IOException, InterruptedException {
        Files.createDirectory(staging);
        fill(staging, sizeBytes / 2);
        ledger(staging.resolve(LEDGER));
        Ext4.make(image, staging, sizeBytes);
    }

    /** A disk without a file system, for computers without mke2fs: seeded bytes, every second MiB of it zero. */
    static void makeRaw(Path image, long sizeBytes) throws IOException {
        var random = new SplittableRandom(1);
        byte[] piece = new byte[PIECE_BYTES];
        try (var device = RawDevice.create(image, sizeBytes)) {
            for (long offset = 0; offset + PIECE_BYTES <= sizeBytes; offset += 2L * PIECE_BYTES) {
                random.nextBytes(piece);
                device.write(offset, ByteBuffer.wrap(piece));
            }
            device.flush();
        }
    }

    private static void fill(Path staging, long budgetBytes) throws IOException {
        Path home = Path.of(System.getProperty("java.home"));
        long left = budgetBytes;
        for (String name : SOURCES) {
            for (Path file : filesBelow(home.resolve(name))) {
                long size = Files.size(file);
                if (size <= left / 2) {
                    Path copy = staging.resolve(home.relativize(file).toString());
                    Files.createDirectories(copy.resolveSibling("."));
                    Files.copy(file, copy);
                    left -= size;
                }
            }
        }
    }

    private static List<Path> filesBelow(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return List.of();
        }
        try (Stream<Path> all = Files.walk(folder)) {
            return new ArrayList<>(all.filter(Files::isRegularFile).filter(Files::isReadable).sorted().toList());
        } catch (UncheckedIOException failing) {
            throw failing.getCause();
        }
    }

    private static void ledger(Path file) throws IOException {
        var random = new SplittableRandom(2);
        byte[] piece = new byte[PIECE_BYTES];
        Files.createFile(file);
        for (long written = 0; written < LEDGER_BYTES; written += PIECE_BYTES) {
            random.nextBytes(piece);
            Files.write(file, piece, StandardOpenOption.APPEND);
        }
    }
}
