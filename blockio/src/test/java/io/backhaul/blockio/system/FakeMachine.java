package io.backhaul.blockio.system;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A folder that looks like the {@code sys} and {@code proc} of some machine. */
final class FakeMachine {
    private final Path root;

    FakeMachine(Path root) throws IOException {
        this.root = root;
        Files.createDirectories(root.resolve("sys/class/block"));
        Files.createDirectories(root.resolve("proc/self"));
        write("proc/self/mountinfo", "");
        write("proc/swaps", "Filename Type Size Used Priority\n");
    }

    Path root() {
        return root;
    }

    /** A whole disk, of so many units of 512 bytes. */
    FakeMachine disk(String name, String number, long units) throws IOException {
        return device("sys/devices/pci/block/" + name, name, number, units).queue(name, "logical_block_size", "512");
    }

    FakeMachine virtual(String name, String number, long units) throws IOException {
        return device("sys/devices/virtual/block/" + name, name, number, units);
    }

    FakeMachine partition(String disk, int index, String number, long units) throws IOException {
        String name = disk + index;
        device("sys/devices/pci/block/" + disk + "/" + name, name, number, units);
        return file(name, "partition", String.valueOf(index));
    }

    private FakeMachine device(String folder, String name, String number, long units) throws IOException {
        Files.createDirectories(root.resolve(folder));
        Files.createSymbolicLink(root.resolve("sys/class/block").resolve(name),
                Path.of("../../..").resolve(folder));
        return file(name, "dev", number).file(name, "size", String.valueOf(units));
    }

    FakeMachine file(String device, String file, String content) throws IOException {
        return write("sys/class/block/" + device + "/" + file, content + "\n");
    }

    FakeMachine queue(String device, String file, String content) throws IOException {
        return file(device, "queue/" + file, content);
    }

    /** {@code upper} is made of {@code lower}. */
    FakeMachine stacked(String upper, String lower) throws IOException {
        return file(upper, "slaves/" + lower, "").file(lower, "holders/" + upper, "");
    }

    FakeMachine mounted(String number, String point, String type, String source, String options) throws IOException {
        String line = "%d 1 %s / %s rw,relatime shared:1 - %s %s %s%n".formatted(number.hashCode() & 0xff, number,
                point,
                type, source, options);
        Path table = root.resolve("proc/self/mountinfo");
        Files.writeString(table, Files.readString(table) + line);
        return this;
    }

    FakeMachine write(String file, String content) throws IOException {
        Path path = root.resolve(file);
        Path folder = path.getParent();
        if (folder != null) {
            Files.createDirectories(folder);
        }
        Files.writeString(path, content);
        return this;
    }
}
