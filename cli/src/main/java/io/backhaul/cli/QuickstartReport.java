package io.backhaul.cli;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What a quickstart found: the proofs, and the figures by name, each with its unit as the name's end. */
final class QuickstartReport {
    private final Path source;
    private final String capture;
    private final boolean isKept;
    private final List<Proof> proofs = new ArrayList<>();
    private final Map<String, Object> figures = new LinkedHashMap<>();

    QuickstartReport(Path source, String capture, boolean isKept) {
        this.source = source;
        this.capture = capture;
        this.isKept = isKept;
    }

    void add(Proof proof) {
        proofs.add(proof);
    }

    void figure(String name, long value) {
        figures.put(name, value);
    }

    void figure(String name, double value) {
        figures.put(name, Math.round(value * 1000) / 1000.0);
    }

    /** Whether everything was proved. */
    boolean holds() {
        return proofs.size() == 2 && proofs.stream().allMatch(Proof::holds);
    }

    Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("source", source.toString());
        map.put("capture", capture);
        map.put("recovered", proofs.stream().map(Proof::asMap).toList());
        map.put("proved", holds());
        map.put("kept", isKept);
        map.putAll(figures);
        return map;
    }

    private double number(String name) {
        return figures.get(name) instanceof Number number ? number.doubleValue() : 0;
    }

    void print(PrintStream out) {
        out.println();
        out.printf("  disk        %s, %s, captured by %s%n", source, Printing.bytes(number("diskBytes")), capture);
        out.printf("  baseline    read %s, in %s, %s/s%n", Printing.bytes(number("readBytes")),
                Printing.millis(number("baselineSeconds") * 1000), Printing.bytes(number("baselineBytesPerSecond")));
        out.printf("  live load   %s in %.0f writes, %s/s; lag at most %s, RPO at most %s%n",
                Printing.bytes(number("loadBytes")), number("loadWrites"), Printing.bytes(number("loadBytesPerSecond")),
                Printing.bytes(number("lagMaxBytes")), Printing.millis(number("rpoMaxMillis")));
        out.printf("  stream      sent %s for %s, compression %s; journaled %s%n",
                Printing.bytes(number("sentBytes")), Printing.bytes(number("payloadBytes")),
                String.format(Locale.ROOT, "%.2f", number("compressionRatio")),
                Printing.bytes(number("journalBytes")));
        out.printf("  recovery    the mark in %s, the latest state in %s%n",
                Printing.millis(number("recoverMarkSeconds") * 1000),
                Printing.millis(number("recoverLatestSeconds") * 1000));
        for (Proof proof : proofs) {
            out.printf("  proof       %s at %s: %s; file system %s%n", proof.label(), proof.at(),
                    proof.comparison().isIdentical()
                            ? "identical to the source"
                            : "DIFFERENT in " + Printing.bytes(proof.comparison().differingBytes()),
                    proof.fileSystem());
            if (isKept) {
                out.printf("              %s%n", proof.path());
            }
        }
        out.printf("%n  %s in %s%n", holds() ? "Proved." : "NOT proved.",
                Printing.millis(number("totalSeconds") * 1000));
    }
}
