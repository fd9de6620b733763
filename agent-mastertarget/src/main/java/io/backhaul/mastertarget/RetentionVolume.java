package io.backhaul.mastertarget;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.TreeSet;
import java.util.UUID;

/** A volume that journals lie on: a folder for each machine, under {@code machines}. */
record RetentionVolume(String name, Path folder) {
    private static final String MACHINES = "machines";
    private static final String KNOWN = "volumes";

    /** The folder of a machine. */
    Path machine(UUID id) {
        return folder.resolve(MACHINES).resolve(id.toString());
    }

    /** The machines that lie here. */
    NavigableSet<UUID> found() throws IOException {
        NavigableSet<UUID> ids = new TreeSet<>();
        Path machines = folder.resolve(MACHINES);
        if (Files.isDirectory(machines)) {
            try (DirectoryStream<Path> entries = Files.newDirectoryStream(machines)) {
                for (Path each : entries) {
                    id(String.valueOf(each.getFileName())).filter(id -> Files.isDirectory(each)).ifPresent(ids::add);
                }
            }
        }
        return ids;
    }

    private static Optional<UUID> id(String name) {
        try {
            UUID id = UUID.fromString(name);
            return id.toString().equals(name) ? Optional.of(id) : Optional.empty();
        } catch (IllegalArgumentException somethingElse) {
            return Optional.empty();
        }
    }

    /** The file that names the volumes that this one was used beside, and itself. */
    Path known() {
        return folder.resolve(KNOWN);
    }

    /** What that file says; nothing where there is none. */
    List<String> namesKnown() throws IOException {
        return Files.exists(known()) ? Files.readAllLines(known()) : List.of();
    }

    /** What it is called in messages. */
    String described() {
        return "retention volume " + name;
    }
}
