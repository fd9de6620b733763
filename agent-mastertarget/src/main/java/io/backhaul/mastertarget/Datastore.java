package io.backhaul.mastertarget;

import io.backhaul.blockio.file.RawDevice.Preallocation;
import io.backhaul.protocol.DiskInfo;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.UUID;

/**
 * A folder that base disks are made in, those of each machine in a folder of its name. A file {@code owner} in each says
 * whose it is, so that no two machines of one name share disks.
 */
record Datastore(String name, Path folder, DiskFormat format, Preallocation preallocation) {
    private static final String OWNER = "owner";
    private static final int MAX_NAME_LENGTH = 60;

    /** Where a new disk goes. */
    NewDisk disk(DiskInfo disk, Path machineFolder) {
        String suffix = format == DiskFormat.VMDK ? ".vmdk" : ".raw";
        return new NewDisk(disk, format, machineFolder.resolve("disk-" + disk.index() + suffix), preallocation);
    }

    /** Whether a path lies in it. */
    boolean contains(Path path) {
        return path.startsWith(folder);
    }

    /** Whether the machine has a folder here already. */
    boolean knows(UUID machine, String machineName) throws IOException {
        for (Path each : folders(machine, machineName)) {
            if (Files.exists(each.resolve(OWNER)) && isOwner(each, machine)) {
                return true;
            }
        }
        return false;
    }

    /** The folder of a machine, made where it has none. */
    Path folderOf(UUID machine, String machineName) throws IOException {
        for (Path each : folders(machine, machineName)) {
            if (claim(each, machine)) {
                return each;
            }
        }
        throw new IOException(folders(machine, machineName).getLast() + " belongs to another machine; move it away");
    }

    private List<Path> folders(UUID machine, String machineName) {
        String safe = machineName.replaceAll("[^A-Za-z0-9._-]", "_").replaceFirst("^[.]+", "");
        String wanted = safe.isEmpty() ? machine.toString()
                : safe.substring(0, Math.min(MAX_NAME_LENGTH, safe.length()));
        return List.of(folder.resolve(wanted), folder.resolve(wanted + "-" + machine));
    }

    private static boolean claim(Path wanted, UUID machine) throws IOException {
        Files.createDirectories(wanted);
        try {
            Files.writeString(wanted.resolve(OWNER), machine + "\n", StandardCharsets.UTF_8,
                    StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
            return true;
        } catch (FileAlreadyExistsException present) {
            return isOwner(wanted, machine);
        }
    }

    private static boolean isOwner(Path folder, UUID machine) throws IOException {
        String text = Files.readString(folder.resolve(OWNER), StandardCharsets.UTF_8).strip();
        return text.isEmpty() || text.equals(machine.toString());
    }

    /** What it is called in messages. */
    String described() {
        return "datastore " + name;
    }
}
