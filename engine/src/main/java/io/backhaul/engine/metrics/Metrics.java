package io.backhaul.engine.metrics;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.backhaul.engine.config.Key;
import io.backhaul.engine.config.Units;
import io.backhaul.engine.fault.FaultLog;
import io.backhaul.protocol.FaultCode;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.DoubleSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What a daemon counts. Values are read when somebody looks: hot paths keep plain numbers of their own, and nothing
 * here is called on them. Readers must be safe for any thread. The endpoint answers {@code GET /metrics} in
 * Prometheus's text format.
 */
public final class Metrics implements AutoCloseable {
    /** The value of the key {@code metrics} that means no endpoint. */
    public static final String OFF = "off";

    /** Every daemon's key for the endpoint. */
    public static final Key<String> ADDRESS = Key
            .text("metrics", "127.0.0.1:0",
                    "Where the metrics are answered at /metrics: HOST:PORT, port 0 for any free one, or \"off\".")
            .checked(text -> text.equals(OFF) || Units.isAddress(text), "HOST:PORT or \"off\"");

    /** What every daemon counts. */
    public static final Metric FAULTS = Metric.counter("backhaul.faults", "",
            "Faults reported since the start, by code; docs/FAULTS.md explains each.", "code");

    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final List<AutoCloseable> closing = new ArrayList<>();
    /** Micrometer refers weakly to what its counters read. */
    private final Map<Meter.Id, DoubleSupplier> values = new ConcurrentHashMap<>();
    private @Nullable HttpServer server;
    private @Nullable ExecutorService threads;

    public Metrics() {
        new JvmMemoryMetrics().bindTo(registry);
        new JvmThreadMetrics().bindTo(registry);
        new ProcessorMetrics().bindTo(registry);
        new FileDescriptorMetrics().bindTo(registry);
        new UptimeMetrics().bindTo(registry);
        var collections = new JvmGcMetrics();
        collections.bindTo(registry);
        closing.add(collections);
    }

    /** Metrics with their endpoint at {@code address}: {@code HOST:PORT}, or {@link #OFF}. */
    public static Metrics serve(String address) throws IOException {
        var metrics = new Metrics();
        if (!address.equals(OFF)) {
            metrics.listen(address);
        }
        return metrics;
    }

    private void listen(String address) throws IOException {
        int colon = address.lastIndexOf(':');
        String host = address.substring(0, colon).replace("[", "").replace("]", "");
        var socket = new InetSocketAddress(InetAddress.getByName(host), Integer.parseInt(address.substring(colon + 1)));
        HttpServer http;
        try {
            http = HttpServer.create(socket, 16);
        } catch (IOException refused) {
            close();
            throw new IOException("metrics endpoint " + address + " cannot be opened: " + refused.getMessage()
                    + "; free the port, name another one, or set metrics = \"off\"", refused);
        }
        threads = Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().name("metrics").factory());
        http.setExecutor(threads);
        http.createContext("/metrics", this::answer);
        http.start();
        server = http;
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            if (!exchange.getRequestMethod().equals("GET") || !exchange.getRequestURI().getPath().equals("/metrics")) {
                exchange.sendResponseHeaders(404, -1);
                return;
            }
            byte[] page = registry.scrape().getBytes(StandardCharsets.UTF_8);
            exchange.getResponseHeaders().set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
            exchange.sendResponseHeaders(200, page.length);
            exchange.getResponseBody().write(page);
        }
    }

    /** The endpoint's port; -1 where there is none. */
    public int port() {
        return server == null ? -1 : server.getAddress().getPort();
    }

    /** Shows {@code value} as {@code metric}, with a value for each of its labels, until the answer is closed. */
    public Shown show(Metric metric, DoubleSupplier value, String... labels) {
        if (labels.length != metric.tags().size()) {
            throw new IllegalArgumentException(metric.name() + " has the labels " + metric.tags());
        }
        List<Tag> tags = new ArrayList<>();
        for (int index = 0; index < labels.length; index++) {
            tags.add(Tag.of(metric.tags().get(index), labels[index]));
        }
        String unit = metric.unit().isEmpty() ? null : metric.unit();
        Meter meter = switch (metric.kind()) {
            case GAUGE -> Gauge.builder(metric.name(), value, DoubleSupplier::getAsDouble).strongReference(true)
                    .baseUnit(unit).description(metric.help()).tags(tags).register(registry);
            case COUNTER -> FunctionCounter.builder(metric.name(), value, DoubleSupplier::getAsDouble).baseUnit(unit)
                    .description(metric.help()).tags(tags).register(registry);
        };
        values.put(meter.getId(), value);
        return () -> {
            registry.remove(meter);
            values.remove(meter.getId());
        };
    }

    /** A value that is shown; close it when its subject is gone. */
    @FunctionalInterface
    public interface Shown extends AutoCloseable {
        @Override
        void close();
    }

    /** Shows how often each fault was reported. */
    public void showFaults(FaultLog faults) {
        for (FaultCode code : FaultCode.values()) {
            show(FAULTS, () -> faults.total(code), code.label());
        }
    }

    /** The page as the endpoint would answer it now. */
    public String page() {
        return registry.scrape();
    }

    @Override
    public void close() throws IOException {
        if (server != null) {
            server.stop(0);
        }
        if (threads != null) {
            threads.shutdownNow();
        }
        for (AutoCloseable one : closing) {
            try {
                one.close();
            } catch (Exception failing) {
                throw new IOException("metrics cannot be closed: " + failing.getMessage(), failing);
            }
        }
        registry.close();
    }
}
