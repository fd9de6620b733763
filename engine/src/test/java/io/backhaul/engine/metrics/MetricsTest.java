package io.backhaul.engine.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.time.SystemClock;
import io.backhaul.protocol.FaultCode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class MetricsTest {
    private static final Metric SPOOL = Metric.gauge("backhaul.spool.size", "bytes", "What lies in the spool.",
            "machine");
    private static final Metric SENT = Metric.counter("backhaul.sent", "bytes", "What was sent.");

    private static HttpResponse<String> get(int port, String path) throws IOException, InterruptedException {
        try (HttpClient client = HttpClient.newHttpClient()) {
            return client.send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).build(),
                    HttpResponse.BodyHandlers.ofString());
        }
    }

    @Test
    void theEndpointShowsWhatIsDeclaredWithUnitHelpAndLabels() throws Exception {
        try (Metrics metrics = Metrics.serve("127.0.0.1:0")) {
            metrics.show(SPOOL, () -> 42, "m1");
            metrics.show(SENT, () -> 7);
            HttpResponse<String> page = get(metrics.port(), "/metrics");
            assertThat(page.statusCode()).isEqualTo(200);
            assertThat(page.body()).contains("# HELP backhaul_spool_size_bytes What lies in the spool.")
                    .contains("# TYPE backhaul_spool_size_bytes gauge")
                    .contains("backhaul_spool_size_bytes{machine=\"m1\"} 42.0")
                    .contains("backhaul_sent_bytes_total 7.0").contains("jvm_memory_used_bytes")
                    .contains("process_uptime_seconds");
            assertThat(get(metrics.port(), "/other").statusCode()).isEqualTo(404);
        }
    }

    @Test
    void theDeclaredNamesAreTheShownOnes() throws IOException {
        try (Metrics metrics = new Metrics()) {
            metrics.show(SPOOL, () -> 1, "m1");
            metrics.show(SENT, () -> 1);
            assertThat(metrics.page()).contains(SPOOL.shownName()).contains(SENT.shownName());
        }
    }

    @Test
    void valuesAreReadWhenLookedAtAndSurviveACollection() throws IOException {
        var value = new AtomicLong(1);
        try (Metrics metrics = new Metrics()) {
            metrics.show(SENT, () -> value.get());
            System.gc();
            value.set(5);
            assertThat(metrics.page()).contains("backhaul_sent_bytes_total 5.0");
        }
    }

    @Test
    void whatIsGoneIsShownNoMore() throws IOException {
        try (Metrics metrics = new Metrics()) {
            Metrics.Shown shown = metrics.show(SPOOL, () -> 1, "m1");
            metrics.show(SPOOL, () -> 2, "m2");
            shown.close();
            assertThat(metrics.page()).doesNotContain("machine=\"m1\"").contains("machine=\"m2\"");
        }
    }

    @Test
    void labelsMustMatchTheDeclaration() throws IOException {
        try (Metrics metrics = new Metrics()) {
            assertThatThrownBy(() -> metrics.show(SPOOL, () -> 1)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void offMeansNoEndpoint() throws IOException {
        try (Metrics metrics = Metrics.serve(Metrics.OFF)) {
            assertThat(metrics.port()).isEqualTo(-1);
        }
    }

    @Test
    void aPortInUseIsOneClearLine() throws IOException {
        try (Metrics metrics = Metrics.serve("127.0.0.1:0")) {
            assertThatThrownBy(() -> Metrics.serve("127.0.0.1:" + metrics.port())).isInstanceOf(IOException.class)
                    .hasMessageContaining("cannot be opened").hasMessageContaining("free the port");
        }
    }

    @Test
    void faultsAreCountedByCode() throws IOException {
        var faults = new FaultLog(SystemClock.INSTANCE);
        try (Metrics metrics = new Metrics()) {
            metrics.showFaults(faults);
            faults.report(FaultCode.STORE_FULL, "spool", "no room");
            faults.report(FaultCode.STORE_FULL, "journal", "no room");
            assertThat(metrics.page()).contains("backhaul_faults_total{code=\"BH-0012\"} 2.0");
        }
    }

    @Test
    void thePageListsEveryMetric() {
        assertThat(MetricsPage.render(Map.of("Thing", List.of(SPOOL, SENT))))
                .contains("| `backhaul_spool_size_bytes` | gauge | bytes | machine | What lies in the spool. |")
                .contains("| `backhaul_sent_bytes_total` | counter | bytes |  | What was sent. |");
    }
}
