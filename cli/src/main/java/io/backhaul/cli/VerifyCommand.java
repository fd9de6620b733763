package io.backhaul.cli;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.engine.time.SystemClock;
import java.io.PrintStream;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Says whether two disks are the same. */
@Command(name = "verify", description = "Compare two disks byte for byte; exit code 0 means identical, 1 different.")
final class VerifyCommand extends Verb {
    @Parameters(index = "0", paramLabel = "DISK",
            description = "A raw file, block device, flat VMDK or NBD URI.")
    private String left = "";

    @Parameters(index = "1", paramLabel = "DISK", description = "The other one.")
    private String right = "";

    @Mixin
    private Printing printing = new Printing();

    @Override
    public Integer call() throws Exception {
        DiskComparison comparison;
        try (BlockDevice one = DiskSource.open(left);
                BlockDevice other = DiskSource.open(right);
                var bar = new ProgressLine("comparing", SystemClock.INSTANCE)) {
            comparison = DiskComparison.of(one, other, (done, total) -> bar.show(done, total, ""));
        }
        printing.print(result(comparison), out -> text(out, comparison));
        return comparison.isIdentical() ? Backhaul.DONE : Backhaul.FAILED;
    }

    private static Map<String, Object> result(DiskComparison comparison) {
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("identical", comparison.isIdentical());
        result.put("sizeBytes", comparison.sizeBytes());
        result.put("differingBytes", comparison.differingBytes());
        result.put("sha256", List.of(comparison.leftDigest(), comparison.rightDigest()));
        result.put("differing", comparison.named().stream()
                .map(extent -> Map.of("offset", extent.offset(), "lengthBytes", extent.lengthBytes())).toList());
        return result;
    }

    private static void text(PrintStream out, DiskComparison comparison) {
        if (comparison.isIdentical()) {
            out.println("Identical: " + Printing.bytes(comparison.sizeBytes()) + ", SHA-256 "
                    + comparison.leftDigest());
            return;
        }
        out.println("Different: " + Printing.bytes(comparison.differingBytes()) + " of "
                + Printing.bytes(comparison.sizeBytes()) + "; first at");
        comparison.named().forEach(
                extent -> out.printf("  offset %d, %d bytes%n", extent.offset(), extent.lengthBytes()));
    }
}
