package io.backhaul.cli;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.engine.time.SystemClock;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Says whether two disks are the same, or whether disks are what a source held at a mark. */
@Command(name = "verify", description = {
    "Compare two disks byte for byte; or with --proof, disks or a point of a master target"
            + " with what the source recorded at a mark (backhaul points mark --proof). With --proof alone: say what it proves.",
    "Exit code 0 means identical or proved, 1 different, 2 bad usage or a proof that cannot be believed."})
final class VerifyCommand extends Verb {
    @Parameters(arity = "0..*", paramLabel = "DISK",
            description = "Two of: a raw file, block device, flat VMDK or NBD URI. With --proof: the machine's disks in their"
                    + " order, or each as ID=DISK.")
    private List<String> disks = new ArrayList<>();

    @Option(names = "--proof", paramLabel = "FILE", description = "What the source recorded.")
    private @Nullable Path proof;

    @Option(names = "--at", paramLabel = "POINT", defaultValue = "",
            description = "The point of the master target that is compared (default: the one that the proof is of).")
    private String at = "";

    @ArgGroup(multiplicity = "0..1", heading = "The master target:%n")
    private DaemonAddress.@Nullable Choice daemon;

    @Mixin
    private MachineOption machine = new MachineOption();

    @Mixin
    private Printing printing = new Printing();

    @Override
    public Integer call() throws Exception {
        if (proof != null) {
            try (var verification = ProofVerification.open(proof)) {
                ProofVerdict verdict = verdict(verification);
                printing.print(verdict.asMap(), verdict::print);
                return verdict.isProved() ? Backhaul.DONE : Backhaul.FAILED;
            }
        }
        if (disks.size() != 2 || daemon != null || !at.isEmpty()) {
            throw Failure.usage("name two disks to be compared with each other, or --proof FILE to compare with what a"
                    + " source recorded");
        }
        DiskComparison comparison;
        try (BlockDevice one = DiskSource.open(disks.getFirst());
                BlockDevice other = DiskSource.open(disks.getLast());
                var bar = new ProgressLine("comparing", SystemClock.INSTANCE)) {
            comparison = DiskComparison.of(one, other, (done, total) -> bar.show(done, total, ""));
        }
        printing.print(result(comparison), out -> text(out, comparison));
        return comparison.isIdentical() ? Backhaul.DONE : Backhaul.FAILED;
    }

    private ProofVerdict verdict(ProofVerification verification) throws Exception {
        if (daemon == null) {
            if (!at.isEmpty()) {
                throw Failure.usage("--at is a point of a master target: name that with --config or --control");
            }
            return disks.isEmpty() ? verification.describe() : verification.compare(disks);
        }
        if (!disks.isEmpty()) {
            throw Failure.usage("name disks, or a master target with --config or --control; not both");
        }
        Map<String, Object> request = new LinkedHashMap<>();
        request.put("machine", verification.header().machine().toString());
        request.putAll(machine.request());
        request.put("at", at.isEmpty() ? verification.header().position().toString() : at);
        request.put("writable", false);
        return verification.compare(DaemonAddress.client(daemon), request);
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
