package io.backhaul.source;

import io.backhaul.blockio.file.RawDevice;
import io.backhaul.blockio.system.BlockDevices;
import io.backhaul.blockio.system.SystemDevice;
import io.backhaul.engine.config.ConfigException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Refuses what would feed upon itself: a file that the agent writes to, or a process server of this machine that it sends to, on a
 * disk whose writes it captures. Each write captured would make them write again.
 */
final class Feedback {
    private final BlockDevices machine;

    Feedback(BlockDevices machine) {
        this.machine = machine;
    }

    /**
     * Goes through everything that the agent writes to.
     *
     * @param disks
     *            the paths of the protected disks; only block devices count
     * @param places
     *            what is written to, by what the operator calls it
     * @throws ConfigException
     *             for the first place that lies on a protected disk, with cause and cure
     */
    void refuse(List<Path> disks, Map<String, Path> places) throws IOException, ConfigException {
        for (Path disk : disks) {
            if (!RawDevice.isBlockDevice(disk)) {
                continue;
            }
            SystemDevice device = machine.at(disk);
            for (Map.Entry<String, Path> place : places.entrySet()) {
                List<SystemDevice> under = machine.holding(place.getValue());
                if (under.contains(device)) {
                    throw new ConfigException(place.getKey() + " " + place.getValue() + " lies on " + way(under, device)
                            + ", which is protected: what is written there would be captured, and make them write"
                            + " again; name a place on a disk that is not protected");
                }
            }
        }
    }

    /** From the file system's device down to the protected one. */
    private static String way(List<SystemDevice> under, SystemDevice device) {
        String first = under.getFirst().path();
        return first.equals(device.path()) ? first : first + " and with it on " + device.path();
    }

    /** Where the log goes, if it goes to files. */
    static Map<String, Path> logs() {
        Map<String, Path> logs = new LinkedHashMap<>();
        target("1").ifPresent(file -> logs.put("the standard output", file));
        target("2").ifPresent(file -> logs.put("the log", file));
        return logs;
    }

    private static Optional<Path> target(String descriptor) {
        try {
            return Optional.of(Path.of("/proc/self/fd", descriptor).toRealPath()).filter(Files::isRegularFile);
        } catch (IOException noFile) {
            // A pipe, a socket, or nothing: that lies on no disk.
            return Optional.empty();
        }
    }
}
