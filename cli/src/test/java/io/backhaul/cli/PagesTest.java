package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.engine.config.ConfigException;
import io.backhaul.engine.config.ConfigPage;
import io.backhaul.engine.config.Key;
import io.backhaul.engine.config.Settings;
import io.backhaul.engine.metrics.Metric;
import io.backhaul.engine.metrics.Metrics;
import io.backhaul.engine.metrics.MetricsPage;
import io.backhaul.management.ManagementServer;
import io.backhaul.mastertarget.MasterTarget;
import io.backhaul.processserver.ProcessServer;
import io.backhaul.source.SourceAgent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Pages that are generated are the committed ones, and examples on pages are ones that load. */
class PagesTest {
    private static final Path DOCS = Path.of(System.getProperty("house.root", ".."), "docs");
    private static final Pattern EXAMPLE = Pattern
            .compile("(?s)```hocon\\n(?:# \\S+\\.conf: backhaul (\\S+) run --config[^\\n]*\\n)?(.*?)```");

    private static Map<String, List<Key<?>>> keys() {
        Map<String, List<Key<?>>> keys = new LinkedHashMap<>();
        keys.put("Source", SourceAgent.keys());
        keys.put("Process server", ProcessServer.keys());
        keys.put("Master target", MasterTarget.keys());
        keys.put("Management", ManagementServer.keys());
        return keys;
    }

    private static Map<String, List<Metric>> metrics() {
        Map<String, List<Metric>> metrics = new LinkedHashMap<>();
        metrics.put("Every daemon", List.of(Metrics.FAULTS));
        metrics.put("Source", SourceAgent.metrics());
        metrics.put("Process server", ProcessServer.metrics());
        metrics.put("Master target", MasterTarget.metrics());
        metrics.put("Management", ManagementServer.metrics());
        return metrics;
    }

    private static void committed(String name, String page) throws IOException {
        if (Boolean.getBoolean("pages.write")) {
            Files.writeString(DOCS.resolve(name), page);
        }
        assertThat(DOCS.resolve(name)).as("run the tests with -Dpages.write=true to write it anew").hasContent(page);
    }

    @Test
    void thePageOfKeysIsTheGeneratedOne() throws IOException {
        committed("CONFIG.md", ConfigPage.render(keys()));
    }

    @Test
    void thePageOfMetricsIsTheGeneratedOne() throws IOException {
        committed("METRICS.md", MetricsPage.render(metrics()));
    }

    @Test
    void everyExampleOfTheOperatingPageLoads() throws IOException, ConfigException {
        Map<String, List<Key<?>>> keys = Map.of("source", SourceAgent.keys(), "process-server", ProcessServer.keys(),
                "master-target", MasterTarget.keys(), "management", ManagementServer.keys());
        Set<String> found = new TreeSet<>();
        String daemon = "";
        Matcher example = EXAMPLE.matcher(Files.readString(DOCS.resolve("OPERATING.md")));
        while (example.find()) {
            daemon = example.group(1) == null ? daemon : example.group(1);
            found.add(daemon);
            Settings.parse(example.group(2), DOCS, keys.getOrDefault(daemon, List.of()));
        }
        assertThat(found).contains("source", "process-server", "master-target");
    }
}
