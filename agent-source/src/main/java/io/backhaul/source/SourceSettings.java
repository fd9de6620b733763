package io.backhaul.source;

import io.backhaul.engine.config.ConfigException;
import io.backhaul.engine.config.Key;
import io.backhaul.engine.config.Settings;
import io.backhaul.engine.control.ControlServer;
import io.backhaul.engine.metrics.Metrics;
import io.backhaul.engine.stream.HopTiming;
import io.backhaul.source.SourceOptions.Buffering;
import io.backhaul.source.SourceOptions.Release;
import io.backhaul.source.WriteThroughCapture.OnFull;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;

/** The configuration of a source agent, concluded. */
final class SourceSettings {
    /** How writes are seen. */
    enum CaptureKind {
        AUTO, EBPF, NBD, SCAN
    }

    static final Key<UUID> MACHINE_ID = Key.uuid("machine.id",
            "The machine's id; by default the one that the certificate names.").optional();
    static final Key<String> MACHINE_NAME = Key
            .text("machine.name", "What people call the machine; by default its host name.").optional();
    static final Key<Path> DISK_PATH = Key.path("path",
            "The disk: a raw file, a flat VMDK's descriptor or a block device.");
    static final Key<String> DISK_ID = Key
            .text("id", "What identifies the disk for ever, such as its serial; by default the last part of its path.")
            .checked(text -> !text.isBlank() && text.length() <= 60, "1 to 60 characters").optional();
    static final Key<String> DISK_EXPORT = Key
            .text("export", "The name under which the disk is served over NBD; by default its id.").optional();
    static final Key<List<Settings>> DISKS = Key.sections("disks", List.of(DISK_PATH, DISK_ID, DISK_EXPORT),
            "The disks to protect, in an order that must not change.");
    static final Key<CaptureKind> CAPTURE = Key.choice("capture", CaptureKind.AUTO,
            "How writes are seen: ebpf sees them in the kernel while block devices stay in use as they are; nbd serves the disks"
                    + " over NBD and writes through to them; scan copies disks that nobody writes to, and ends; auto is ebpf where"
                    + " all disks are block devices and this machine can do it, otherwise nbd.");
    static final Key<Long> EBPF_RING = Key
            .bytes("ebpf.ring", 64L << 20, "Memory of the kernel for what is captured there and not released yet;"
                    + " when it is full, blocks are marked and read again later.")
            .checked(bytes -> bytes >= 4 << 20 && bytes <= 1 << 30 && Long.bitCount(bytes) == 1,
                    "a power of two between 4MiB and 1GiB");
    static final Key<Long> EBPF_GRANULARITY = Key
            .bytes("ebpf.granularity", 64L << 10, "What one byte of the kernel's own map of changed blocks stands for:"
                    + " 64KiB take 16 MiB of memory for each TiB of disk.")
            .checked(bytes -> bytes >= 4096 && bytes <= 1 << 20 && Long.bitCount(bytes) == 1,
                    "a power of two between 4KiB and 1MiB");
    static final Key<String> NBD_LISTEN = Key.text("nbd.listen", "unix:nbd.sock",
            "Where the disks are served: unix:PATH or HOST:PORT. Whoever can connect can write to them.");
    static final Key<List<String>> PROCESS_SERVERS = Key
            .list(Key.address("process-servers", "The process servers to send to, tried in turn."));
    static final Key<Path> CREDENTIALS = Key.path("credentials", Path.of("credentials"),
            "The directory with ca.pem, cert.pem and key.pem, as management issued them.");
    static final Key<Path> STATE = Key.path("state", Path.of("state"),
            "The folder for the dirty map and the stream's state; on a disk that is not protected itself.");
    static final Key<Long> BUFFER = Key.bytes("buffer", 64L << 20,
            "Memory for what is captured and not released yet; when it is full, on-full tells what happens.")
            .between(8L << 20, 16L << 30);
    static final Key<Long> BATCH_BYTES = Key
            .bytes("batch.bytes", 512L << 10, "A batch of writes that has grown so large is closed.")
            .between(4L << 10, 4L << 20);
    static final Key<Duration> BATCH_AGE = Key
            .duration("batch.age", Duration.ofMillis(2), "A batch of writes that has grown so old is closed.")
            .between(Duration.ofNanos(100_000), Duration.ofSeconds(10));
    static final Key<Compression> COMPRESSION = Key.choice("compression", Compression.AUTO,
            "Whether batches are compressed: auto does where it shrinks them and the link is what limits.");
    static final Key<Release> RELEASE = Key.choice("release", Release.SPOOLED,
            "When captured data is forgotten: once spooled by the process server, or once journaled by the master target.");
    static final Key<OnFull> ON_FULL = Key.choice("on-full", OnFull.OVERFLOW,
            "What a full buffer means: overflow marks blocks and reads them again later; throttle holds the writer back.");
    static final Key<Duration> THROTTLE_LIMIT = Key.duration("throttle-limit", Duration.ofSeconds(10),
            "The longest that throttle holds one write back; beyond it the buffer overflows.")
            .between(Duration.ofMillis(1), Duration.ofMinutes(10));
    static final Key<Long> GRANULARITY = Key
            .bytes("dirty-granularity", 64L << 10, "What one bit of the dirty map stands for.")
            .checked(bytes -> bytes >= 4096 && bytes <= 1 << 20 && Long.bitCount(bytes) == 1,
                    "a power of two between 4KiB and 1MiB");
    static final Key<Long> COMPARISON_RATE = Key.bytes("comparison.rate", 0,
            "How much of the disks a baseline or resync reads in a second at most, to spare the machine; 0B: as much as it can.")
            .checked(bytes -> bytes == 0 || (bytes >= 64 << 10 && bytes <= 64L << 30),
                    "0B, or between 64KiB and 64GiB");
    static final Key<Duration> VERIFY_PERIOD = Key.duration("verify.period", Duration.ZERO,
            "How long after one verification the disks are compared with the replica again, while order is kept, and what"
                    + " differs is sent again; 0s: only when asked to, by backhaul source verify.")
            .between(Duration.ZERO, Duration.ofDays(3650));
    static final Key<Long> VERIFY_RATE = Key
            .bytes("verify.rate", 16L << 20, "How much of the disks a verification reads in a second at most.")
            .between(64L << 10, 64L << 30);
    static final Key<Integer> VERIFY_PERCENT = Key.integer("verify.percent", 100,
            "Which part of the disks one verification compares; another one, at random, each time.").between(1, 100);
    static final Key<Duration> STOP_LIMIT = Key.duration("stop-limit", Duration.ofSeconds(10),
            "How long a stop waits for what is captured to be journaled; what is not stays marked.")
            .between(Duration.ZERO, Duration.ofHours(1));

