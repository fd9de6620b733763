package io.backhaul.cli;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.Disks;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An ext4 file system in a file, made and read by e2fsprogs without any right of root. Offsets of the superblock are
 * those of the kernel's documentation, filesystems/ext4/super.rst.
 */
final class Ext4 {
    private static final long SUPERBLOCK_OFFSET = 1024;
    private static final int LOG_BLOCK_SIZE_OFFSET = 24;
    private static final int MAGIC_OFFSET = 56;
    private static final short MAGIC = (short) 0xEF53;
    private static final Pattern FREE_BLOCKS = Pattern.compile("(?m)^  Free blocks: (.*)$");
    private static final Pattern RANGE = Pattern.compile("(\\d+)(?:-(\\d+))?");

    private Ext4() {}

    /** A range of the disk. */
    record Range(long offset, long lengthBytes) {}

    static boolean isToolSetThere() {
        return Tool.find("mke2fs").isPresent() && Tool.find("e2fsck").isPresent() && Tool.find("debugfs").isPresent();
    }

    /** Makes a file system that holds what is in {@code content}. */
    static void make(Path image, Path content, long sizeBytes) throws IOException, InterruptedException {
        Tool made = Tool.run("mke2fs", "-q", "-t", "ext4", "-F", "-b", "4096", "-L", "quickstart", "-E",
                "root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0", "-d", content.toString(), image.toString(),
                sizeBytes / 1024 + "k");
        if (made.exitCode() != 0) {
            throw new IOException("mke2fs cannot make " + image + ": " + made.lastLine());
        }
    }

    /** Whether a disk begins with an ext2, ext3 or ext4 file system. */
    static boolean isOn(Path disk) throws IOException {
        try (BlockDevice device = Disks.open(disk, true)) {
            return device.sizeBytes() >= 2 * SUPERBLOCK_OFFSET && superblock(device).getShort(MAGIC_OFFSET) == MAGIC;
        }
    }

    private static ByteBuffer superblock(BlockDevice device) throws IOException {
        ByteBuffer block = ByteBuffer.allocate(1024).order(ByteOrder.LITTLE_ENDIAN);
        device.read(SUPERBLOCK_OFFSET, block);
        return block;
    }

    private static long blockBytes(Path disk) throws IOException {
        try (BlockDevice device = Disks.open(disk, true)) {
            return 1024L << superblock(device).getInt(LOG_BLOCK_SIZE_OFFSET);
        }
    }

    /** Checks without writing. */
    static Tool check(Path disk) throws IOException, InterruptedException {
        return Tool.run("e2fsck", "-f", "-n", disk.toString());
    }

    /** Where a file's data lies. */
    static List<Range> blocksOf(Path disk, String file) throws IOException, InterruptedException {
        long blockBytes = blockBytes(disk);
        Tool listed = Tool.run("debugfs", "-R", "blocks /" + file, disk.toString());
        List<Range> ranges = new ArrayList<>();
        Matcher number = Pattern.compile("(?m)(?<=^|\\s)\\d+(?=\\s|$)").matcher(listed.output());
        while (number.find()) {
            long offset = Long.parseLong(number.group()) * blockBytes;
            Range last = ranges.isEmpty() ? null : ranges.getLast();
            if (last != null && last.offset + last.lengthBytes == offset) {
                ranges.set(ranges.size() - 1, new Range(last.offset, last.lengthBytes + blockBytes));
            } else {
                ranges.add(new Range(offset, blockBytes));
            }
        }
        if (ranges.isEmpty()) {
            throw new IOException("debugfs finds no blocks of " + file + " in " + disk + ": " + listed.lastLine());
        }
        return ranges;
    }

    /** What no file uses: writing there leaves the file system as it is. */
    static List<Range> freeBlocks(Path disk) throws IOException, InterruptedException {
        long blockBytes = blockBytes(disk);
        Tool listed = Tool.run("dumpe2fs", disk.toString());
        List<Range> ranges = new ArrayList<>();
        Matcher line = FREE_BLOCKS.matcher(listed.output());
        while (line.find()) {
            Matcher range = RANGE.matcher(line.group(1));
            while (range.find()) {
                long first = Long.parseLong(range.group(1));
                long last = range.group(2) == null ? first : Long.parseLong(range.group(2));
                ranges.add(new Range(first * blockBytes, (last - first + 1) * blockBytes));
            }
        }
        return ranges;
    }

    /** Adds a file to a file system that nobody uses. */
    static void add(Path disk, Path content, String name) throws IOException, InterruptedException {
        Tool.run("debugfs", "-w", "-R", "write " + content + " " + name, disk.toString());
        if (!holds(disk, name)) {
            throw new IOException("debugfs cannot add " + name + " to " + disk);
        }
    }

    static boolean holds(Path disk, String name) throws IOException, InterruptedException {
        return Tool.run("debugfs", "-R", "stat /" + name, disk.toString()).output().contains("Inode:");
    }
}
