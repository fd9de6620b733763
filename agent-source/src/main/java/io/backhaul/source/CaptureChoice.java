package io.backhaul.source;

import io.backhaul.blockio.file.RawDevice;
import io.backhaul.blockio.system.BlockDevices;
import io.backhaul.blockio.system.SystemDevice;
import io.backhaul.engine.config.ConfigException;
import io.backhaul.source.SourceSettings.CaptureKind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Which capture is used: as configured, if these disks and this machine allow it, or the best that they allow. */
final class CaptureChoice {
    private static final Logger LOG = LoggerFactory.getLogger(CaptureChoice.class);

    private final BlockDevices machine;
    private final Supplier<String> obstacle;

    /**
     * A choice for this machine.
     *
     * @param obstacle
     *            tells what the machine lacks for the capture in the kernel; empty where nothing
     */
    CaptureChoice(BlockDevices machine, Supplier<String> obstacle) {
        this.machine = machine;
        this.obstacle = obstacle;
    }

    /**
     * Concludes.
     *
     * @return anything but {@link CaptureKind#AUTO}
     * @throws ConfigException
     *             where what is configured cannot be; with cause and cure
     */
    CaptureKind conclude(CaptureKind configured, List<Path> disks) throws IOException, ConfigException {
        return switch (configured) {
            case NBD, SCAN -> configured;
            case AUTO -> {
                Optional<String> why = unfit(disks);
                why.ifPresent(each -> LOG.info("capture = auto is nbd here, and not ebpf: {}", each));
                yield why.isEmpty() ? CaptureKind.EBPF : CaptureKind.NBD;
            }
            case EBPF -> {
                Optional<String> why = unfit(disks);
                if (why.isPresent()) {
                    throw refused(why.get());
                }
                yield CaptureKind.EBPF;
            }
        };
    }

    /** Why writes to these disks cannot be seen in the kernel. */
    private Optional<String> unfit(List<Path> disks) throws IOException {
        for (Path disk : disks) {
            if (!RawDevice.isBlockDevice(disk)) {
                return Optional.of(disk + " is no block device, and only those are seen in the kernel; use nbd");
            }
        }
        String missing = obstacle.get();
        return missing.isEmpty() ? unseen(disks) : Optional.of(missing);
    }

    private static ConfigException refused(String why) {
        return new ConfigException(SourceSettings.CAPTURE + " = ebpf: " + why);
    }

    /** Why not every write would be seen exactly once. */
    private Optional<String> unseen(List<Path> disks) throws IOException {
        List<SystemDevice> devices = new ArrayList<>();
        for (Path disk : disks) {
            devices.add(machine.at(disk));
        }
        for (SystemDevice device : devices) {
            Optional<String> why = unseen(device, devices);
            if (why.isPresent()) {
                return why;
            }
        }
        return Optional.empty();
    }

    private Optional<String> unseen(SystemDevice device, List<SystemDevice> devices) {
        for (String holder : device.stack().holders()) {
            if (machine.named(holder).filter(each -> each.kind() == SystemDevice.Kind.RAID).isPresent()) {
                return Optional.of(device.path() + " is part of the RAID /dev/" + holder
                        + ", which writes to it unseen; protect that one");
            }
        }
        for (SystemDevice other : devices) {
            if (!other.equals(device) && machine.beneath(device).contains(other)) {
                return Optional.of(device.path() + " lies on " + other.path()
                        + ", which is protected too: its writes would be captured twice; name one of them");
            }
        }
        return devices.indexOf(device) == devices.lastIndexOf(device)
                ? Optional.empty()
                : Optional.of(device.path() + " is named twice; name it once");
    }
}
