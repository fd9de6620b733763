package io.backhaul.mastertarget;

import io.backhaul.engine.config.ConfigException;
import io.backhaul.engine.config.Key;
import io.backhaul.engine.config.Settings;
import io.backhaul.engine.control.ControlServer;
import io.backhaul.engine.log.SegmentLimits;
import io.backhaul.engine.metrics.Metrics;
import io.backhaul.engine.stream.HopTiming;
import io.backhaul.mastertarget.RetentionPolicy.Stand;
import io.backhaul.protocol.Limits;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/** The configuration of a master target, concluded. */
final class MasterTargetSettings {
    /** Whose streams are taken. */
    enum Accept {
        ANY, LISTED
    }

    static final Key<String> LISTEN = Key.address("listen", "0.0.0.0:9443", "Where process servers connect.");
    static final Key<Path> CREDENTIALS = Key.path("credentials", Path.of("credentials"),
            "The directory with ca.pem, cert.pem and key.pem, as management issued them.");
    static final Key<List<UUID>> PROCESS_SERVERS = Key.list(Key.uuid("process-servers",
            "The ids of the process servers that may send; any with a certificate of ours where none is named."));
    static final Key<List<String>> DIAL = Key.list(Key.address("dial",
            "Process servers to dial, where they cannot dial this side: each lists this master target by its id."));
    static final Key<Accept> ACCEPT = Key.choice("accept", Accept.ANY,
            "Whose streams are taken: any machine's, or only those listed under machines.");
    static final Key<Duration> RETENTION_TIME = Key.duration("retention.time", RetentionPolicy.DEFAULT.time(),
            "How long recovery points are kept.").between(Duration.ofSeconds(1), Duration.ofDays(3650));
    static final Key<Long> RETENTION_BYTES = Key.bytes("retention.bytes", RetentionPolicy.DEFAULT.bytes(),
            "How long a machine's journal may become; beyond it the oldest points go.");
    static final Key<Stand> BASE = Key.choice("retention.base", Stand.OLDEST,
            "Where the base disks stand: oldest folds only what leaves the window; newest brings them to the newest point"
                    + " within seconds, and saves what they held before.");
    static final Key<Path> SCRATCH = Key.path("scratch", Path.of("scratch"),
            "The folder for what is written to writable exports.");
    static final Key<Long> SCRATCH_LIMIT = Key.bytes("scratch-limit", 16L << 30,
            "How much may be written to one disk of a writable export.").between(1L << 20, 1L << 50);
    static final Key<Long> CREDIT = Key.bytes("credit", 32L << 20,
            "How much a machine's link may have on its way to the journal.")
            .between((long) Limits.MAX_FRAME_BYTES, 1L << 30);
    static final Key<Long> CACHE = Key.bytes("cache", 32L << 20,
            "How much of a machine's journal is kept expanded in memory for reading points.").between(0L, 1L << 36);
    static final Key<Long> INDEX_MEMORY = Key.bytes("index-memory", IndexLimits.DEFAULT.memoryBytes(),
            "How much of a machine's index of its journal is kept in memory; the rest is read when it is needed.")
            .between(1L << 20, 1L << 36);
    static final Key<Duration> SCRUB_PERIOD = Key.duration("scrub.period", ScrubPace.DEFAULT.period(),
            "How long after one pass everything stored of a machine is read back again, to find what has rotted; 0s: only"
                    + " when asked to.")
            .between(Duration.ZERO, Duration.ofDays(3650));
    static final Key<Long> SCRUB_RATE = Key.bytes("scrub.rate", ScrubPace.DEFAULT.bytesPerSecond(),
            "How much of a machine is read back in a second at most; a tenth of it while its stream or its disks are busy.")
            .between(64L << 10, 1L << 36);
    static final Key<Long> SEGMENT = Key.bytes("segment", 64L << 20, "How long the files of a journal become.")
            .between(1L << 20, 1L << 30);

