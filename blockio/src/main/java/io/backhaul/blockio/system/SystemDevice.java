package io.backhaul.blockio.system;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.file.RawDevice;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * One block device of the machine, as it was when it was looked at.
 *
 * @param name
 *            the kernel's name of it, such as {@code sda1}
 * @param number
 *            its major and minor number
 * @param stack
 *            what it stands upon, and what stands upon it
 * @param diskSequence
 *            a number that the kernel gives to each appearance of a disk, and never twice in one boot; 0 where it gives none
 */
public record SystemDevice(String name, DeviceNumber number, Kind kind, Geometry geometry, Identity identity,
        Stack stack,
        Zeroing zeroing, Use use, long diskSequence) {
    /** Major and minor number. */
    public record DeviceNumber(int major, int minor) {
        /** As {@code stat} has it in {@code st_dev} and {@code st_rdev}. */
        static DeviceNumber ofStat(long device) {
            return new DeviceNumber((int) (((device >> 8) & 0xfff) | ((device >> 32) & ~0xfffL)),
                    (int) ((device & 0xff) | ((device >> 12) & ~0xffL)));
        }

        static DeviceNumber parse(String text) {
            int colon = text.indexOf(':');
            return new DeviceNumber(Integer.parseInt(text.substring(0, colon)),
                    Integer.parseInt(text.substring(colon + 1)));
        }

        @Override
        public String toString() {
            return major + ":" + minor;
        }
    }

    /** What a device is made of. */
    public enum Kind {
        /** Hardware, or what a hypervisor gives for it. */
        DISK,
        /** A part of a disk. */
        PARTITION,
        /** A file, or a part of it. */
        LOOP,
        /** Other devices, by the device mapper: LVM, dm-crypt, multipath. */
        MAPPED,
        /** Other devices, by the kernel's software RAID. */
        RAID,
        /** Memory. */
        MEMORY
    }

    /** Sizes in bytes. */
    public record Geometry(long sizeBytes, int logicalSectorBytes, int physicalSectorBytes, boolean readOnly) {}

    /**
     * What identifies the device across restarts and controllers.
     *
     * @param stableId
     *            empty where it has nothing of the kind
     * @param origin
     *            where that comes from, such as {@code wwid} or {@code serial}
     */
    public record Identity(String stableId, String origin) {}

    /**
     * Neighbours, by name.
     *
     * @param disk
     *            the whole disk that a partition is part of; empty otherwise
     * @param slaves
     *            the devices that this one is made of
     * @param holders
     *            the devices made of this one
     * @param partitions
     *            of this disk
     * @param backingFile
     *            of a loop device; empty otherwise
     */
    public record Stack(String disk, List<String> slaves, List<String> holders, List<String> partitions,
            String backingFile) {
        public Stack {
            slaves = List.copyOf(slaves);
            holders = List.copyOf(holders);
            partitions = List.copyOf(partitions);
        }
    }

    /**
     * What becomes of blocks that are given back. After a write of zeroes a range always reads as zeroes; after a discard only
     * where {@code zeroesAfterDiscard}.
     *
     * @param discardMaxBytes
     *            the longest discard; 0 where the device takes none
     * @param writeZeroesMaxBytes
     *            the longest write of zeroes without payload; 0 where the device takes none
     */
    public record Zeroing(long discardMaxBytes, boolean zeroesAfterDiscard, long writeZeroesMaxBytes) {}

    /**
     * Who uses it.
     *
     * @param mounts
     *            where it is mounted; {@code [SWAP]} for swap space
     * @param fileSystem
     *            the kind of file system that is mounted; empty where none is
     */
    public record Use(List<String> mounts, String fileSystem) {
        public Use {
            mounts = List.copyOf(mounts);
        }
    }

    /** Where its node is by convention. */
    public String path() {
        return "/dev/" + name.replace('!', '/');
    }

    /**
     * What is on it, such as {@code ext4} or {@code LVM2 physical volume}; empty where nothing known is.
     *
     * @throws IOException
     *             where it cannot be read
     */
    public String content() throws IOException {
        try (BlockDevice disk = RawDevice.open(Path.of(path()), true)) {
            return DiskContent.of(disk);
        }
    }
}
