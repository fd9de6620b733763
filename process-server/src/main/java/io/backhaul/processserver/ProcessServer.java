package io.backhaul.processserver;

import io.backhaul.blockio.volume.DirectoryVolume;
import io.backhaul.blockio.volume.Volume;
import io.backhaul.engine.config.ConfigException;
import io.backhaul.engine.config.Key;
import io.backhaul.engine.config.Settings;
import io.backhaul.engine.control.ControlFault;
import io.backhaul.engine.control.ControlReply;
import io.backhaul.engine.control.ControlServer;
import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.link.Credentials;
import io.backhaul.engine.link.LinkServer;
import io.backhaul.engine.link.TlsLinks;
import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.LanePool;
import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.loop.NettyLoops;
import io.backhaul.engine.metrics.Metric;
import io.backhaul.engine.metrics.Metrics;
import io.backhaul.engine.stream.HopTiming;
import io.backhaul.engine.stream.OfferedLinks;
import io.backhaul.engine.stream.Reception;
import io.backhaul.engine.time.SystemClock;
import io.backhaul.protocol.Identity;
import io.backhaul.protocol.Positions;
import io.backhaul.protocol.Role;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;

/** The process server: reads its configuration, opens the spool and the links, and runs one {@link Relay}. */
public final class ProcessServer implements AutoCloseable {
    private static final long STATUS_NANOS = 1_000_000_000L;
    private static final long PATIENCE_SECONDS = 30;
    private static final int MAX_WAITING = 512;
    /** They mostly wait for the disk; what several of them want to be durable at a time it makes durable at once. */
    private static final int DISK_THREADS = 16;

    private final Path file;
    private final Settings settings;
    private final FaultLog faults = new FaultLog(SystemClock.INSTANCE);
    private final long startedMicros = SystemClock.INSTANCE.wallMicros();
    private final Openings openings;
    private final AtomicBoolean closing = new AtomicBoolean();
    private final CountDownLatch stopped = new CountDownLatch(1);
    private final Identity identity;
    private final Volume spool;
    private final Lane looks;
    private final Loop loop;
    private final Relay relay;
    private final LinkServer listener;
    private final Metrics metrics;
    private final ProcessServerMetrics shown;
    private final ControlServer control;

    private ProcessServer(Path file, Settings settings, Openings openings) throws IOException, ConfigException {
        this.file = file;
        this.settings = settings;
        this.openings = openings;
        this.spool = DirectoryVolume.create(settings.get(ProcessServerSettings.SPOOL));
        Credentials credentials = Credentials.in(settings.get(ProcessServerSettings.CREDENTIALS));
        this.identity = credentials.identity();
        if (identity.role() != Role.PROCESS_SERVER) {
            throw new ConfigException("the certificate in " + settings.get(ProcessServerSettings.CREDENTIALS)
                    + " is that of " + identity
                    + ", not of a process server; name the directory that was issued for one");
        }
        this.metrics = openings.add(Metrics.serve(settings.get(Metrics.ADDRESS)));
        int threads = settings.get(ProcessServerSettings.THREADS);
        NettyLoops loops = openings.add(new NettyLoops(threads));
        LanePool lanes = openings.add(new LanePool("spool", Math.max(DISK_THREADS, threads)));
        this.looks = lanes.lane("looks");
        TlsLinks links = openings.add(new TlsLinks(credentials, loops));
        this.loop = loops.next();
        Set<UUID> dialIn = ProcessServerSettings.dialIn(settings);
        OfferedLinks offered = new OfferedLinks(
                new OfferedLinks.Ports(loop, ByteBufAllocator.DEFAULT, HopTiming.DEFAULT,
                        links, faults),
                dialIn);
        RelayLimits limits = ProcessServerSettings.limits(settings, spool.freeBytes());
        this.relay = new Relay(new Relay.Ports(loop, loops::next, lanes::lane, spool, offered, new SecureRandom(),
                ByteBufAllocator.DEFAULT, faults), limits, ProcessServerSettings.targets(settings));
        limit(ProcessServerSettings.rates(settings));
        await(relay.resume());
        Reception reception = new Reception(
                new Reception.Ports(loop, ByteBufAllocator.DEFAULT, HopTiming.DEFAULT, MAX_WAITING, faults), relay);
        this.listener = openings.add(LinkServer.listen(settings.get(ProcessServerSettings.LISTEN), credentials, loops,
                LinkServer.Terms.of(dialIn.isEmpty() ? Set.of(Role.SOURCE) : Set.of(Role.SOURCE, Role.MASTER_TARGET),
                        faults),
                link -> (link.peer().role() == Role.MASTER_TARGET ? offered : reception).accepted(link)));
        this.shown = new ProcessServerMetrics(metrics, relay);
        metrics.showFaults(faults);
        this.control = openings.add(ControlServer.listen(settings.get(ControlServer.SOCKET),
                Map.of("status", this::status, "decommission", this::decommission, "reload", this::reload)));
        loop.execute(this::refresh);
    }

    /**
     * Starts a process server.
     *
     * @throws ConfigException
     *             where its configuration is wrong
     * @throws IOException
     *             where the spool, the credentials or a socket cannot be used; the message is one clear line
     */
    public static ProcessServer start(Path configFile) throws IOException, ConfigException {
        Settings settings = ProcessServerSettings.load(configFile);
        Openings openings = new Openings();
        try {
            return new ProcessServer(configFile, settings, openings);
        } catch (IOException | ConfigException | RuntimeException failed) {
            openings.closeAfter(failed);
            throw failed;
        }
    }

