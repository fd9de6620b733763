package io.backhaul.mastertarget;

import io.backhaul.blockio.file.RawDevice.Preallocation;
import io.backhaul.engine.config.ConfigException;
import io.backhaul.engine.config.Key;
import io.backhaul.engine.config.Settings;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Where journals and base disks may lie, concluded: one folder for each, or several by name. */
record StorageSettings(List<RetentionVolume> volumes, List<Datastore> datastores, SpaceLevels levels) {
    /** The names of those that are not listed. */
    private static final String ONLY_VOLUME = "retention";
    private static final String ONLY_DATASTORE = "datastore";

    static final Key<Path> RETENTION_FOLDER = Key.path("retention.folder",
            "The folder for journals, on the retention volume; by default retention. Several are listed under volumes.")
            .optional();
    static final Key<Path> DATASTORE = Key.path("datastore",
            "The folder for base disks: a machine's are in a folder of its name; by default datastore. Several are listed"
                    + " under datastores.")
            .optional();

    static final Key<String> NAME = Key.text("name", "What it is called wherever it is spoken of.")
            .checked(text -> text.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,59}"),
                    "1 to 60 letters, digits, dots, dashes and underscores");
    static final Key<Path> VOLUME_FOLDER = Key.path("folder", "The folder for journals on it.");
    static final Key<List<Settings>> VOLUMES = Key.sections("volumes", List.of(NAME, VOLUME_FOLDER),
            "The retention volumes, where there are several; a machine that is assigned to none begins on the one with the"
                    + " most room that is not promised to others.");
    static final Key<Path> DATASTORE_FOLDER = Key.path("folder",
            "The folder for base disks in it: a machine's are in a folder of its name.");
    static final Key<Preallocation> PREALLOCATION = Key.choice("preallocation", Preallocation.THIN,
            "Whether new disks have all their room from the beginning: thin or thick.");
    static final Key<DiskFormat> FORMAT = Key.choice("format", DiskFormat.VMDK,
            "What new disks are made as: vmdk, flat with a descriptor, or raw.")
            .checked(format -> format != DiskFormat.DEVICE, "vmdk or raw: a device is named under machines");
    static final Key<List<Settings>> DATASTORES = Key.sections("datastores",
            List.of(NAME, DATASTORE_FOLDER, PREALLOCATION, FORMAT),
            "The datastores, where there are several, or other disks than thin flat VMDKs are wanted; a machine that is"
                    + " assigned to none begins in the one with the most room that is not promised to others.");
    static final Key<Integer> WARN = Key
            .integer("space.warn", 20,
                    "Where a volume or datastore has less than so many percent free, there is a warning.")
            .between(0, 100);
    static final Key<Integer> ALARM = Key
            .integer("space.alarm", 5, "Where it has less than so many percent free, the warning is an alarm.")
            .between(0, 100);
    static final Key<String> MACHINE_VOLUME = Key
            .text("retention-volume", "The name of the retention volume that its journal begins on.").optional();
    static final Key<String> MACHINE_DATASTORE = Key
            .text("datastore", "The name of the datastore that its disks are made in.").optional();

    /** The keys of the file itself. */
    static List<Key<?>> keys() {
        return List.of(VOLUMES, DATASTORE, DATASTORES, WARN, ALARM);
    }

    /** Concludes it. */
    static StorageSettings of(Path file, Settings settings) throws ConfigException {
        refuseBoth(file, settings, RETENTION_FOLDER, VOLUMES);
        refuseBoth(file, settings, DATASTORE, DATASTORES);
        List<RetentionVolume> volumes = settings.get(VOLUMES).stream()
                .map(each -> new RetentionVolume(each.get(NAME), each.get(VOLUME_FOLDER))).toList();
        List<Datastore> datastores = settings.get(DATASTORES).stream()
                .map(each -> new Datastore(each.get(NAME), each.get(DATASTORE_FOLDER), each.get(FORMAT),
                        each.get(PREALLOCATION)))
                .toList();
        if (volumes.isEmpty()) {
            volumes = List.of(new RetentionVolume(ONLY_VOLUME, folder(settings, RETENTION_FOLDER, ONLY_VOLUME)));
        }
        if (datastores.isEmpty()) {
            datastores = List.of(new Datastore(ONLY_DATASTORE, folder(settings, DATASTORE, ONLY_DATASTORE),
                    DiskFormat.VMDK, Preallocation.THIN));
        }
        if (settings.get(ALARM) > settings.get(WARN)) {
            throw new ConfigException(file + ": space.alarm is " + settings.get(ALARM) + ", more than space.warn, "
                    + settings.get(WARN) + "; an alarm comes after the warning");
        }
        Set<String> volumeNames = distinct(file, VOLUMES, names(volumes, RetentionVolume::name),
                names(volumes, RetentionVolume::folder));
        Set<String> datastoreNames = distinct(file, DATASTORES, names(datastores, Datastore::name),
                names(datastores, Datastore::folder));
        for (Settings machine : settings.get(MasterTargetSettings.MACHINES)) {
            refuseUnknown(file, machine, MACHINE_VOLUME, volumeNames);
            refuseUnknown(file, machine, MACHINE_DATASTORE, datastoreNames);
        }
        return new StorageSettings(volumes, datastores,
                new SpaceLevels(settings.get(WARN), settings.get(ALARM)));
    }

    private static <T> List<String> names(List<T> places, Function<T, Object> name) {
        return places.stream().map(place -> name.apply(place).toString()).toList();
    }

    private static Path folder(Settings settings, Key<Path> key, String fallback) {
        return settings.find(key).orElse(settings.directory().resolve(fallback).normalize());
    }

    private static void refuseBoth(Path file, Settings settings, Key<Path> single, Key<List<Settings>> several)
            throws ConfigException {
        if (settings.find(single).isPresent() && !settings.get(several).isEmpty()) {
            throw new ConfigException(file + ": " + single.name() + " and " + several.name()
                    + " are both given; list that folder under " + several.name() + ", and leave " + single.name()
                    + " out");
        }
    }

    /** The names, after seeing that nothing is listed twice and no folder lies in another. */
    private static Set<String> distinct(Path file, Key<?> key, List<String> names, List<String> folders)
            throws ConfigException {
        Set<String> known = new HashSet<>();
        Map<Path, String> seen = new HashMap<>();
        for (int i = 0; i < names.size(); i++) {
            String name = names.get(i);
            if (!known.add(name)) {
                throw new ConfigException(file + ": " + key + " has two entries called " + name
                        + "; give each a name of its own");
            }
            Path folder = Path.of(folders.get(i));
            for (Map.Entry<Path, String> other : seen.entrySet()) {
                if (folder.startsWith(other.getKey()) || other.getKey().startsWith(folder)) {
                    throw new ConfigException(file + ": " + key + ": the folders of " + other.getValue() + " and "
                            + name + " lie in each other; give each a folder of its own");
                }
            }
            seen.put(folder, name);
        }
        return known;
    }

    private static void refuseUnknown(Path file, Settings machine, Key<String> key, Set<String> names)
            throws ConfigException {
        String wanted = machine.find(key).orElse("");
        if (!wanted.isEmpty() && !names.contains(wanted)) {
            List<String> sorted = new ArrayList<>(names);
            sorted.sort(null);
            throw new ConfigException(file + ": machine " + machine.get(MasterTargetSettings.MACHINE_ID) + " has "
                    + key + " = " + wanted + ", but there is none of that name; there are: "
                    + sorted.stream().collect(Collectors.joining(", ")));
        }
    }
}
