package io.backhaul.cli;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The folder that a quickstart works in, and leaves no trace of unless told to keep it. */
final class Workplace implements AutoCloseable {
    /** Sockets in it must stay below what the kernel takes. */
    private static final int MAX_PATH_LENGTH = 70;

    private final Path folder;
    private final boolean keep;
    private final boolean isOurs;

    private Workplace(Path folder, boolean keep, boolean isOurs) {
        this.folder = folder;
        this.keep = keep;
        this.isOurs = isOurs;
    }

    /** Opens {@code wanted}, which is absent or empty, or makes a temporary one where nothing is wanted. */
    static Workplace open(Path wanted, boolean keep) throws IOException {
        if (wanted.toString().isEmpty()) {
            return new Workplace(Files.createTempDirectory("backhaul-"), keep, true);
        }
        Path folder = wanted.toAbsolutePath().normalize();
        if (folder.toString().length() > MAX_PATH_LENGTH) {
            throw Failure.usage("--dir " + wanted + ": the path is too long for sockets in it; name one below "
                    + MAX_PATH_LENGTH + " characters");
        }
        boolean isNew = !Files.exists(folder);
        Files.createDirectories(folder);
        try (Stream<Path> content = Files.list(folder)) {
            if (content.findAny().isPresent()) {
                throw Failure.usage("--dir " + wanted + ": the folder is not empty; name an empty or a new one");
            }
        }
        return new Workplace(folder, keep, isNew);
    }

    Path resolve(String name) {
        return folder.resolve(name);
    }

    Path folder() {
        return folder;
    }

    boolean isKept() {
        return keep;
    }

    @Override
    public synchronized void close() throws IOException {
        if (!keep && Files.exists(folder)) {
            Files.walkFileTree(folder, new Removal(isOurs ? null : folder));
        }
    }

    /** Removes a folder, where there is one, and everything in it. */
    static void remove(Path folder) throws IOException {
        if (Files.exists(folder)) {
            Files.walkFileTree(folder, new Removal(null));
        }
    }

    /** Of everything but {@code spared}. */
    private static final class Removal extends SimpleFileVisitor<Path> {
        private final @Nullable Path spared;

        Removal(@Nullable Path spared) {
            this.spared = spared;
        }

        @Override
        public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
            Files.delete(file);
            return FileVisitResult.CONTINUE;
        }

        @Override
        public FileVisitResult postVisitDirectory(Path visited, @Nullable IOException failure) throws IOException {
            if (!visited.equals(spared)) {
                Files.delete(visited);
            }
            return FileVisitResult.CONTINUE;
        }
    }
}
