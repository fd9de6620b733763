package io.backhaul.processserver;

import io.backhaul.engine.config.ConfigException;
import io.backhaul.engine.config.Key;
import io.backhaul.engine.config.Settings;
import io.backhaul.engine.control.ControlServer;
import io.backhaul.engine.metrics.Metrics;
import io.backhaul.engine.stream.HopTiming;
import io.backhaul.engine.stream.OfferedLinks;
import io.backhaul.protocol.Limits;
import java.nio.file.Path;
import java.time.DayOfWeek;
import java.time.LocalTime;
import java.time.format.DateTimeParseException;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The keys of a process server's configuration file, and what is concluded from them. */
final class ProcessServerSettings {
    private static final String ALL = "*";
    /** A spool has at least so many segments' room, so that what was delivered can go while the rest stays. */
    private static final int SEGMENTS_IN_VOLUME = 16;
    private static final long LEAST_SEGMENT_BYTES = 256L << 10;

    static final Key<String> LISTEN = Key.address("listen", "0.0.0.0:9443", "Where sources connect.");
    static final Key<Path> CREDENTIALS = Key.path("credentials", Path.of("credentials"),
            "The directory with ca.pem, cert.pem and key.pem, as management issued them.");
    static final Key<Path> SPOOL = Key.path("spool", Path.of("spool"),
            "The folder of the spool: what was received and is not journaled yet, for every machine.");
    static final Key<String> TARGET_ADDRESS = Key
            .address("address", "The master target's address; not where it dials in.").optional();
    static final Key<UUID> TARGET_ID = Key
            .uuid("id", "The master target's id, where it dials in, by its own setting dial.").optional();
    static final Key<List<String>> TARGET_MACHINES = Key.list(Key
            .text("machines", "The UUIDs of the machines that go there, or \"*\" for all that no other target has.")
            .checked(text -> text.equals(ALL) || isMachine(text), "a machine's UUID or \"*\""));
    static final Key<List<Settings>> TARGETS = Key.sections("targets",
            List.of(TARGET_ADDRESS, TARGET_ID, TARGET_MACHINES),
            "The master targets, and which machines go to each.");
    static final Key<Long> SPOOL_LIMIT = Key
            .bytes("spool-limit", 1L << 40, "What all spools together may take; beyond it sources are held back.")
            .between(16L << 20, 1L << 50);
    static final Key<Long> MACHINE_LIMIT = Key
            .bytes("spool-limit-per-machine", 1L << 40,
                    "What one machine's spool may take; beyond it its source is held back.")
            .between(16L << 20, 1L << 50);
    static final Key<Long> SEGMENT = Key
            .bytes("segment", 64L << 20,
                    "The length of the spool's files; on a small volume they are shorter by themselves.")
            .between(1L << 20, 1L << 30);
    static final Key<Long> CREDIT = Key
            .bytes("credit", 16L << 20, "The most memory that one machine's frames may take on their way through.")
            .between(2L * Limits.MAX_FRAME_BYTES, 1L << 30);
    static final Key<Long> MEMORY = Key
            .bytes("memory", 1L << 30,
                    "The memory that all machines' frames may take; where it is short, those that take much are held back.")
            .between(2L * Limits.MAX_FRAME_BYTES, 1L << 40);
    static final Key<Long> LIMIT_RATE = Key.bytes("rate", "Bytes in a second.").between(1L << 10, 1L << 40);
    static final Key<UUID> LIMIT_MACHINE = Key
            .uuid("machine", "The machine it is for; by default for all together.").optional();
    static final Key<String> LIMIT_FROM = Key
            .text("from", "00:00",
                    "When it begins, by this computer's time zone; where that is also when it ends, all day.")
            .checked(ProcessServerSettings::isTime, "a time such as 08:00");
    static final Key<String> LIMIT_TO = Key
            .text("to", "00:00", "When it ends: on the day after, where that is before it begins.")
            .checked(ProcessServerSettings::isTime, "a time such as 18:00");
    static final Key<List<DayOfWeek>> LIMIT_DAYS = Key
            .list(Key.choice("days", DayOfWeek.class, "The days on which it begins; by default all."));
    static final Key<List<Settings>> LIMITS = Key.sections("limits",
            List.of(LIMIT_RATE, LIMIT_MACHINE, LIMIT_FROM, LIMIT_TO, LIMIT_DAYS),
            "How fast frames may go on to master targets; of those that apply at a time the narrowest holds. "
                    + "Read again, while it runs, by backhaul process-server reload.");
    static final Key<Integer> THREADS = Key
            .integer("threads", 2, "Threads that run links and streams; at least sixteen more wait for the disk.")
            .between(1, 64);

