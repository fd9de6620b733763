package io.backhaul.blockio.system;

import io.backhaul.blockio.BlockDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * What a disk holds, told by the magic numbers of superblocks and partition tables. Offsets are those of the kernel's
 * documentation and headers: ext4 (filesystems/ext4/super.rst), XFS (fs/xfs/libxfs/xfs_format.h), btrfs
 * (include/uapi/linux/btrfs_tree.h), LVM2 (lib/label), LUKS, md (drivers/md/md_p.h), swap (include/linux/swap.h), and the UEFI
 * specification.
 */
final class DiskContent {
    private static final int READ_BYTES = 72 << 10;

    private static final List<Magic> MAGICS = List.of(new Magic("ext4", 1080, "S\u00ef"),
            new Magic("xfs", 0, "XFSB"),
            new Magic("btrfs", 0x10040, "_BHRfS_M"), new Magic("LVM2 physical volume", 536, "LVM2 001"),
            new Magic("LVM2 physical volume", 24, "LVM2 001"), new Magic("LUKS", 0, "LUKS\u00ba\u00be"),
            new Magic("RAID member", 4096, "\u00fcN+\u00a9"),
            new Magic("RAID member", 0, "\u00fcN+\u00a9"),
            new Magic("swap", 4086, "SWAPSPACE2"), new Magic("ntfs", 3, "NTFS    "), new Magic("vfat", 82, "FAT32   "),
            new Magic("vfat", 54, "FAT16   "), new Magic("squashfs", 0, "hsqs"),
            new Magic("GPT partition table", 512, "EFI PART"),
            new Magic("GPT partition table", 4096, "EFI PART"), new Magic("MBR partition table", 510, "U\u00aa"));

    /** {@code bytes} holds one byte in each character. */
    private record Magic(String name, int offset, String bytes) {
        boolean isIn(ByteBuffer start) {
            return start.limit() >= offset + bytes.length()
                    && start.slice(offset, bytes.length())
                            .equals(ByteBuffer.wrap(bytes.getBytes(StandardCharsets.ISO_8859_1)));
        }
    }

    private DiskContent() {}

    /** What the disk holds, in a word or two; empty where nothing known is on it. */
    static String of(BlockDevice disk) throws IOException {
        ByteBuffer start = ByteBuffer.allocate((int) Math.min(READ_BYTES, disk.sizeBytes()))
                .order(ByteOrder.LITTLE_ENDIAN);
        disk.read(0, start);
        start.flip();
        return MAGICS.stream().filter(magic -> magic.isIn(start)).findFirst().map(Magic::name).orElse("");
    }
}
