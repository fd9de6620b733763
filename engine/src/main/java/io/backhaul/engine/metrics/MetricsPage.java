package io.backhaul.engine.metrics;

import java.util.List;
import java.util.Map;

/** The reference page of all metrics, made from their declarations. */
public final class MetricsPage {
    private MetricsPage() {}

    /** The page; {@code daemons} names each daemon and gives its metrics, in order. */
    public static String render(Map<String, List<Metric>> daemons) {
        var page = new StringBuilder("""
                # Metrics

                Every daemon answers `GET /metrics` in Prometheus's text format at the address of its key `metrics`, on
                loopback by default. Beside what is listed here every daemon shows Micrometer's `jvm_*`, `process_*` and
                `system_*`. This page is generated from the declarations in the code.
                """);
        daemons.forEach((name, metrics) -> {
            page.append("\n## ").append(name).append("\n\n| metric | kind | unit | labels | meaning |\n")
                    .append("| --- | --- | --- | --- | --- |\n");
            metrics.forEach(metric -> row(page, metric));
        });
        return page.toString();
    }

    private static void row(StringBuilder page, Metric metric) {
        page.append("| `").append(metric.shownName()).append("` | ")
                .append(metric.kind() == Metric.Kind.GAUGE ? "gauge" : "counter").append(" | ").append(metric.unit())
                .append(" | ").append(String.join(", ", metric.tags())).append(" | ")
                .append(metric.help().replace("|", "\\|")).append(" |\n");
    }
}
