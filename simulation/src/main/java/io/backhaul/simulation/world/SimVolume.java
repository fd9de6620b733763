package io.backhaul.simulation.world;

import io.backhaul.blockio.volume.StoredFile;
import io.backhaul.blockio.volume.Volume;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A folder of a {@link SimDrive}, as one process sees it. */
final class SimVolume implements Volume {
    private final SimDrive drive;
    private final SimProcess process;
    private final String prefix;

    SimVolume(SimDrive drive, SimProcess process, String prefix) {
        this.drive = drive;
        this.process = process;
        this.prefix = prefix;
    }

    private String full(String name) {
        return prefix + name;
    }

    private static String folderOf(String path) {
        return path.substring(0, path.lastIndexOf('/') + 1);
    }

    private String folderPrefix(String folder) {
        return folder.isEmpty() ? prefix : prefix + folder + "/";
    }

    private void begin(String name) throws IOException {
        drive.host().operation(process);
        drive.trouble().check(Trouble.Kind.FOLDER, drive.name() + "/" + full(name));
    }

    private void mustHaveFolder(String path) throws IOException {
        String folder = folderOf(path);
        if (!folder.isEmpty() && !drive.folders().contains(folder)) {
            throw new NoSuchFileException(folder);
        }
    }

    @Override
    public StoredFile create(String name) throws IOException {
        begin(name);
        String path = full(name);
        if (exists(name)) {
            throw new FileAlreadyExistsException(path);
        }
        mustHaveFolder(path);
        var inode = drive.newInode();
        drive.change(new SimDrive.Change(folderOf(path), path, null, inode));
        return new SimFile(drive, process, path, inode);
    }

    @Override
    public StoredFile open(String name) throws IOException {
        begin(name);
        SimDrive.Inode inode = drive.entries().get(full(name));
        if (inode == null) {
            throw new NoSuchFileException(full(name));
        }
        return new SimFile(drive, process, full(name), inode);
    }

    @Override
    public boolean exists(String name) {
        process.mustLive();
        return drive.entries().containsKey(full(name)) || drive.folders().contains(full(name) + "/");
    }

    @Override
    public List<String> list(String folder) throws IOException {
        begin(folder);
        String start = folderPrefix(folder);
        if (!start.isEmpty() && !drive.folders().contains(start)) {
            throw new NoSuchFileException(start);
        }
        List<String> names = new ArrayList<>();
        for (String path : drive.entries().keySet()) {
            if (path.startsWith(start) && path.indexOf('/', start.length()) < 0) {
                names.add(path.substring(start.length()));
            }
        }
        return names;
    }

    @Override
    public void delete(String name) throws IOException {
        begin(name);
        String path = full(name);
        if (drive.folders().remove(path + "/")) {
            return;
        }
        if (!drive.entries().containsKey(path)) {
            throw new NoSuchFileException(path);
        }
        drive.change(new SimDrive.Change(folderOf(path), path, null, null));
    }

    @Override
    public void rename(String from, String to) throws IOException {
        begin(from);
        if (!drive.entries().containsKey(full(from))) {
            throw new NoSuchFileException(full(from));
        }
        mustHaveFolder(full(to));
        drive.change(new SimDrive.Change(folderOf(full(to)), full(from), full(to), null));
    }

    @Override
    public void syncFolder(String folder) throws IOException {
        begin(folder);
        drive.trouble().check(Trouble.Kind.SYNC, drive.name() + "/" + full(folder));
        drive.syncFolder(folderPrefix(folder));
    }

    @Override
    public Volume folder(String name) throws IOException {
        begin(name);
        @Nullable
        String missing = drive.entries().containsKey(full(name)) ? full(name) : null;
        if (missing != null) {
            throw new FileAlreadyExistsException(missing);
        }
        drive.folders().add(full(name) + "/");
        return new SimVolume(drive, process, full(name) + "/");
    }

    @Override
    public long freeBytes() {
        process.mustLive();
        return drive.freeBytes();
    }

    @Override
    public String describe() {
        return drive.name() + "/" + prefix;
    }
}