    static final Key<Integer> DISK_INDEX = Key.integer("index", "The disk's number in the machine, from 0.")
            .between(0, Limits.MAX_DISKS - 1);
    static final Key<Path> DISK_PATH = Key.path("path",
            "Where its base lies: a flat VMDK's descriptor, a raw file or a block device.");
    static final Key<DiskFormat> DISK_FORMAT = Key.choice("format", DiskFormat.class,
            "What its base is: vmdk, raw or device; by default what the path looks like.").optional();
    static final Key<List<Settings>> MACHINE_DISKS = Key.sections("disks",
            List.of(DISK_INDEX, DISK_PATH, DISK_FORMAT), "Disks that do not lie in a datastore.");
    static final Key<UUID> MACHINE_ID = Key.uuid("id", "The machine's id.");
    static final Key<String> MACHINE_NAME = Key
            .text("name", "What its folder in the datastore is called; by default what the machine says.").optional();
    static final Key<Stand> MACHINE_BASE = Key
            .choice("base", Stand.class, "As retention.base, for this machine.").optional();
    static final Key<Duration> MACHINE_TIME = Key
            .duration("retention-time", "As retention.time, for this machine.").optional();
    static final Key<Long> MACHINE_BYTES = Key.bytes("retention-bytes", "As retention.bytes, for this machine.")
            .optional();
    static final Key<List<Settings>> MACHINES = Key.sections("machines",
            List.of(MACHINE_ID, MACHINE_NAME, StorageSettings.MACHINE_VOLUME, StorageSettings.MACHINE_DATASTORE,
                    MACHINE_DISKS, MACHINE_BASE, MACHINE_TIME, MACHINE_BYTES),
            "Machines with settings of their own.");

    private MasterTargetSettings() {}

    /** Every key, in the order of the reference page. */
    static List<Key<?>> keys() {
        List<Key<?>> keys = new ArrayList<>(List.of(LISTEN, DIAL, CREDENTIALS, PROCESS_SERVERS, ACCEPT,
                StorageSettings.RETENTION_FOLDER, RETENTION_TIME, RETENTION_BYTES, BASE));
        keys.addAll(StorageSettings.keys());
        keys.addAll(List.of(MACHINES, SCRATCH, SCRATCH_LIMIT, CREDIT, CACHE, INDEX_MEMORY, SEGMENT, SCRUB_PERIOD,
                SCRUB_RATE, ControlServer.SOCKET, Metrics.ADDRESS));
        return List.copyOf(keys);
    }

    static Settings load(Path file) throws ConfigException {
        Settings settings = Settings.load(file, keys());
        if (new HashSet<>(settings.get(DIAL)).size() < settings.get(DIAL).size()) {
            throw new ConfigException(file + ": a process server stands twice under dial; name each once");
        }
        Set<UUID> ids = new HashSet<>();
        Set<Path> paths = new HashSet<>();
        for (Settings machine : settings.get(MACHINES)) {
            UUID id = machine.get(MACHINE_ID);
            if (!ids.add(id)) {
                throw new ConfigException(file + ": machine " + id + " stands there twice; remove one of the two");
            }
            Set<Integer> indexes = new HashSet<>();
            for (Settings disk : machine.get(MACHINE_DISKS)) {
                if (!indexes.add(disk.get(DISK_INDEX))) {
                    throw new ConfigException(file + ": machine " + id + " has two disks with index "
                            + disk.get(DISK_INDEX) + "; number them from 0");
                }
                if (!paths.add(disk.get(DISK_PATH).normalize())) {
                    throw new ConfigException(file + ": " + disk.get(DISK_PATH)
                            + " is given to two disks; each needs one of its own");
                }
            }
        }
        return settings;
    }

    static Optional<Settings> machine(Settings settings, UUID id) {
        return settings.get(MACHINES).stream().filter(each -> each.get(MACHINE_ID).equals(id)).findFirst();
    }

    /** How a machine is served. */
    static MasterTargetMachine.Setup setup(Settings settings, UUID id) {
        Optional<Settings> own = machine(settings, id);
        RetentionPolicy policy = new RetentionPolicy(
                own.flatMap(each -> each.find(MACHINE_BASE)).orElse(settings.get(BASE)),
                own.flatMap(each -> each.find(MACHINE_TIME)).orElse(settings.get(RETENTION_TIME)),
                own.flatMap(each -> each.find(MACHINE_BYTES)).orElse(settings.get(RETENTION_BYTES)));
        return new MasterTargetMachine.Setup(policy, HopTiming.DEFAULT, settings.get(CREDIT),
                SegmentLimits.ofSegments(Math.toIntExact(settings.get(SEGMENT))), settings.get(CACHE),
                new IndexLimits(IndexLimits.DEFAULT.unitExtents(), settings.get(INDEX_MEMORY)),
                new ScrubPace(settings.get(SCRUB_PERIOD), settings.get(SCRUB_RATE)));
    }
}
