package io.backhaul.engine.config;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;

/** Small files that are written as a whole, such as keys and inventories: there is the old one or the new one. */
public final class WholeFile {
    private static final String OWNER_ONLY = "rw-------";
    private static final String READABLE = "rw-r--r--";

    private WholeFile() {}

    /** Who may read it beside its owner. */
    public enum Readers {
        NOBODY, EVERYBODY
    }

    /** Writes the file, in the place of one that is there; durable on return. */
    public static void replace(Path file, byte[] content, Readers readers) throws IOException {
        Path folder = folderOf(file);
        Path fresh = written(file, content, readers);
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        sync(folder);
    }

    /**
     * Writes the file; durable on return.
     *
     * @throws FileAlreadyExistsException
     *             where one is there, which stays as it is
     */
    public static void create(Path file, byte[] content, Readers readers) throws IOException {
        Path folder = folderOf(file);
        Path fresh = written(file, content, readers);
        try {
            Files.createLink(file, fresh);
        } finally {
            Files.delete(fresh);
        }
        sync(folder);
    }

    private static Path folderOf(Path file) {
        Path folder = file.toAbsolutePath().getParent();
        if (folder == null) {
            throw new IllegalArgumentException(file + " is no file");
        }
        return folder;
    }

    private static Path written(Path file, byte[] content, Readers readers) throws IOException {
        Path fresh = folderOf(file).resolve("." + file.getFileName() + ".new." + ProcessHandle.current().pid());
        Files.deleteIfExists(fresh);
        var rights = PosixFilePermissions.fromString(readers == Readers.NOBODY ? OWNER_ONLY : READABLE);
        try (FileChannel channel = FileChannel.open(fresh,
                Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                PosixFilePermissions.asFileAttribute(rights))) {
            ByteBuffer rest = ByteBuffer.wrap(content);
            while (rest.hasRemaining()) {
                channel.write(rest);
            }
            channel.force(true);
        }
        return fresh;
    }

    private static void sync(Path folder) throws IOException {
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    /** Does {@code work} while everybody else is kept out of what {@code lockFile} stands for; waits for its turn. */
    public static synchronized <T> T whileLocked(Path lockFile, Work<T> work) throws IOException {
        var rights = PosixFilePermissions.fromString(OWNER_ONLY);
        try (FileChannel channel = FileChannel.open(lockFile,
                Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE),
                PosixFilePermissions.asFileAttribute(rights)); FileLock lock = channel.lock()) {
            if (!lock.isValid()) {
                throw new IOException(lockFile + " cannot be locked");
            }
            return work.run();
        }
    }

    /** What is done under a lock. */
    @FunctionalInterface
    public interface Work<T> {
        T run() throws IOException;
    }
}
