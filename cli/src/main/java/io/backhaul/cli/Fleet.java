package io.backhaul.cli;

import io.backhaul.engine.control.ControlClient;
import io.backhaul.engine.control.ControlFault;
import io.backhaul.engine.time.SystemClock;
import io.backhaul.management.CertificateAuthority;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The four daemons as processes on loopback, in one folder: {@code authority}, and for each part its credentials,
 * configuration, log and files. They are started in the order of {@link Part}; each is told the address that the one
 * before it listens at, and a part that is started again keeps its address. Owned by one thread, but for
 * {@link #close}, which ends every process.
 */
final class Fleet implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final int PORT_ATTEMPTS = 100;
    private static final int FIRST_PORT = 20_000;
    /** As Linux has it, unless told otherwise. */
    private static final int FIRST_EPHEMERAL_PORT = 32_768;

    private final Path folder;
    private final List<Path> disks;
    private final Map<Part, Child> children = new EnumMap<>(Part.class);
    private final Map<Part, UUID> ids = new EnumMap<>(Part.class);
    private final Map<Part, String> addresses = new EnumMap<>(Part.class);
    private final Map<Part, String> extras = new EnumMap<>(Part.class);
    private boolean closed;

    /**
     * @param folder
     *            one that exists; its path is short, for there will be unix sockets in it
     * @param disks
     *            what the source protects; their ids are disk0, disk1 and so on
     */
    Fleet(Path folder, List<Path> disks) {
        this.folder = folder.toAbsolutePath();
        this.disks = disks.stream().map(Path::toAbsolutePath).toList();
        for (Part part : Part.values()) {
            ids.put(part, UUID.randomUUID());
        }
    }

    /** Adds lines to a part's configuration; to be called before it is started. */
    void configure(Part part, String lines) {
        extras.merge(part, lines, (before, more) -> before + "\n" + more);
    }

    /** Makes the authority, starts all parts and returns when they answer. */
    void start() throws IOException, InterruptedException, ControlFault {
        CertificateAuthority.create(folder.resolve("authority"), SystemClock.INSTANCE);
        start(Part.MANAGEMENT);
        for (Part part : List.of(Part.MASTER_TARGET, Part.PROCESS_SERVER, Part.SOURCE)) {
            client(Part.MANAGEMENT).ask("issue", Map.of("for", part.label(), "id", id(part).toString(), "out",
                    folder.resolve(part.label()).resolve("credentials").toString()));
        }
        for (Part part : List.of(Part.MASTER_TARGET, Part.PROCESS_SERVER, Part.SOURCE)) {
            start(part);
        }
    }

    /** Starts a part, for the first time or again. */
    void start(Part part) throws IOException, InterruptedException, ControlFault {
        Path own = folder.resolve(part.label());
        Files.createDirectories(own);
        Path config = config(part);
        Files.writeString(config, text(part));
        synchronized (this) {
            if (closed) {
                throw Failure.failed("interrupted");
            }
            children.put(part, Child.start(part, config, log(part)));
        }
        child(part).awaitReady(client(part));
        String listen = status(part).text("listen");
        if (!listen.isEmpty()) {
            addresses.put(part, listen);
        }
    }

    private String text(Part part) {
        String own = switch (part) {
            case MANAGEMENT -> """
                    id = "%s"
                    authority = "../authority"
                    """.formatted(id(part));
            case MASTER_TARGET -> """
                    listen = "%s"
                    credentials = "credentials"
                    """.formatted(address(part));
            case PROCESS_SERVER -> """
                    listen = "%s"
                    credentials = "credentials"
                    targets = [{ address = "%s", machines = ["*"] }]
                    """.formatted(address(part), address(Part.MASTER_TARGET));
            case SOURCE -> """
                    credentials = "credentials"
                    process-servers = ["%s"]
                    capture = nbd
                    nbd.listen = "unix:nbd.sock"
                    disks = [%s]
                    """.formatted(address(Part.PROCESS_SERVER), diskList());
        };
        return own + extras.getOrDefault(part, "") + "\n";
    }

    private String diskList() {
        return IntStream.range(0, disks.size())
                .mapToObj(index -> "{ path = \"%s\", id = \"disk%d\" }".formatted(disks.get(index), index))
                .collect(Collectors.joining(", "));
    }

    private String address(Part part) {
        return addresses.getOrDefault(part, "127.0.0.1:" + freePort());
    }

    /**
     * A port that a part can come back to: none of those that the system gives to connections, for one of them might take it
     * while the part is away. Where none is found any will do.
     */
    private static int freePort() {
        SplittableRandom random = new SplittableRandom();
        for (int attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
            int port = random.nextInt(FIRST_PORT, FIRST_EPHEMERAL_PORT);
            if (isFree(port)) {
                return port;
            }
        }
        return 0;
    }

    private static boolean isFree(int port) {
        try (var socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
            return socket.isBound();
        } catch (IOException taken) {
            return false;
        }
    }

    /** Where a part listens; it has been started before. */
    Optional<String> listen(Part part) {
        return Optional.ofNullable(addresses.get(part));
    }

    UUID id(Part part) {
        return Optional.ofNullable(ids.get(part)).orElseThrow();
    }

    Child child(Part part) {
        return Optional.ofNullable(children.get(part)).orElseThrow();
    }

    /** A part's process, where there is one; from any thread. */
    synchronized OptionalLong pid(Part part) {
        Child child = children.get(part);
        return child == null ? OptionalLong.empty() : OptionalLong.of(child.pid());
    }

    Path config(Part part) {
        return folder.resolve(part.label()).resolve(part.label() + ".conf");
    }

    Path log(Part part) {
        return folder.resolve(part.label() + ".log");
    }

    /** The folder that holds a part's credentials and files. */
    Path folder(Part part) {
        return folder.resolve(part.label());
    }

    ControlClient client(Part part) {
        return new ControlClient(folder.resolve(part.label()).resolve("control.sock"), PATIENCE);
    }

    Answer status(Part part) throws ControlFault {
        return new Answer(client(part).ask("status", Map.of()));
    }

    /** How the one machine stands, as the part sees it. */
    Answer machine(Part part) throws ControlFault {
        return status(part).groups("machines").stream().findFirst().orElse(new Answer(Map.of()));
    }

    /** The parts whose processes have ended though nobody asked them to. */
    synchronized List<Part> fallen() {
        return children.entrySet().stream().filter(entry -> !entry.getValue().isAlive()).map(Map.Entry::getKey)
                .toList();
    }

    /** Ends every process, the source first; from any thread. */
    @Override
    public synchronized void close() {
        closed = true;
        for (Part part : List.of(Part.SOURCE, Part.PROCESS_SERVER, Part.MASTER_TARGET, Part.MANAGEMENT)) {
            Child child = children.remove(part);
            if (child != null) {
                child.close();
            }
        }
    }
}
