package io.backhaul.processserver;

import io.backhaul.blockio.volume.Volume;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/**
 * The spool's volume: a folder for each machine, named by its UUID, and beside it an empty file {@code UUID.machine} that
 * says the folder is there. All of it blocks.
 */
final class SpoolFolder {
    private static final String MARKER = ".machine";

    private final Volume volume;

    SpoolFolder(Volume volume) {
        this.volume = volume;
    }

    /** The machines that have a spool. */
    List<UUID> machines() throws IOException {
        List<UUID> machines = new ArrayList<>();
        for (String name : volume.list("")) {
            if (name.matches("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\\" + MARKER)) {
                machines.add(UUID.fromString(name.substring(0, name.length() - MARKER.length())));
            }
        }
        return machines;
    }

    /** A machine's folder, made where it is not there yet. */
    Volume of(UUID machine) throws IOException {
        if (!volume.exists(machine + MARKER)) {
            volume.create(machine + MARKER).close();
            volume.syncFolder("");
        }
        return volume.folder(machine.toString());
    }

    String describe() {
        return volume.describe();
    }
}
