package io.backhaul.mastertarget;

import io.backhaul.engine.fault.FaultLog;
import io.backhaul.mastertarget.Datastores.Held;
import io.backhaul.mastertarget.SpaceLevels.Level;
import io.backhaul.protocol.FaultCode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/**
 * Looks how much room retention volumes and datastores have, what of it machines take and were promised, and warns for as
 * long as there is little of it. Looks one after the other; what was seen last may be asked for from any thread.
 */
final class SpaceWatch {
    /** The share of what is free that must not be promised, for a datastore to count as not promised away any more. */
    private static final double RELIEF = 0.05;

    private final Storage storage;
    private final SpaceLevels levels;
    private final FaultLog faults;
    private final Rooms rooms;
    private final Map<String, Level> before = new HashMap<>();
    private final Set<String> overcommitted = new HashSet<>();
    private volatile Seen latest = new Seen(List.of(), List.of());

    /** All of them, in the order of the configuration. */
    record Seen(List<Usage> volumes, List<Usage> datastores) {}

    /** Whose room is looked at. */
    private record Place(String described, String name, Path folder, List<UUID> machines) {}

    /** Tells how much room there is around a folder; may block. */
    @FunctionalInterface
    interface Rooms {
        Room of(Path folder) throws IOException;
    }

    /** Something that blocks and may fail. */
    @FunctionalInterface
    private interface Counting {
        Held count() throws IOException;
    }

    SpaceWatch(Storage storage, SpaceLevels levels, FaultLog faults, Rooms rooms) {
        this.storage = storage;
        this.levels = levels;
        this.faults = faults;
        this.rooms = rooms;
    }

    /** What was seen last. */
    Seen latest() {
        return latest;
    }

    /** Looks again, and warns or takes warnings back. Blocks. */
    Seen look(List<MachineStatus> machines) {
        for (MachineStatus machine : machines) {
            machine.disks().forEach(storage.datastores()::know);
        }
        List<Usage> volumes = new ArrayList<>();
        for (RetentionVolume each : storage.volumes().all()) {
            List<MachineStatus> there = machines.stream()
                    .filter(machine -> storage.volumes().of(machine.machine()).filter(each::equals).isPresent())
                    .toList();
            volumes.add(usage(new Place(each.described(), each.name(), each.folder(), ids(there)), () -> held(there)));
        }
        List<Usage> datastores = new ArrayList<>();
        for (Datastore each : storage.datastores().all()) {
            List<MachineStatus> there = machines.stream().filter(machine -> machine.disks().stream()
                    .anyMatch(disk -> storage.datastores().of(disk).filter(each::equals).isPresent())).toList();
            Usage usage = usage(new Place(each.described(), each.name(), each.folder(), ids(there)),
                    () -> storage.datastores().held(each));
            warnOfPromises(each, usage);
            datastores.add(usage);
        }
        latest = new Seen(List.copyOf(volumes), List.copyOf(datastores));
        return latest;
    }

    private static List<UUID> ids(List<MachineStatus> machines) {
        return machines.stream().map(MachineStatus::machine).sorted().toList();
    }

    private static Held held(List<MachineStatus> machines) {
        return new Held(machines.stream().mapToLong(MachineStatus::retainedBytes).sum(),
                machines.stream().mapToLong(MachineStatus::promisedBytes).reduce(0, SpaceWatch::added));
    }

    /** Whoever sets no limit promises more than can be counted. */
    static long added(long one, long other) {
        long sum = one + other;
        return sum < 0 ? Long.MAX_VALUE : sum;
    }

    private Usage usage(Place place, Counting counting) {
        Level was = before.getOrDefault(place.described, Level.ENOUGH);
        try {
            Room room = rooms.of(place.folder);
            Held held = counting.count();
            Level level = levels.after(was, room);
            before.put(place.described, level);
            faults.clear(FaultCode.STORE_FAILED, place.described);
            warn(place, was, level, room);
            return new Usage(place.name, place.folder.toString(), room, held.usedBytes(), held.promisedBytes(), level,
                    place.machines, "");
        } catch (IOException failed) {
            String why = "its room cannot be told: " + failed.getMessage();
            faults.report(FaultCode.STORE_FAILED, place.described, why);
            return new Usage(place.name, place.folder.toString(), new Room(0, 0), 0, 0, was, place.machines, why);
        }
    }

    private void warn(Place place, Level was, Level now, Room room) {
        if (was == now) {
            return;
        }
        String text = String.format(Locale.ROOT, "%s of %s are free in %s, %.1f %%; less than %d %% is %s",
                Room.shown(room.freeBytes()), Room.shown(room.totalBytes()), place.folder, room.freePercent(),
                now == Level.CRITICAL ? levels.alarmPercent() : levels.warnPercent(),
                now == Level.CRITICAL ? "an alarm" : "a warning");
        switch (now) {
            case ENOUGH -> {
                // Taken back below.
            }
            case LOW -> faults.report(FaultCode.SPACE_LOW, place.described, text);
            case CRITICAL -> faults.report(FaultCode.SPACE_CRITICAL, place.described, text);
        }
        if (now != Level.LOW) {
            faults.clear(FaultCode.SPACE_LOW, place.described);
        }
        if (now != Level.CRITICAL) {
            faults.clear(FaultCode.SPACE_CRITICAL, place.described);
        }
    }

    private void warnOfPromises(Datastore datastore, Usage usage) {
        if (!usage.trouble().isEmpty()) {
            return;
        }
        String subject = datastore.described();
        if (usage.isOvercommitted() && overcommitted.add(subject)) {
            faults.report(FaultCode.OVERCOMMITTED, subject, "thin disks may grow by "
                    + Room.shown(usage.promisedBytes()) + ", and " + Room.shown(usage.room().freeBytes())
                    + " are free in " + datastore.folder());
        } else if (usage.promisedBytes() <= usage.room().freeBytes() * (1 - RELIEF) && overcommitted.remove(subject)) {
            faults.clear(FaultCode.OVERCOMMITTED, subject);
        }
    }
}
