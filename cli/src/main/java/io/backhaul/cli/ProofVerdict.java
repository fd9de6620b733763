package io.backhaul.cli;

import io.backhaul.engine.proof.ProofCheck;
import io.backhaul.engine.proof.ProofDisk;
import io.backhaul.engine.proof.ProofHeader;
import java.io.PrintStream;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a proof says, and what came of comparing disks with it.
 *
 * @param at
 *            the position that was opened; empty where disks were named
 * @param checked
 *            empty where no disk was compared
 * @param unproved
 *            the first extents that the proof says nothing of
 */
record ProofVerdict(ProofHeader proof, String at, List<Checked> checked, List<Unproved> unproved) {
    private static final int GROUP_DIGITS = 4;

    /** A disk, by what it was called. */
    record Checked(String path, ProofCheck.Result result) {}

    /** A range that nothing is said of. */
    record Unproved(int disk, long offset, long lengthBytes) {}

    boolean isProved() {
        return checked.stream().allMatch(each -> each.result().isProved());
    }

    private long differingBytes() {
        return checked.stream().mapToLong(each -> each.result().differingBytes()).sum();
    }

    private long provedBytes() {
        return checked.stream().mapToLong(each -> each.result().provedBytes()).sum();
    }

    private long unprovedBytes() {
        return checked.stream().mapToLong(each -> each.result().unprovedBytes()).sum();
    }

    /** A root as it is read out. */
    static String grouped(String root) {
        StringBuilder groups = new StringBuilder();
        for (int i = 0; i < root.length(); i += GROUP_DIGITS) {
            groups.append(i == 0 ? "" : " ").append(root, i, Math.min(root.length(), i + GROUP_DIGITS));
        }
        return groups.toString();
    }

    Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("machine", proof.machine().toString());
        map.put("position", proof.position().toString());
        map.put("label", proof.label());
        map.put("timeMicros", proof.timeMicros());
        map.put("root", proof.root());
        map.put("disks", proof.disks().stream().map(ProofVerdict::disk).toList());
        if (checked.isEmpty()) {
            map.put("provedBytes", proof.provedBytes());
            map.put("unprovedBytes", proof.unprovedBytes());
            map.put("unproved", unproved.stream().map(each -> Map.of("disk", each.disk(), "offset", each.offset(),
                    "lengthBytes", each.lengthBytes())).toList());
            return map;
        }
        if (!at.isEmpty()) {
            map.put("at", at);
        }
        map.put("proved", isProved());
        map.put("provedBytes", provedBytes());
        map.put("unprovedBytes", unprovedBytes());
        map.put("differingBytes", differingBytes());
        map.put("checked", checked.stream().map(each -> result(each.path(), each.result())).toList());
        return map;
    }

    private static Map<String, Object> disk(ProofDisk disk) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("index", disk.info().index());
        map.put("id", disk.info().stableId());
        map.put("sizeBytes", disk.info().sizeBytes());
        map.put("unprovedBytes", disk.unprovedBytes());
        map.put("root", disk.root());
        return map;
    }

    private static Map<String, Object> result(String name, ProofCheck.Result result) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("disk", result.disk().info().index());
        map.put("id", result.disk().info().stableId());
        map.put("path", name);
        map.put("provedBytes", result.provedBytes());
        map.put("unprovedBytes", result.unprovedBytes());
        map.put("differingBytes", result.differingBytes());
        map.put("differing", result.differing().stream()
                .map(extent -> Map.of("offset", extent.offset(), "lengthBytes", extent.lengthBytes())).toList());
        return map;
    }

    void print(PrintStream out) {
        if (checked.isEmpty()) {
            describe(out);
            return;
        }
        String point = "'" + proof.label() + "' at " + proof.position();
        if (isProved()) {
            out.println("Proved: " + Printing.bytes(provedBytes()) + " are what the source held when it was marked "
                    + point
                    + (unprovedBytes() == 0 ? "." : "; nothing is known of " + Printing.bytes(unprovedBytes()) + "."));
        } else {
            out.println("Different: " + Printing.bytes(differingBytes())
                    + " are not what the source held when it was marked "
                    + point + "; first");
            checked.forEach(each -> each.result().differing().forEach(extent -> out.printf(
                    "  disk %d (%s)  offset %d, %d bytes%n", each.result().disk().info().index(), each.path(),
                    extent.offset(), extent.lengthBytes())));
        }
        proof.disks().stream().filter(disk -> checked.stream().noneMatch(each -> each.result().disk().equals(disk)))
                .forEach(disk -> out.println("Not compared: disk " + disk.info().index() + " (" + disk.info().stableId()
                        + ")."));
    }

    private void describe(PrintStream out) {
        Instant time = Instant.EPOCH.plus(proof.timeMicros(), ChronoUnit.MICROS).truncatedTo(ChronoUnit.MILLIS);
        out.println("Proof of " + proof.machine() + " at " + proof.position() + ", marked '" + proof.label() + "' at "
                + time);
        out.println("Root: " + grouped(proof.root()));
        for (ProofDisk disk : proof.disks()) {
            out.printf("  disk %d  %s  %s%s%n", disk.info().index(), disk.info().stableId(),
                    Printing.bytes(disk.info().sizeBytes()), disk.unprovedBytes() == 0 ? ""
                            : ", of which " + Printing.bytes(disk.unprovedBytes()) + " are not proved");
        }
        unproved.forEach(each -> out.printf("  not proved: disk %d, offset %d, %d bytes%n", each.disk(), each.offset(),
                each.lengthBytes()));
    }
}
