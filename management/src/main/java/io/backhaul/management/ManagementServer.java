package io.backhaul.management;

import io.backhaul.engine.config.ConfigException;
import io.backhaul.engine.config.Key;
import io.backhaul.engine.config.Settings;
import io.backhaul.engine.control.ControlFault;
import io.backhaul.engine.control.ControlReply;
import io.backhaul.engine.control.ControlServer;
import io.backhaul.engine.metrics.Metric;
import io.backhaul.engine.metrics.Metrics;
import io.backhaul.engine.time.Clock;
import io.backhaul.engine.time.SystemClock;
import io.backhaul.protocol.Identity;
import io.backhaul.protocol.Role;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;

/**
 * The management daemon: holds the authority, and issues and lists certificates on its control socket. Its door and all
 * of it.
 */
public final class ManagementServer implements AutoCloseable {
    private static final Key<UUID> ID = Key.uuid("id", new UUID(0, 0), "This management server's own id.");
    private static final Key<Path> AUTHORITY = Key.path("authority", Path.of("authority"),
            "The directory of the authority, which `backhaul management init` makes.");
    /** How many certificates there are. */
    private static final Metric CERTIFICATES = Metric.gauge("backhaul.management.certificates", "",
            "Certificates issued so far.");

    private final UUID id;
    private final long startedMicros;
    private final CertificateAuthority authority;
    private final ControlServer control;
    private final Metrics metrics;
    private final CountDownLatch stopped = new CountDownLatch(1);

    private ManagementServer(Settings settings, Clock clock) throws IOException {
        id = settings.get(ID);
        startedMicros = clock.wallMicros();
        authority = CertificateAuthority.open(settings.get(AUTHORITY), clock);
        metrics = Metrics.serve(settings.get(Metrics.ADDRESS));
        try {
            control = ControlServer.listen(settings.get(ControlServer.SOCKET),
                    Map.of("status", this::status, "issue", this::issue, "list", this::list));
        } catch (IOException refused) {
            metrics.close();
            throw refused;
        }
        metrics.show(CERTIFICATES, this::count);
    }

    /**
     * Starts the daemon.
     *
     * @throws ConfigException
     *             where its configuration is wrong
     * @throws IOException
     *             where the authority cannot be opened, or a socket not be made
     */
    public static ManagementServer start(Path configFile) throws IOException, ConfigException {
        return new ManagementServer(Settings.load(configFile, keys()), SystemClock.INSTANCE);
    }

    /** The keys of its configuration file. */
    public static List<Key<?>> keys() {
        return List.of(ID, AUTHORITY, ControlServer.SOCKET, Metrics.ADDRESS);
    }

    /** What it counts. */
    public static List<Metric> metrics() {
        return List.of(CERTIFICATES);
    }

    private double count() {
        try {
            return authority.issued().size();
        } catch (IOException unreadable) {
            return Double.NaN;
        }
    }

    private void status(Map<String, Object> request, ControlReply reply) throws ControlFault {
        reply.done(Map.of("role", Role.MANAGEMENT.label(), "id", id.toString(), "startedMicros", startedMicros,
                "metricsPort", metrics.port(), "authority", authority.directory().toString(), "authorityExpiresMicros",
                authority.expiresMicros(), "certificates", listed().size(), "machines", List.of(), "faults",
                List.of()));
    }

    private void list(Map<String, Object> request, ControlReply reply) throws ControlFault {
        reply.done(Map.of("certificates", listed().stream().map(Issued::asMap).toList()));
    }

    private List<Issued> listed() throws ControlFault {
        try {
            return authority.issued();
        } catch (IOException unreadable) {
            throw new ControlFault(String.valueOf(unreadable.getMessage()), unreadable);
        }
    }

    private void issue(Map<String, Object> request, ControlReply reply) throws ControlFault {
        Identity identity = Identity.parse("backhaul://" + request.get("for") + "/" + request.get("id"))
                .orElseThrow(() -> new ControlFault("a certificate needs a role and a UUID in lower case, not '"
                        + request.get("for") + "' and '" + request.get("id") + "'"));
        if (!(request.get("out") instanceof String out) || !Path.of(out).isAbsolute()) {
            throw new ControlFault("a certificate needs an absolute directory to go to, not '" + request.get("out")
                    + "'");
        }
        try {
            reply.done(authority.issue(identity, Path.of(out)).asMap());
        } catch (IOException refused) {
            throw new ControlFault(String.valueOf(refused.getMessage()), refused);
        }
    }

    /** Where it is asked. */
    public Path control() {
        return control.path();
    }

    /** Returns once it has been closed. */
    public void awaitStop() throws InterruptedException {
        stopped.await();
    }

    @Override
    public void close() throws IOException {
        try (metrics) {
            control.close();
        } finally {
            stopped.countDown();
        }
    }
}
