package io.backhaul.simulation;

import io.backhaul.simulation.defect.Defects;
import java.lang.management.ManagementFactory;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Reports as pages of Markdown, to be kept beside the documentation. */
final class ReportPage {
    private ReportPage() {}

    /** What many runs have shown; the map is the one of {@link Report}. */
    static String ofRuns(Map<String, Object> report, long firstSeed) {
        StringBuilder page = new StringBuilder("# Report of a run of the simulation\n\n");
        row(page, "what", "how much");
        row(page, "---", "---");
        row(page, "commit", "`" + System.getProperty("backhaul.commit", "unknown") + "`");
        row(page, "machine", System.getProperty("os.name") + " " + System.getProperty("os.arch") + ", Java "
                + System.getProperty("java.version") + ", " + report.get("threads") + " threads");
        row(page, "seeds", report.get("seeds") + ", from " + firstSeed + " on");
        row(page, "events", String.format(Locale.ROOT, "%,d", number(report, "events").longValue()));
        row(page, "hours by the wall clock", hours(number(report, "seconds").doubleValue() / 3600));
        row(page, "CPU hours", hours(cpuSeconds() / 3600));
        row(page, "virtual hours", hours(number(report, "virtualHours").doubleValue()));
        row(page, "virtual hours per CPU hour",
                String.format(Locale.ROOT, "%.0f",
                        number(report, "virtualHours").doubleValue() / Math.max(1e-9, cpuSeconds() / 3600)));
        row(page, "violations", String.valueOf(list(report, "failures").size()));
        table(page, "Faults, by kind", "fault", map(report, "faults"));
        table(page, "Checked", "what", map(report, "checked"));
        page.append("\n## Branches that must be reached (\"sometimes\")\n\nNot reached: ")
                .append(list(report, "notReached").isEmpty() ? "none" : list(report, "notReached")).append(".\n\n");
        row(page, "branch", "times");
        row(page, "---", "---");
        Sometimes.REACHED.forEach(
                name -> row(page, name, String.valueOf(map(report, "counts").getOrDefault(name, 0L))));
        page.append("\n## Violations\n\n");
        if (list(report, "failures").isEmpty()) {
            page.append("None.\n");
        }
        for (Object failure : list(report, "failures")) {
            page.append("- ").append(failure).append('\n');
        }
        return page.toString();
    }

    /** After how many runs each defect was found, and by which invariant. */
    static String ofDefects(List<Defects.Result> results) {
        StringBuilder page = new StringBuilder();
        row(page, "defect", "what it is", "runs", "seed", "found by");
        row(page, "---", "---", "---", "---", "---");
        for (String name : Defects.names()) {
            results.stream().filter(result -> result.name().equals(name)).findFirst().ifPresent(
                    result -> row(page, "`" + name + "`", result.sentence(), String.valueOf(result.runs()),
                            result.isFound() ? String.valueOf(result.seed()) : "-",
                            result.isFound() ? result.invariant() : "NOT FOUND"));
        }
        return page.toString();
    }

    private static double cpuSeconds() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean system
                ? system.getProcessCpuTime() / 1e9
                : 0;
    }

    private static String hours(double hours) {
        return String.format(Locale.ROOT, "%.2f", hours);
    }

    private static Number number(Map<String, Object> report, String name) {
        return report.get(name) instanceof Number number ? number : 0;
    }

    private static List<?> list(Map<String, Object> report, String name) {
        return report.get(name) instanceof List<?> list ? list : List.of();
    }

    private static Map<String, Object> map(Map<String, Object> report, String name) {
        Map<String, Object> map = new LinkedHashMap<>();
        if (report.get(name) instanceof Map<?, ?> found) {
            found.forEach((key, value) -> map.put(String.valueOf(key), value));
        }
        return map;
    }

    private static void table(StringBuilder page, String title, String column, Map<String, Object> rows) {
        page.append("\n## ").append(title).append("\n\n");
        row(page, column, "times");
        row(page, "---", "---");
        rows.forEach((name, value) -> row(page, name, String.valueOf(value)));
    }

    private static void row(StringBuilder page, String... cells) {
        page.append("| ").append(String.join(" | ", cells)).append(" |\n");
    }
}