    private SourceSettings() {}

    /** Every key, in the order of the reference page. */
    static List<Key<?>> keys() {
        return List.of(DISKS, PROCESS_SERVERS, CREDENTIALS, STATE, MACHINE_ID, MACHINE_NAME, CAPTURE, EBPF_RING,
                EBPF_GRANULARITY, NBD_LISTEN,
                BUFFER,
                BATCH_BYTES, BATCH_AGE, COMPRESSION, RELEASE, ON_FULL, THROTTLE_LIMIT, GRANULARITY, COMPARISON_RATE,
                VERIFY_PERIOD, VERIFY_RATE, VERIFY_PERCENT, STOP_LIMIT,
                ControlServer.SOCKET, Metrics.ADDRESS);
    }

    static Settings load(Path file) throws ConfigException {
        Settings settings = Settings.load(file, keys());
        if (settings.get(DISKS).isEmpty()) {
            throw new ConfigException(file + ": no disk to protect; give at least one: disks = [{ path = /dev/… }]");
        }
        if (settings.get(PROCESS_SERVERS).isEmpty()) {
            throw new ConfigException(
                    file + ": no process server; give at least one: process-servers = [\"HOST:9443\"]");
        }
        Set<String> ids = new HashSet<>();
        Set<String> exports = new HashSet<>();
        for (Settings disk : settings.get(DISKS)) {
            if (!ids.add(id(disk)) || !exports.add(export(disk))) {
                throw new ConfigException(file + ": two disks have the id or export '" + id(disk)
                        + "'; give each an id of its own");
            }
        }
        return settings;
    }

    static String id(Settings disk) {
        return disk.find(DISK_ID).orElseGet(() -> String.valueOf(disk.get(DISK_PATH).getFileName()));
    }

    static String export(Settings disk) {
        return disk.find(DISK_EXPORT).orElseGet(() -> id(disk));
    }

    static SourceOptions options(Settings settings, SourceOptions.Machine machine) {
        var buffering = new Buffering(settings.get(BUFFER), Math.toIntExact(settings.get(BATCH_BYTES)),
                settings.get(BATCH_AGE), settings.get(RELEASE));
        var comparison = new SourceOptions.Comparison(settings.get(COMPARISON_RATE), settings.get(VERIFY_PERIOD),
                settings.get(VERIFY_RATE), settings.get(VERIFY_PERCENT));
        return new SourceOptions(machine, buffering, settings.get(COMPRESSION),
                Math.toIntExact(settings.get(GRANULARITY)), comparison,
                new SourceOptions.Route(settings.get(PROCESS_SERVERS), HopTiming.DEFAULT));
    }
}
