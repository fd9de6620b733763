package io.backhaul.mastertarget;

import io.backhaul.blockio.volume.DirectoryVolume;
import io.backhaul.engine.config.WholeFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.ToLongFunction;

/**
 * The retention volumes of a daemon, and which one each machine lies on: where its folder is found, whatever the
 * configuration says; for a new machine the one that is assigned, else the one with the most room. Safe for any thread.
 */
final class RetentionVolumes {
    private final List<RetentionVolume> all;
    private final Map<UUID, RetentionVolume> places = new ConcurrentHashMap<>();

    private RetentionVolumes(List<RetentionVolume> all) {
        this.all = all;
    }

    /**
     * Looks what lies on them.
     *
     * @throws IOException
     *             where one cannot be used, is not there any more, or holds a machine that another one holds too; the
     *             message is one clear line
     */
    static RetentionVolumes open(List<RetentionVolume> all) throws IOException {
        refuseVanished(all);
        RetentionVolumes volumes = new RetentionVolumes(all);
        for (RetentionVolume volume : all) {
            for (UUID machine : volume.found()) {
                RetentionVolume other = volumes.places.put(machine, volume);
                if (other != null) {
                    throw new IOException("machine " + machine + " lies on two retention volumes, in "
                            + other.machine(machine) + " and " + volume.machine(machine)
                            + "; move the folder away that is not to be used");
                }
            }
        }
        return volumes;
    }

    /** One that is not mounted must not be taken for an empty one: its machines would begin anew elsewhere. */
    private static void refuseVanished(List<RetentionVolume> all) throws IOException {
        Set<String> known = new LinkedHashSet<>();
        for (RetentionVolume each : all) {
            DirectoryVolume.create(each.folder());
            known.addAll(each.namesKnown());
        }
        for (RetentionVolume each : all) {
            if (known.contains(each.name()) && each.namesKnown().isEmpty()) {
                throw new IOException(each.described() + ": nothing of it is in " + each.folder()
                        + " any more; mount it, or where it is lost for good, give the new one another name");
            }
        }
        List<String> names = all.stream().map(RetentionVolume::name).toList();
        for (RetentionVolume each : all) {
            if (!each.namesKnown().equals(names)) {
                String text = String.join("\n", names) + "\n";
                WholeFile.replace(each.known(), text.getBytes(StandardCharsets.UTF_8), WholeFile.Readers.EVERYBODY);
            }
        }
    }

    List<RetentionVolume> all() {
        return all;
    }

    /** Those of which something lies here. */
    Set<UUID> machines() {
        return Set.copyOf(places.keySet());
    }

    Optional<RetentionVolume> of(UUID machine) {
        return Optional.ofNullable(places.get(machine));
    }

    /**
     * Where a machine lies, or will.
     *
     * @param assigned
     *            the name of an existing volume; empty where the one with the most room is to be taken
     * @param room
     *            how much of a volume is neither taken nor promised
     */
    synchronized RetentionVolume place(UUID machine, String assigned, ToLongFunction<RetentionVolume> room) {
        return places.computeIfAbsent(machine,
                id -> all.stream().filter(each -> each.name().equals(assigned)).findFirst()
                        .orElseGet(() -> all.stream().max(Comparator.comparingLong(room)).orElseThrow()));
    }
}
