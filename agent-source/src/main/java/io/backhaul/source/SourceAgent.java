package io.backhaul.source;

import io.backhaul.blockio.file.RawDevice;
import io.backhaul.blockio.nbd.Endpoint;
import io.backhaul.blockio.nbd.NbdServer;
import io.backhaul.blockio.nbd.NbdServerOptions;
import io.backhaul.blockio.system.BlockDevices;
import io.backhaul.blockio.system.SystemDevice;
import io.backhaul.blockio.volume.DirectoryVolume;
import io.backhaul.engine.Openings;
import io.backhaul.engine.codec.Lz4;
import io.backhaul.engine.config.ConfigException;
import io.backhaul.engine.config.Key;
import io.backhaul.engine.config.Settings;
import io.backhaul.engine.control.ControlServer;
import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.link.Credentials;
import io.backhaul.engine.link.TlsLinks;
import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.loop.Monitor;
import io.backhaul.engine.loop.NettyLoops;
import io.backhaul.engine.loop.ThreadLane;
import io.backhaul.engine.metrics.Metric;
import io.backhaul.engine.metrics.Metrics;
import io.backhaul.engine.time.SystemClock;
import io.backhaul.protocol.Identity;
import io.backhaul.protocol.Mark;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Role;
import io.backhaul.source.SourceSettings.CaptureKind;
import io.backhaul.source.ebpf.EbpfCapture;
import io.backhaul.source.ebpf.EbpfPins;
import io.backhaul.source.ebpf.EbpfTarget;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The source agent: reads its configuration, opens the disks and the links, and runs one {@link SourceMachine}. */
public final class SourceAgent implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(SourceAgent.class);
    private static final long STATUS_NANOS = 1_000_000_000;
    private static final long CLOSE_SECONDS = 60;

    private final Settings settings;
    private final FaultLog faults = new FaultLog(SystemClock.INSTANCE);
    private final long startedMicros = SystemClock.INSTANCE.wallMicros();
    private final Openings openings;
    private final AtomicBoolean closing = new AtomicBoolean();
    private final CountDownLatch stopped = new CountDownLatch(1);
    private final ControlServer control;
    private final Metrics metrics;
    private final Loop loop;
    private final List<SourceDisk> disks;
    private final SourceMachine machine;
    private final CaptureKind kind;
    private final DiskWatch watch;
    private final @Nullable NbdServer nbd;
    private volatile SourceStatus latest;
    private volatile String failure = "";

    private SourceAgent(Settings settings, Openings openings) throws IOException, ConfigException {
        this.settings = settings;
        this.openings = openings;
        SourceControl handlers = new SourceControl();
        this.control = openings.add(ControlServer.listen(settings.get(ControlServer.SOCKET), handlers.handlers()));
        this.metrics = openings.add(Metrics.serve(settings.get(Metrics.ADDRESS)));
        BlockDevices system = BlockDevices.read();
        new Feedback(system).refuse(paths(), places(settings));
        NettyLoops loops = openings.add(new NettyLoops(1));
        this.loop = loops.next();
        TlsLinks links = openings.add(new TlsLinks(Credentials.in(settings.get(SourceSettings.CREDENTIALS)), loops));
        var identity = machine(links.identity());
        this.kind = new CaptureChoice(system, SourceAgent::obstacle)
                .conclude(settings.get(SourceSettings.CAPTURE), paths());
        LOG.info("writes are captured by {}", kind.name().toLowerCase(Locale.ROOT));
        if (kind != CaptureKind.EBPF && EbpfPins.isPinned(identity.id())) {
            LOG.warn("an earlier agent has left its capture in the kernel: `backhaul source detach` removes it");
        }
        boolean scan = kind == CaptureKind.SCAN;
        UUID bootId = ProtectedDisks.bootId();
        this.disks = ProtectedDisks.open(settings.get(SourceSettings.DISKS), kind, bootId);
        openings.add(() -> ProtectedDisks.close(disks));
        Capture capture = switch (kind) {
            case SCAN -> new ScanCapture(disks);
            case EBPF -> observe(identity.id(), system);
            case NBD, AUTO -> new WriteThroughCapture(disks, settings.get(SourceSettings.ON_FULL),
                    settings.get(SourceSettings.THROTTLE_LIMIT));
        };
        var lanes = new SourceMachine.Lanes(lane("packer"), lane("reader"), lane("state"));
        var host = new SourceMachine.Host(bootId, ByteBufAllocator.DEFAULT, Lz4.compressor(), faults);
        var ports = new SourceMachine.Ports(loop, lanes, links,
                DirectoryVolume.create(settings.get(SourceSettings.STATE)),
                new SecureRandom(), host);
        this.machine = SourceMachine.open(SourceSettings.options(settings, identity), ports, disks, capture, !scan);
        this.watch = new DiskWatch(loop, lane("watch"), faults, watched(system), this::compareAgain);
        this.latest = machine.status();
        this.nbd = capture instanceof WriteThroughCapture through ? serve(through) : null;
        SourceMetrics.show(metrics, () -> latest, disks);
        metrics.showFaults(faults);
        handlers.serve(new SourceControl.Target(loop, machine, this::about, this::places,
                new ProofPlace(paths())));
        loop.execute(this::begin);
        if (scan) {
            loop.execute(this::finishScan);
        }
    }

    /** What is missing for a capture in the kernel. */
    private static String obstacle() {
        return CaptureSupport.read().missing();
    }

    /** Before anything is asked about the disks: what is written from now on is seen. */
    private Capture observe(UUID id, BlockDevices system) throws IOException {
        List<EbpfTarget> targets = new ArrayList<>();
        for (Path path : paths()) {
            targets.add(EbpfTarget.of(targets.size(), path, system));
        }
        var bounds = new EbpfPins.Bounds(Math.toIntExact(settings.get(SourceSettings.EBPF_RING)),
                Math.toIntExact(settings.get(SourceSettings.EBPF_GRANULARITY)));
        EbpfPins.Attached attached = EbpfPins.attach(id, targets, bounds, paths().getFirst(), new SecureRandom());
        openings.add(attached.ring());
        if (!attached.found().isEmpty()) {
            LOG.warn("what an earlier agent had left in the kernel is not gone on with: {}", attached.found());
        }
        return new EbpfCapture(new EbpfCapture.Ports(loop, lane("capture"), Monitor.ofThreads()), attached.ring());
    }

    private List<Path> paths() {
        return settings.get(SourceSettings.DISKS).stream().map(disk -> disk.get(SourceSettings.DISK_PATH)).toList();
    }

    /** Everything that the agent writes to while it runs, or that somebody writes here because it does. */
    private static Map<String, Path> places(Settings settings) {
        Map<String, Path> places = new LinkedHashMap<>(Feedback.logs());
        places.put(SourceSettings.STATE + " =", settings.get(SourceSettings.STATE));
        places.putAll(new LocalReceivers(Path.of("/proc")).files(settings.get(SourceSettings.PROCESS_SERVERS)));
        return places;
    }

    private List<DiskWatch.Watched> watched(BlockDevices system) throws IOException {
        List<DiskWatch.Watched> watched = new ArrayList<>();
        for (Path path : paths()) {
            if (RawDevice.isBlockDevice(path)) {
                SystemDevice.DeviceNumber number = system.at(path).number();
                watched.add(new DiskWatch.Watched(path.toString(), () -> BlockDevices.Sighting.of(number)));
            }
        }
        return watched;
    }

    /** A disk was away for a while: only a comparison tells what it holds now. */
    private void compareAgain(String path) {
        machine.resync(new SourceMachine.Answer<>() {
            @Override
            public void done(Position captured) {
                LOG.info("{} was detached for a while: the disks are compared from {} on", path, captured);
            }

            @Override
            public void failed(String why) {
                LOG.warn("{} was detached for a while, and the disks cannot be compared: {}", path, why);
            }
        });
    }

    private ThreadLane lane(String name) {
        return openings.add(new ThreadLane(name));
    }

    /**
     * Starts an agent.
     *
     * @throws ConfigException
     *             where its configuration is wrong
     * @throws IOException
     *             where a disk, the state folder, the credentials or a socket cannot be used; the message is one clear line
     */
    public static SourceAgent start(Path configFile) throws IOException, ConfigException {
        Settings settings = SourceSettings.load(configFile);
        Openings openings = new Openings();
        try {
            return new SourceAgent(settings, openings);
        } catch (IOException | ConfigException | RuntimeException failed) {
            openings.closeAfter(failed);
            throw failed;
        }
    }

    /**
     * Takes the capture out of the kernel, where it outlives the agent; the agent must not run.
     *
     * @return the machine, and whether there was anything
     * @throws IOException
     *             in one clear line, where something stays
     */
    public static Map.Entry<UUID, Boolean> detach(Path configFile) throws IOException, ConfigException {
        Settings settings = SourceSettings.load(configFile);
        Identity identity = Credentials.in(settings.get(SourceSettings.CREDENTIALS)).identity();
        return Map.entry(identity.id(), EbpfPins.detach(identity.id()));
    }

    private SourceOptions.Machine machine(Identity identity) throws ConfigException {
        UUID id = settings.find(SourceSettings.MACHINE_ID).orElse(identity.id());
        if (identity.role() != Role.SOURCE || !identity.id().equals(id)) {
            throw new ConfigException("the certificate in " + settings.get(SourceSettings.CREDENTIALS) + " is that of "
                    + identity + ", not of " + new Identity(Role.SOURCE, id)
                    + "; name the directory that was issued for it");
        }
        return new SourceOptions.Machine(id,
                settings.find(SourceSettings.MACHINE_NAME).orElseGet(SourceAgent::hostName));
    }

    private static String hostName() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException nameless) {
            return "unnamed";
        }
    }

    private NbdServer serve(WriteThroughCapture capture) throws IOException, ConfigException {
        Endpoint endpoint;
        try {
            endpoint = endpoint(settings.get(SourceSettings.NBD_LISTEN));
        } catch (IllegalArgumentException unfit) {
            throw new ConfigException(SourceSettings.NBD_LISTEN + ": " + unfit.getMessage());
        }
        NbdServer server = openings.add(NbdServer.listen(endpoint,
                NbdServerOptions.defaults().withProblems(problem -> LOG.warn("NBD: {}", problem))));
        List<Settings> configured = settings.get(SourceSettings.DISKS);
        for (int i = 0; i < configured.size(); i++) {
            server.export(SourceSettings.export(configured.get(i)), capture.device(i));
        }
        return server;
    }

    /** A socket's path starts at the configuration file's directory, as all paths do. */
    private Endpoint endpoint(String text) {
        return Endpoint.parse(text) instanceof Endpoint.Unix unix
                ? new Endpoint.Unix(settings.directory().resolve(unix.path()))
                : Endpoint.parse(text);
    }

    private void begin() {
        machine.start();
        watch.start();
        refresh();
    }

    private void refresh() {
        if (!closing.get()) {
            latest = machine.status();
            loop.schedule(STATUS_NANOS, this::refresh);
        }
    }

    /** Waits for the comparison to end, marks what was reached, and stops. */
    private void finishScan() {
        machine.drain(new Ending<>() {
            @Override
            public void done(Position ordered) {
                machine.mark(Mark.Kind.CRASH, "scan", true, new Ending<>() {
                    @Override
                    public void done(Position marked) {
                        LOG.info("the disks are journaled as of {}", marked);
                        stopped.countDown();
                    }
                });
            }
        });
    }

    /** An answer whose failure ends the agent. */
    private abstract class Ending<T> implements SourceMachine.Answer<T> {
        @Override
        public void failed(String why) {
            failure = why;
            stopped.countDown();
        }
    }

    private Map<String, Object> about() {
        Map<String, Object> about = new LinkedHashMap<>();
        about.put("role", Role.SOURCE.label());
        about.put("id", machine.id().toString());
        about.put("startedMicros", startedMicros);
        about.put("metricsPort", metrics.port());
        if (nbd != null) {
            about.put("listen", nbd.endpoint().toString());
        }
        about.put("capture", kind.name().toLowerCase(Locale.ROOT));
        about.put("faults", faults.recent().stream().map(FaultLog.Fault::asMap).toList());
        return about;
    }

    /** Where each disk is, for status. */
    private List<Map<String, Object>> places() {
        List<Map<String, Object>> places = new ArrayList<>();
        List<Settings> configured = settings.get(SourceSettings.DISKS);
        for (int i = 0; i < disks.size(); i++) {
            Map<String, Object> place = new LinkedHashMap<>();
            place.put("path", disks.get(i).path());
            place.put("presence", watch.presence(disks.get(i).path()).name());
            if (nbd != null) {
                String export = SourceSettings.export(configured.get(i));
                place.put("export", export);
                place.put("uri", nbd.endpoint().uri(export));
            }
            places.add(place);
        }
        return places;
    }

    /** The keys of its configuration file. */
    public static List<Key<?>> keys() {
        return SourceSettings.keys();
    }

    /** What it counts. */
    public static List<Metric> metrics() {
        return SourceMetrics.all();
    }

    /** Where it is asked. */
    public Path control() {
        return control.path();
    }

    /** Returns once it has been closed, or a scan has come to its end. */
    public void awaitStop() throws InterruptedException {
        stopped.await();
    }

    /** Why a scan has come to nothing; empty otherwise. */
    public String failure() {
        return failure;
    }

    /** Takes no more writes, waits a while until all is journaled, and stores the state. */
    @Override
    public void close() throws IOException {
        if (closing.getAndSet(true)) {
            return;
        }
        try {
            if (nbd != null) {
                nbd.close();
            }
            if (!settings.get(SourceSettings.STOP_LIMIT).isZero()) {
                this.<Position>await(machine::drain, settings.get(SourceSettings.STOP_LIMIT).toMillis());
            }
            this.<Position>await(machine::stop, TimeUnit.SECONDS.toMillis(CLOSE_SECONDS));
        } finally {
            openings.close();
            stopped.countDown();
        }
    }

    private interface Question<T> {
        void ask(SourceMachine.Answer<T> answer);
    }

    private <T> void await(Question<T> question, long limitMillis) {
        CountDownLatch answered = new CountDownLatch(1);
        loop.execute(() -> question.ask(new SourceMachine.Answer<>() {
            @Override
            public void done(T result) {
                answered.countDown();
            }

            @Override
            public void failed(String why) {
                LOG.warn("{}", why);
                answered.countDown();
            }
        }));
        try {
            if (!answered.await(limitMillis, TimeUnit.MILLISECONDS)) {
                LOG.info("not everything is journaled; the rest stays marked");
            }
        } catch (InterruptedException hurry) {
            Thread.currentThread().interrupt();
        }
    }
}
