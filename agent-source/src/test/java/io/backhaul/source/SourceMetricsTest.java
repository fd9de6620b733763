package io.backhaul.source;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.engine.metrics.Metric;
import io.backhaul.engine.metrics.Metrics;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Each number of a status stands on the metrics' page, under its own name. */
class SourceMetricsTest {
    private static final DiskInfo FIRST = new DiskInfo(0, "serial-1", 1 << 20, 512);
    private static final DiskInfo SECOND = new DiskInfo(1, "serial-2", 1 << 20, 512);

    private static SourceStatus status(long packedBytes) {
        var reached = new SourceStatus.Reached(new Position(3, 70), new Position(3, 60), new Position(3, 50),
                new Position(3, 40), new Position(3, 30), new Position(2, 20), new Position(1, 10));
        var pace = new SourceStatus.Pace("not converging", 3, -1, "nobody takes it");
        return new SourceStatus(new SourceStatus.State("STREAMING", "UP", "a:1", ""), Fidelity.ORDERED, false, reached,
                new SourceStatus.Lag(11, 1500, 2500, Position.NONE), pace,
                new SourceStatus.Traffic(12, 13, 100, packedBytes, 15, 16, 17),
                new SourceStatus.Verified("off", 0, 0, new SourceStatus.Verified.Since(1, 41, 42), 0, null, null),
                List.of(new SourceStatus.OfDisk(FIRST, 21, 22, 23, 24, 25),
                        new SourceStatus.OfDisk(SECOND, 31, 32, 33, 34, 35)));
    }

    private static String page(SourceStatus status) throws IOException {
        try (Metrics metrics = new Metrics()) {
            SourceMetrics.show(metrics, () -> status,
                    List.of(new SourceDisk(FIRST, "one", new TroubledDevice(1 << 20), () -> ""),
                            new SourceDisk(SECOND, "two", new TroubledDevice(1 << 20), () -> "")));
            return metrics.page();
        }
    }

    @Test
    void everyDeclaredMetricIsShown() throws IOException {
        String page = page(status(50));
        assertThat(SourceMetrics.all()).extracting(Metric::shownName).doesNotHaveDuplicates()
                .allSatisfy(name -> assertThat(page).contains("\n" + name));
    }

    @Test
    void eachShowsItsOwnNumber() throws IOException {
        assertThat(page(status(50)).lines()).contains(
                "backhaul_source_sequence{position=\"captured\"} 70.0",
                "backhaul_source_sequence{position=\"sent\"} 60.0",
                "backhaul_source_sequence{position=\"received\"} 50.0",
                "backhaul_source_sequence{position=\"spooled\"} 40.0",
                "backhaul_source_sequence{position=\"forwarded\"} 30.0",
                "backhaul_source_sequence{position=\"journaled\"} 20.0",
                "backhaul_source_sequence{position=\"applied\"} 10.0",
                "backhaul_source_generation{position=\"forwarded\"} 3.0",
                "backhaul_source_generation{position=\"journaled\"} 2.0",
                "backhaul_source_generation{position=\"applied\"} 1.0",
                "backhaul_source_fidelity 2.0", "backhaul_source_lag_bytes 11.0",
                "backhaul_source_lag_age_seconds 1.5", "backhaul_source_rpo_seconds 2.5",
                "backhaul_source_converging 0.0",
                "backhaul_source_captured_bytes_total 12.0", "backhaul_source_sent_bytes_total 13.0",
                "backhaul_source_payload_bytes_total 100.0", "backhaul_source_packed_bytes_total 50.0",
                "backhaul_source_compression_ratio 2.0", "backhaul_source_overflows_total 15.0",
                "backhaul_source_resent_bytes_total 17.0",
                "backhaul_source_pending_bytes{disk=\"serial-1\"} 21.0",
                "backhaul_source_left_bytes{disk=\"serial-1\"} 23.0",
                "backhaul_source_pending_bytes{disk=\"serial-2\"} 31.0",
                "backhaul_source_left_bytes{disk=\"serial-2\"} 33.0");
    }

    @Test
    void nothingPackedIsNoDivisionByZero() throws IOException {
        assertThat(page(status(0)).lines()).contains("backhaul_source_compression_ratio 1.0");
    }
}
