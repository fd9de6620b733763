package io.backhaul.cli;

import io.backhaul.blockio.system.BlockDevices;
import io.backhaul.blockio.system.SystemDevice;
import io.backhaul.source.CaptureSupport;
import io.backhaul.source.CaptureSupport.Finding;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Says what this machine can do for a source agent. Reads only. */
@Command(name = "check", description = {
    "Show what this machine supports, its disks, and how their writes would be captured.",
    "Reads only; nothing is changed or loaded."})
final class SourceCheckCommand extends Verb {
    @Parameters(paramLabel = "DEVICE", arity = "0..*", description = "Only these block devices (default: all).")
    private List<Path> paths = new ArrayList<>();

    @Mixin
    private Printing printing = new Printing();

    /** A device and what is on it. */
    private record Disk(SystemDevice device, String content, String capture, String why) {}

    @Override
    public Integer call() throws Exception {
        BlockDevices machine = BlockDevices.read();
        List<SystemDevice> wanted = paths.isEmpty() ? machine.devices() : named(machine);
        CaptureSupport support = CaptureSupport.read();
        List<Disk> disks = wanted.stream().map(device -> judged(device, machine, support)).toList();
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("capture", support.isComplete() ? "ebpf" : "nbd");
        result.put("why", why(support));
        result.put("findings", support.findings().stream().map(SourceCheckCommand::asMap).toList());
        result.put("disks", disks.stream().map(SourceCheckCommand::asMap).toList());
        printing.print(result, out -> print(out, support, disks));
        return Backhaul.DONE;
    }

    private List<SystemDevice> named(BlockDevices machine) {
        List<SystemDevice> wanted = new ArrayList<>();
        for (Path path : paths) {
            try {
                wanted.add(machine.at(path));
            } catch (IOException unfit) {
                throw Failure.usage(Explanation.line(unfit));
            }
        }
        return wanted;
    }

    private static Disk judged(SystemDevice device, BlockDevices machine, CaptureSupport support) {
        String content = content(device);
        if (device.geometry().sizeBytes() == 0) {
            return new Disk(device, content, "none", "it has no medium");
        }
        if (device.geometry().readOnly()) {
            return new Disk(device, content, "scan", "it is read-only: there are no writes to capture");
        }
        Optional<String> raid = device.stack().holders().stream().filter(holder -> machine.named(holder)
                .filter(each -> each.kind() == SystemDevice.Kind.RAID).isPresent()).findFirst();
        if (raid.isPresent()) {
            return new Disk(device, content, "none", "it is part of /dev/" + raid.get() + ": protect that one");
        }
        return new Disk(device, content, support.isComplete() ? "ebpf" : "nbd", why(support));
    }

    private static String why(CaptureSupport support) {
        return support.isComplete()
                ? "the kernel has all that the capture needs; disks stay in use as they are"
                : support.missing();
    }

    private static String content(SystemDevice device) {
        if (device.geometry().sizeBytes() == 0) {
            return "";
        }
        try {
            return device.content();
        } catch (IOException unreadable) {
            return device.use().fileSystem().isEmpty() ? "unreadable" : device.use().fileSystem();
        }
    }

    private static Map<String, Object> asMap(Finding finding) {
        return Map.of("name", finding.name(), "verdict", finding.verdict().name().toLowerCase(Locale.ROOT), "text",
                finding.text());
    }

    private static Map<String, Object> asMap(Disk disk) {
        SystemDevice device = disk.device;
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("path", device.path());
        map.put("number", device.number().toString());
        map.put("kind", device.kind().name().toLowerCase(Locale.ROOT));
        map.put("stableId", device.identity().stableId());
        map.put("stableIdFrom", device.identity().origin());
        map.put("sizeBytes", device.geometry().sizeBytes());
        map.put("logicalSectorBytes", device.geometry().logicalSectorBytes());
        map.put("physicalSectorBytes", device.geometry().physicalSectorBytes());
        map.put("readOnly", device.geometry().readOnly());
        map.put("content", disk.content);
        map.put("mounts", device.use().mounts());
        map.put("disk", device.stack().disk());
        map.put("partitions", device.stack().partitions());
        map.put("madeOf", device.stack().slaves());
        map.put("holders", device.stack().holders());
        map.put("backingFile", device.stack().backingFile());
        map.put("discardMaxBytes", device.zeroing().discardMaxBytes());
        map.put("zeroesAfterDiscard", device.zeroing().zeroesAfterDiscard());
        map.put("writeZeroesMaxBytes", device.zeroing().writeZeroesMaxBytes());
        map.put("capture", disk.capture);
        map.put("why", disk.why);
        return map;
    }

    private static void print(PrintStream out, CaptureSupport support, List<Disk> disks) {
        for (Finding finding : support.findings()) {
            String sign = switch (finding.verdict()) {
                case FINE -> "+";
                case OTHERWISE -> "~";
                case MISSING -> "-";
            };
            out.printf("%s %-11s %s%n", sign, finding.name(), finding.text());
        }
        if (support.findings().stream().anyMatch(each -> each.verdict() != CaptureSupport.Verdict.FINE)) {
            out.println("  (~ is done in another way, - is missing)");
        }
        out.printf("%nCapture: %s, as %s.%n%n", support.isComplete() ? "ebpf" : "nbd", why(support));
        out.printf("%-16s %-10s %9s %6s  %-20s %-28s %s%n", "DEVICE", "KIND", "SIZE", "SECTOR", "HOLDS", "USED BY",
                "ID");
        for (Disk disk : disks) {
            SystemDevice device = disk.device;
            out.printf("%-16s %-10s %9s %6d  %-20s %-28s %s%n", device.path(),
                    device.kind().name().toLowerCase(Locale.ROOT), Printing.bytes(device.geometry().sizeBytes()),
                    device.geometry().logicalSectorBytes(), dash(disk.content), dash(users(device)),
                    dash(device.identity().stableId()));
            if (!disk.capture.equals("ebpf") && !disk.capture.equals("nbd")) {
                out.printf("%-16s capture %s: %s%n", "", disk.capture, disk.why);
            }
        }
    }

    private static String users(SystemDevice device) {
        List<String> users = new ArrayList<>(device.use().mounts());
        users.addAll(device.stack().holders());
        users.addAll(device.stack().partitions());
        return String.join(", ", users);
    }

    private static String dash(String text) {
        return text.isEmpty() ? "-" : text;
    }
}
