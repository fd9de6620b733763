package io.backhaul.blockio.system;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What is mounted where, as {@code /proc/self/mountinfo} tells (proc(5)), and what is swapped to. */
final class MountTable {
    private static final Pattern ESCAPED = Pattern.compile("\\\\([0-7]{3})");
    private static final String UPPER = "upperdir=";
    private static final int FIXED_FIELDS = 6;

    private final List<Mount> mounts;
    private final List<String> swaps;

    private MountTable(List<Mount> mounts, List<String> swaps) {
        this.mounts = mounts;
        this.swaps = swaps;
    }

    /** One mount. */
    record Mount(SystemDevice.DeviceNumber number, Path point, String type, String source, String options) {
        /** Where an overlay writes to. */
        Optional<Path> upperFolder() {
            return type.equals("overlay")
                    ? Arrays.stream(options.split(",", -1)).filter(option -> option.startsWith(UPPER))
                            .map(option -> Path.of(option.substring(UPPER.length()))).findFirst()
                    : Optional.empty();
        }
    }

    static MountTable read(Path root) throws IOException {
        List<Mount> mounts = new ArrayList<>();
        Path table = root.resolve("proc/self/mountinfo");
        if (Files.isReadable(table)) {
            for (String line : Files.readAllLines(table)) {
                parse(line).ifPresent(mounts::add);
            }
        }
        Path swapTable = root.resolve("proc/swaps");
        List<String> swaps = Files.isReadable(swapTable)
                ? Files.readAllLines(swapTable).stream().skip(1).map(line -> unescaped(line.split("\\s+", 2)[0]))
                        .toList()
                : List.of();
        return new MountTable(mounts, swaps);
    }

    private static Optional<Mount> parse(String line) {
        int dash = line.indexOf(" - ");
        if (dash < 0) {
            return Optional.empty();
        }
        String[] before = line.substring(0, dash).split(" ", -1);
        String[] after = line.substring(dash + 3).split(" ", -1);
        if (before.length < FIXED_FIELDS || after.length < 2) {
            return Optional.empty();
        }
        return Optional
                .of(new Mount(SystemDevice.DeviceNumber.parse(before[2]), Path.of(unescaped(before[4])), after[0],
                        unescaped(after[1]), after.length > 2 ? unescaped(after[2]) : ""));
    }

    private static String unescaped(String text) {
        return ESCAPED.matcher(text).replaceAll(match -> Matcher
                .quoteReplacement(String.valueOf((char) Integer.parseInt(match.group(1), 8))));
    }

    /** The mount that a path lies in: of the deepest ones the last, which hides the others. */
    Optional<Mount> holding(Path path) {
        Mount best = null;
        for (Mount mount : mounts) {
            if (path.startsWith(mount.point)
                    && (best == null || mount.point.getNameCount() >= best.point.getNameCount())) {
                best = mount;
            }
        }
        return Optional.ofNullable(best);
    }

    /** Who uses a device. */
    SystemDevice.Use useOf(String name, SystemDevice.DeviceNumber number) {
        String node = "/dev/" + name.replace('!', '/');
        List<Mount> own = mounts.stream().filter(mount -> mount.number.equals(number) || mount.source.equals(node))
                .toList();
        List<String> places = new ArrayList<>();
        own.stream().map(mount -> mount.point.toString()).distinct().forEach(places::add);
        if (swaps.contains(node)) {
            places.add("[SWAP]");
        }
        return new SystemDevice.Use(places, own.stream().map(Mount::type).findFirst().orElse(""));
    }
}
