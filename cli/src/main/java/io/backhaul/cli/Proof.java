package io.backhaul.cli;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.Disks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What was recovered, judged: byte for byte against a copy of the source from that moment, and its file system by
 * e2fsck.
 *
 * @param at
 *            the position
 * @param label
 *            the mark's label, or {@code latest}
 * @param path
 *            the recovered disk
 * @param comparison
 *            with the copy
 * @param fileSystem
 *            {@code clean}, or why it is not, or why it was not judged
 * @param sound
 *            whether the file system is clean or was not to be judged
 */
record Proof(String at, String label, Path path, DiskComparison comparison, String fileSystem, boolean sound) {
    static Proof of(String at, String label, Path recovered, Path copy, boolean isExt4)
            throws IOException, InterruptedException {
        DiskComparison comparison;
        try (BlockDevice left = Disks.open(copy, true); BlockDevice right = Disks.open(recovered, true)) {
            comparison = DiskComparison.of(left, right, (done, total) -> {});
        }
        if (!isExt4) {
            return new Proof(at, label, recovered, comparison, "not judged: the disk holds no clean ext4", true);
        }
        if (Tool.find("e2fsck").isEmpty()) {
            return new Proof(at, label, recovered, comparison, "not judged: e2fsck is not installed", true);
        }
        Tool check = Ext4.check(flatFile(recovered));
        if (check.exitCode() == 0) {
            return new Proof(at, label, recovered, comparison, "clean", true);
        }
        boolean wasUnclean = Ext4.check(copy).exitCode() == check.exitCode() && comparison.isIdentical();
        return new Proof(at, label, recovered, comparison,
                (wasUnclean ? "as unclean as the source: " : "unclean: ") + check.lastLine(), wasUnclean);
    }

    /** The file that holds the blocks: beside a VMDK's descriptor, or the disk itself. */
    static Path flatFile(Path recovered) {
        String name = String.valueOf(recovered.getFileName());
        Path flat = recovered.resolveSibling(name.replaceFirst("\\.vmdk$", "-flat.vmdk"));
        return name.endsWith(".vmdk") && Files.exists(flat) ? flat : recovered;
    }

    boolean holds() {
        return comparison.isIdentical() && sound;
    }

    Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("at", at);
        map.put("label", label);
        map.put("path", path.toString());
        map.put("identical", comparison.isIdentical());
        map.put("differingBytes", comparison.differingBytes());
        map.put("sha256", comparison.rightDigest());
        map.put("fileSystem", fileSystem);
        return map;
    }
}
