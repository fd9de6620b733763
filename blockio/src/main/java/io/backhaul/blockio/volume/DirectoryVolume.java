package io.backhaul.blockio.volume;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;

/** A folder of the file system as a {@link Volume}. */
public final class DirectoryVolume implements Volume {
    private final Path root;

    private DirectoryVolume(Path root) {
        this.root = root;
    }

    /** Opens a folder that exists. */
    public static DirectoryVolume open(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            throw new NoSuchFileException(folder.toString(), null, "there is no such folder");
        }
        if (!Files.isDirectory(folder)) {
            throw new NotDirectoryException(folder.toString());
        }
        return new DirectoryVolume(folder);
    }

    /** Opens a folder and makes it, and what is above it, if absent. */
    public static DirectoryVolume create(Path folder) throws IOException {
        Path absolute = folder.toAbsolutePath();
        Path existing = absolute;
        while (existing != null && !Files.exists(existing)) {
            existing = existing.getParent();
        }
        Files.createDirectories(absolute);
        Path made = absolute;
        while (made != null && !made.equals(existing)) {
            made = made.getParent();
            if (made != null) {
                sync(made);
            }
        }
        return open(folder);
    }

    /** Opens a file, of which no more is asked than that it can be read: whatever would change it fails. */
    public static StoredFile openToRead(Path file) throws IOException {
        return new ChannelFile(file, FileChannel.open(file, StandardOpenOption.READ));
    }

    @Override
    public StoredFile create(String name) throws IOException {
        Path path = resolve(name);
        return new ChannelFile(path, FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ,
                StandardOpenOption.WRITE));
    }

    @Override
    public StoredFile open(String name) throws IOException {
        Path path = resolve(name);
        return new ChannelFile(path, FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE));
    }

    @Override
    public boolean exists(String name) {
        try {
            return Files.exists(resolve(name));
        } catch (IOException outside) {
            return false;
        }
    }

    @Override
    public List<String> list(String folder) throws IOException {
        List<String> names = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(resolve(folder))) {
            for (Path entry : entries) {
                Path name = entry.getFileName();
                if (name != null && Files.isRegularFile(entry)) {
                    names.add(name.toString());
                }
            }
        }
        names.sort(null);
        return names;
    }

    @Override
    public void delete(String name) throws IOException {
        Files.delete(resolve(name));
    }

    @Override
    public void rename(String from, String to) throws IOException {
        Files.move(resolve(from), resolve(to), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    @Override
    public void syncFolder(String folder) throws IOException {
        sync(resolve(folder));
    }

    @Override
    public Volume folder(String name) throws IOException {
        Path path = resolve(name);
        try {
            Files.createDirectory(path,
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            sync(parent(path));
        } catch (FileAlreadyExistsException present) {
            if (!Files.isDirectory(path)) {
                throw present;
            }
        }
        return new DirectoryVolume(path);
    }

    @Override
    public long freeBytes() throws IOException {
        return Files.getFileStore(root).getUsableSpace();
    }

    @Override
    public String describe() {
        return root.toString();
    }

    @Override
    public String toString() {
        return describe();
    }

    private Path resolve(String name) throws IOException {
        try {
            Path path = root.resolve(name).normalize();
            if (path.startsWith(root.normalize())) {
                return path;
            }
        } catch (InvalidPathException invalid) {
            throw new IOException("\"" + name + "\" is not a file name", invalid);
        }
        throw new IOException("\"" + name + "\" leaves the volume " + root);
    }

    private Path parent(Path path) {
        Path parent = path.getParent();
        return parent == null ? root : parent;
    }

    private static void sync(Path folder) throws IOException {
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }
}
