package io.backhaul.cli;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.engine.proof.NamedExtents;
import io.backhaul.engine.control.ControlClient;
import io.backhaul.engine.proof.ProofCheck;
import io.backhaul.engine.proof.ProofDisk;
import io.backhaul.engine.proof.ProofException;
import io.backhaul.engine.proof.ProofHeader;
import io.backhaul.engine.proof.ProofReader;
import io.backhaul.engine.time.SystemClock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** Compares disks, or a view that a master target opens for it, with a proof file. */
final class ProofVerification implements AutoCloseable {
    private final ProofReader proof;

    private ProofVerification(ProofReader proof) {
        this.proof = proof;
    }

    /** Opens a proof; one that cannot be believed is no disk that differs, but a command that makes no sense. */
    static ProofVerification open(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw Failure.usage("there is no proof file " + file);
        }
        try {
            return new ProofVerification(ProofReader.open(file));
        } catch (ProofException unbelievable) {
            throw Failure.usage(String.valueOf(unbelievable.getMessage()));
        }
    }

    ProofHeader header() {
        return proof.header();
    }

    private interface Work<T> {
        T run() throws IOException;
    }

    private static <T> T believing(Work<T> work) throws IOException {
        try {
            return work.run();
        } catch (ProofException damaged) {
            throw Failure.usage(String.valueOf(damaged.getMessage()));
        }
    }

    /** Reads all of it, and says what it says. */
    ProofVerdict describe() throws IOException {
        SortedMap<Integer, NamedExtents> unproved = new TreeMap<>();
        believing(() -> {
            proof.readAll((disk, offset, lengthBytes) -> unproved.computeIfAbsent(disk, any -> new NamedExtents())
                    .add(offset, lengthBytes));
            return unproved;
        });
        return new ProofVerdict(header(), "", List.of(), unproved.entrySet().stream()
                .flatMap(disk -> disk.getValue().named().stream()
                        .map(each -> new ProofVerdict.Unproved(disk.getKey(), each.offset(), each.lengthBytes())))
                .limit(NamedExtents.MAX_NAMED).toList());
    }

    /** Compares disks that were named: by their order, or as {@code ID=PATH}. */
    ProofVerdict compare(List<String> named) throws IOException {
        Map<Integer, String> places = new LinkedHashMap<>();
        for (String name : named) {
            int chosen = byId(name);
            int disk = chosen < 0 ? places.size() : chosen;
            if (disk >= header().disks().size()) {
                throw Failure.usage("the proof is of " + header().disks().size() + " disks, and " + named.size()
                        + " are named: name each once, in their order or as ID=PATH");
            }
            String place = chosen < 0 ? name : name.substring(name.indexOf('=') + 1);
            if (places.put(disk, place) != null) {
                throw Failure.usage("disk " + disk + " is named twice: name each once, in their order or as ID=PATH");
            }
        }
        return compare(places, "");
    }

    private int byId(String name) {
        int end = name.indexOf('=');
        String id = end < 0 ? "" : name.substring(0, end);
        for (int disk = 0; disk < header().disks().size(); disk++) {
            if (header().disks().get(disk).info().stableId().equals(id)) {
                return disk;
            }
        }
        return -1;
    }

    /** Compares a view at a position, which is opened for that and closed again. */
    ProofVerdict compare(ControlClient client, Map<String, Object> request) throws Exception {
        try (var view = ExportCommand.OpenView.open(client, request)) {
            Map<Integer, String> places = new LinkedHashMap<>();
            for (Answer export : view.answer().groups("exports")) {
                int index = Math.toIntExact(export.count("disk"));
                for (int disk = 0; disk < header().disks().size(); disk++) {
                    if (header().disks().get(disk).info().index() == index) {
                        places.put(disk, export.text("uri"));
                    }
                }
            }
            if (places.size() < header().disks().size()) {
                throw Failure
                        .failed("the point at " + view.answer().text("position") + " has " + places.size() + " of the "
                                + header().disks().size()
                                + " disks that the proof is of: it is another machine's, or an older one");
            }
            return compare(places, view.answer().text("position"));
        }
    }

    private ProofVerdict compare(Map<Integer, String> places, String at) throws IOException {
        long totalBytes = places.keySet().stream().map(header().disks()::get).map(ProofDisk::info)
                .mapToLong(info -> info.sizeBytes()).sum();
        List<ProofVerdict.Checked> checked = new ArrayList<>();
        long before = 0;
        try (var bar = new ProgressLine("comparing", SystemClock.INSTANCE)) {
            for (Map.Entry<Integer, String> place : places.entrySet()) {
                long done = before;
                try (BlockDevice device = DiskSource.open(place.getValue())) {
                    checked.add(new ProofVerdict.Checked(place.getValue(),
                            believing(() -> ProofCheck.of(proof, place.getKey(), device,
                                    (bytes, size) -> bar.show(done + bytes, totalBytes, "")))));
                }
                before += header().disks().get(place.getKey()).info().sizeBytes();
            }
        }
        return new ProofVerdict(header(), at, checked, List.of());
    }

    @Override
    public void close() throws IOException {
        proof.close();
    }
}