    private void refresh() {
        if (!closing.get()) {
            var _ = relay.status().thenAccept(statuses -> loop.execute(() -> shown.update(statuses)));
            looks.submit(spool::freeBytes, loop, new Lane.Outcome<Long>() {
                @Override
                public void done(Long freeBytes) {
                    relay.volumeHas(freeBytes);
                }

                @Override
                public void failed(IOException unknown) {
                    // What cannot be asked will fail when it is written, and be said then.
                }
            });
            loop.schedule(STATUS_NANOS, this::refresh);
        }
    }

    private static <T> T await(Future<T> future) throws IOException {
        try {
            return future.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException failed) {
            throw failed.getCause() instanceof IOException cause ? cause : new IOException(failed.getCause());
        } catch (TimeoutException late) {
            throw new IOException("no answer within " + PATIENCE_SECONDS + " s; see whether the spool's volume hangs",
                    late);
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", stop);
        }
    }

    private List<MachineStatus> machines() throws ControlFault {
        try {
            return await(relay.status());
        } catch (IOException slow) {
            throw new ControlFault(String.valueOf(slow.getMessage()), slow);
        }
    }

    private void status(Map<String, Object> request, ControlReply reply) throws ControlFault {
        Map<String, Object> about = new LinkedHashMap<>();
        about.put("role", Role.PROCESS_SERVER.label());
        about.put("id", identity.id().toString());
        about.put("startedMicros", startedMicros);
        about.put("metricsPort", metrics.port());
        about.put("listen", address());
        about.put("spoolBytes", relay.spoolBytes());
        about.put("memoryBytes", relay.memoryBytes());
        putLimit(about, relay.limitBytesPerSecond());
        about.put("machines", machines().stream().map(ProcessServer::shown).toList());
        about.put("faults", faults.recent().stream().map(FaultLog.Fault::asMap).toList());
        reply.done(about);
    }

    private String address() {
        return settings.get(ProcessServerSettings.LISTEN).replaceFirst(":[0-9]+$", ":" + listener.port());
    }

    private static Map<String, Object> shown(MachineStatus status) {
        Map<String, Object> shown = new LinkedHashMap<>();
        Positions positions = status.positions();
        shown.put("machine", status.machine().toString());
        shown.put("state", status.state());
        shown.put("target", status.target());
        shown.put("sourceLinked", status.sourceLinked());
        shown.put("delivered", status.delivered());
        shown.put("positions",
                Map.of("received", positions.received().toString(), "spooled", positions.spooled().toString(),
                        "forwarded",
                        positions.forwarded().toString(), "journaled", positions.journaled().toString(), "applied",
                        positions.applied().toString()));
        shown.put("spoolBytes", status.spoolBytes());
        shown.put("lagBytes", status.lagBytes());
        shown.put("lagMillis", status.lagMicros() / 1000);
        shown.put("memoryBytes", status.memoryBytes());
        shown.put("receivedBytes", status.receivedBytes());
        shown.put("forwardedBytes", status.forwardedBytes());
        putLimit(shown, status.limit().bytesPerSecond());
        shown.put("limited", status.limit().holdsBack());
        if (!status.trouble().isEmpty()) {
            shown.put("trouble", status.trouble());
        }
        return shown;
    }

    private void decommission(Map<String, Object> request, ControlReply reply) throws ControlFault {
        Optional<String> objection = Relay.objection(machines());
        if (objection.isPresent()) {
            throw new ControlFault(objection.get());
        }
        reply.done(Map.of("undeliveredBytes", 0));
    }

    /** What may change while it runs is read from the file again. */
    private void reload(Map<String, Object> request, ControlReply reply) throws ControlFault {
        try {
            List<RateRule> rates = ProcessServerSettings.rates(ProcessServerSettings.load(file));
            limit(rates);
            Map<String, Object> now = new LinkedHashMap<>();
            now.put("limits", rates.size());
            putLimit(now, relay.limitBytesPerSecond());
            reply.done(now);
        } catch (ConfigException | IOException wrong) {
            throw new ControlFault(String.valueOf(wrong.getMessage()), wrong);
        }
    }

    private void limit(List<RateRule> rates) throws IOException {
        await(CompletableFuture.runAsync(() -> relay.limit(rates), loop));
    }

    private static void putLimit(Map<String, Object> shown, long bytesPerSecond) {
        if (bytesPerSecond != Throttle.UNBOUNDED) {
            shown.put("limitBytesPerSecond", bytesPerSecond);
        }
    }

    /** The keys of its configuration file. */
    public static List<Key<?>> keys() {
        return ProcessServerSettings.keys();
    }

    /** What it counts. */
    public static List<Metric> metrics() {
        return ProcessServerMetrics.all();
    }

    /** Where it is asked. */
    public Path control() {
        return control.path();
    }

    /** The port that sources connect to. */
    public int port() {
        return listener.port();
    }

    /** Returns once it has been closed. */
    public void awaitStop() throws InterruptedException {
        stopped.await();
    }

    /** Ends the links, finishes what is being written, and closes the spools. */
    @Override
    public void close() throws IOException {
        if (closing.getAndSet(true)) {
            return;
        }
        try {
            await(relay.close());
        } finally {
            openings.close();
            stopped.countDown();
        }
    }
}