    private ProcessServerSettings() {}

    /** Every key, in the order of the reference page. */
    static List<Key<?>> keys() {
        return List.of(LISTEN, TARGETS, CREDENTIALS, SPOOL, SPOOL_LIMIT, MACHINE_LIMIT, SEGMENT, CREDIT, MEMORY,
                LIMITS, THREADS,
                ControlServer.SOCKET, Metrics.ADDRESS);
    }

    static Settings load(Path file) throws ConfigException {
        Settings settings = Settings.load(file, keys());
        if (settings.get(TARGETS).isEmpty()) {
            throw new ConfigException(file
                    + ": no master target; give at least one: targets = [{ address = \"HOST:9443\", machines = [\"*\"] }]");
        }
        if (settings.get(MEMORY) < settings.get(CREDIT)) {
            throw new ConfigException(file + ": memory is less than the credit of a single machine; raise memory");
        }
        try {
            targets(settings);
        } catch (IllegalArgumentException twice) {
            throw new ConfigException(file + ": " + twice.getMessage());
        }
        return settings;
    }

    private static boolean isTime(String text) {
        try {
            return LocalTime.parse(text).toString().equals(text);
        } catch (DateTimeParseException noTime) {
            return false;
        }
    }

    /** How fast frames may go on, and when. */
    static List<RateRule> rates(Settings settings) {
        return settings.get(LIMITS).stream().map(each -> {
            List<DayOfWeek> days = each.get(LIMIT_DAYS);
            return new RateRule(each.get(LIMIT_RATE), each.find(LIMIT_MACHINE).orElse(null),
                    LocalTime.parse(each.get(LIMIT_FROM)), LocalTime.parse(each.get(LIMIT_TO)),
                    days.isEmpty() ? EnumSet.allOf(DayOfWeek.class) : EnumSet.copyOf(days));
        }).toList();
    }

    private static boolean isMachine(String text) {
        try {
            return UUID.fromString(text).toString().equals(text);
        } catch (IllegalArgumentException notAnId) {
            return false;
        }
    }

    /** Who is responsible for whom. */
    static Relay.Targets targets(Settings settings) {
        Map<String, String> addresses = new HashMap<>();
        for (Settings target : settings.get(TARGETS)) {
            String address = address(target);
            for (String machine : target.get(TARGET_MACHINES)) {
                String before = addresses.put(machine, address);
                if (before != null) {
                    throw new IllegalArgumentException("targets: " + machine + " goes to " + before + " and to "
                            + address + "; name it once");
                }
            }
        }
        return new Relay.Targets() {
            @Override
            public @Nullable String of(UUID machine) {
                String own = addresses.get(machine.toString());
                return own == null ? addresses.get(ALL) : own;
            }
        };
    }

    private static String address(Settings target) {
        Optional<String> address = target.find(TARGET_ADDRESS);
        Optional<UUID> id = target.find(TARGET_ID);
        if (address.isPresent() == id.isPresent()) {
            throw new IllegalArgumentException(
                    "targets: each needs either an address, to be dialled, or an id, where it"
                            + " dials in; "
                            + (id.isPresent() ? "remove one of the two from " + id.get() : "one has neither"));
        }
        return id.map(OfferedLinks::address).orElseGet(address::orElseThrow);
    }

    /** Which master targets dial in. */
    static Set<UUID> dialIn(Settings settings) {
        return settings.get(TARGETS).stream().flatMap(target -> target.find(TARGET_ID).stream())
                .collect(Collectors.toUnmodifiableSet());
    }

    /** @param volumeBytes what the spool's volume has, used or free */
    static RelayLimits limits(Settings settings, long volumeBytes) {
        long room = Math.min(volumeBytes, Math.min(settings.get(SPOOL_LIMIT), settings.get(MACHINE_LIMIT)));
        long segment = Math.max(LEAST_SEGMENT_BYTES, Math.min(settings.get(SEGMENT), room / SEGMENTS_IN_VOLUME));
        return new RelayLimits(settings.get(CREDIT), settings.get(MEMORY), settings.get(MACHINE_LIMIT),
                settings.get(SPOOL_LIMIT), Math.toIntExact(segment), HopTiming.DEFAULT);
    }
}
