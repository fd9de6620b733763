package io.backhaul.source.ebpf;

import io.backhaul.blockio.system.BlockDevices;
import io.backhaul.blockio.system.SystemDevice;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A protected range: a whole disk, or a partition of one.
 *
 * @param disk
 *            its index in the stream
 * @param whole
 *            the disk, or that which the partition is part of
 * @param firstByte
 *            where the range begins on the whole disk
 * @param zeroesAfterDiscard
 *            whether what was discarded reads as zeroes for sure
 */
public record EbpfTarget(int disk, WholeDisk whole, long firstByte, long sizeBytes, boolean zeroesAfterDiscard) {
    private static final Path SYSFS = Path.of("/sys/class/block");
    private static final int SECTOR_BYTES = 512;

    /**
     * The disk that a bio names.
     *
     * @param name
     *            the kernel's
     * @param sequence
     *            which appearance of a disk it is; 0 where the kernel does not count them
     */
    public record WholeDisk(String name, int major, int minor, long sequence) {
        /** As the kernel numbers its devices. */
        int kernelDevice() {
            return major << 20 | minor;
        }
    }

    /**
     * What is to be captured for writes to a device to be seen, each once.
     *
     * @param disk
     *            its index in the stream
     * @throws IOException
     *             in one clear line, where the device cannot be captured
     */
    public static EbpfTarget of(int disk, Path path, BlockDevices system) throws IOException {
        SystemDevice device = system.at(path);
        boolean part = device.kind() == SystemDevice.Kind.PARTITION;
        SystemDevice whole = part ? system.named(device.stack().disk()).orElse(device) : device;
        for (String holder : device.stack().holders()) {
            if (system.named(holder).map(SystemDevice::kind).orElse(device.kind()) == SystemDevice.Kind.RAID) {
                throw new IOException(path + " is a part of " + holder
                        + ", whose writes to it cannot be seen: protect /dev/" + holder + " instead");
            }
        }
        long firstByte = part
                ? Long.parseLong(Files.readString(SYSFS.resolve(device.name()).resolve("start")).trim()) * SECTOR_BYTES
                : 0;
        return new EbpfTarget(disk, new WholeDisk(whole.name(), whole.number().major(), whole.number().minor(),
                whole.diskSequence()), firstByte, device.geometry().sizeBytes(), whole.zeroing().zeroesAfterDiscard());
    }
}
