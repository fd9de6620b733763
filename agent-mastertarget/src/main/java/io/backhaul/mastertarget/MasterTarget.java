package io.backhaul.mastertarget;

import io.backhaul.engine.Openings;
import io.backhaul.engine.config.ConfigException;
import io.backhaul.engine.config.Key;
import io.backhaul.engine.config.Settings;
import io.backhaul.engine.control.ControlServer;
import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.link.Credentials;
import io.backhaul.engine.link.LinkServer;
import io.backhaul.engine.link.TlsLinks;
import io.backhaul.engine.loop.LanePool;
import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.loop.NettyLoops;
import io.backhaul.engine.metrics.Metric;
import io.backhaul.engine.metrics.Metrics;
import io.backhaul.engine.stream.HopTiming;
import io.backhaul.engine.stream.LinkOffers;
import io.backhaul.engine.stream.Reception;
import io.backhaul.engine.time.SystemClock;
import io.backhaul.protocol.Identity;
import io.backhaul.protocol.Role;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;

/** The master target: reads its configuration, opens what is stored of each machine, and listens for their streams. */
public final class MasterTarget implements AutoCloseable {
    private static final int MAX_WAITING_LINKS = 256;
    private static final int MIN_LANE_THREADS = 4;

    private final Settings settings;
    private final Identity identity;
    private final FaultLog faults = new FaultLog(SystemClock.INSTANCE);
    private final long startedMicros = SystemClock.INSTANCE.wallMicros();
    private final Openings openings;
    private final AtomicBoolean closing = new AtomicBoolean();
    private final CountDownLatch stopped = new CountDownLatch(1);
    private final ControlServer control;
    private final Metrics metrics;
    private final LinkServer server;

    private MasterTarget(Settings settings, StorageSettings places, Openings openings)
            throws IOException, ConfigException {
        this.settings = settings;
        this.openings = openings;
        MasterTargetControl handlers = new MasterTargetControl();
        this.control = openings.add(ControlServer.listen(settings.get(ControlServer.SOCKET), handlers.handlers()));
        this.metrics = openings.add(Metrics.serve(settings.get(Metrics.ADDRESS)));
        metrics.showFaults(faults);
        Credentials credentials = Credentials.in(settings.get(MasterTargetSettings.CREDENTIALS));
        this.identity = identity(credentials);
        int cores = Runtime.getRuntime().availableProcessors();
        NettyLoops loops = openings.add(new NettyLoops(Math.max(1, cores / 2)));
        LanePool lanes = openings.add(new LanePool("lane", Math.max(MIN_LANE_THREADS, 2 * cores)));
        MachineHost host = openings
                .add(new MachineHost(
                        new MachineHost.Means(settings, places, loops, lanes, new SecureRandom(), faults, metrics)));
        Exports exports = openings.add(new Exports(settings.directory(), settings.get(MasterTargetSettings.SCRATCH),
                settings.get(MasterTargetSettings.SCRATCH_LIMIT)));
        Loop doorstep = loops.next();
        Reception reception = new Reception(new Reception.Ports(doorstep, ByteBufAllocator.DEFAULT,
                HopTiming.DEFAULT, MAX_WAITING_LINKS, faults), host);
        this.server = openings.add(LinkServer.listen(settings.get(MasterTargetSettings.LISTEN), credentials, loops,
                LinkServer.Terms.of(Set.of(Role.PROCESS_SERVER), faults), reception));
        offerLinks(new LinkOffers.Ports(doorstep, ByteBufAllocator.DEFAULT, HopTiming.DEFAULT,
                openings.add(new TlsLinks(credentials, loops)), new SecureRandom(), faults), reception);
        handlers.serve(new MasterTargetControl.Target(host, exports, settings.directory(), this::about));
    }

    /**
     * Starts a master target.
     *
     * @throws ConfigException
     *             where its configuration is wrong
     * @throws IOException
     *             where a folder, the credentials or a socket cannot be used; the message is one clear line
     */
    public static MasterTarget start(Path configFile) throws IOException, ConfigException {
        Settings settings = MasterTargetSettings.load(configFile);
        StorageSettings places = StorageSettings.of(configFile, settings);
        Openings openings = new Openings();
        try {
            return new MasterTarget(settings, places, openings);
        } catch (IOException | ConfigException | RuntimeException failed) {
            openings.closeAfter(failed);
            throw failed;
        }
    }

    /** To process servers that cannot dial this side. */
    private void offerLinks(LinkOffers.Ports ports, Reception reception) {
        for (String address : settings.get(MasterTargetSettings.DIAL)) {
            LinkOffers offers = new LinkOffers(ports, address, reception);
            openings.add(() -> ports.loop().execute(offers::close));
        }
    }

    private Identity identity(Credentials credentials) throws IOException, ConfigException {
        Identity own = credentials.identity();
        if (own.role() != Role.MASTER_TARGET) {
            throw new ConfigException("the certificate in " + settings.get(MasterTargetSettings.CREDENTIALS)
                    + " is that of " + own + ", not of a master target; name the directory that was issued for it");
        }
        return own;
    }

    private Map<String, Object> about() {
        Map<String, Object> about = new LinkedHashMap<>();
        about.put("role", Role.MASTER_TARGET.label());
        about.put("id", identity.id().toString());
        about.put("startedMicros", startedMicros);
        about.put("metricsPort", metrics.port());
        String configured = settings.get(MasterTargetSettings.LISTEN);
        about.put("listen", configured.substring(0, configured.lastIndexOf(':') + 1) + server.port());
        about.put("faults", faults.recent().stream().map(FaultLog.Fault::asMap).toList());
        return about;
    }

    /** The keys of its configuration file. */
    public static List<Key<?>> keys() {
        return MasterTargetSettings.keys();
    }

    /** What it counts. */
    public static List<Metric> metrics() {
        return MasterTargetMetrics.all();
    }

    /** Where it is asked. */
    public Path control() {
        return control.path();
    }

    /** The port that process servers connect to. */
    public int port() {
        return server.port();
    }

    /** Returns once it has been closed. */
    public void awaitStop() throws InterruptedException {
        stopped.await();
    }

    /** Ends the links, makes durable what came, and closes everything. */
    @Override
    public void close() throws IOException {
        if (closing.getAndSet(true)) {
            return;
        }
        try {
            openings.close();
        } finally {
            stopped.countDown();
        }
    }
}
