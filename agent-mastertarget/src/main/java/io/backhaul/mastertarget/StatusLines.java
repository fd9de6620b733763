package io.backhaul.mastertarget;

import io.backhaul.protocol.Position;
import io.backhaul.protocol.Positions;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;

/** What control sockets answer of a machine, as {@code docs/CONTROL.md} says. */
final class StatusLines {
    private StatusLines() {}

    /** A machine that a host has. */
    static Map<String, Object> machine(MachineStatus status, MachineHost host, MachineHost.Hosted hosted) {
        Map<String, Object> line = machine(status, host.storage().datastores());
        line.put("volume", hosted.volume().name());
        line.put("window", window(status.window(), hosted.isWindowShort()));
        return line;
    }

    private static Map<String, Object> machine(MachineStatus status, Datastores datastores) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("machine", status.machine().toString());
        line.put("name", status.name());
        line.put("state", status.state());
        line.put("fidelity", status.fidelity().name());
        Positions positions = status.positions();
        line.put("positions", Map.of("received", positions.received().toString(), "journaled",
                positions.journaled().toString(), "applied", positions.applied().toString()));
        line.put("journalBytes", status.store().journalBytes());
        line.put("oldContentBytes", status.store().oldContentBytes());
        line.put("indexBytes", status.store().indexBytes());
        line.putAll(window(status.points()));
        line.put("base", status.base().toString());
        if (!status.peer().isEmpty()) {
            line.put("peer", status.peer());
        }
        if (!status.trouble().isEmpty()) {
            line.put("trouble", status.trouble());
        }
        line.put("disks", status.disks().stream().map(disk -> disk(disk, datastores)).toList());
        line.put("views", status.views().stream().map(StatusLines::view).toList());
        line.put("scrub", scrub(status.scrub()));
        if (status.fold().running()) {
            line.put("foldDoneBytes", status.fold().doneBytes());
            line.put("foldTotalBytes", status.fold().totalBytes());
        }
        if (status.state().equals("PROMOTING")) {
            line.put("checkedBytes", status.fold().checkedBytes());
        }
        return line;
    }

    private static Map<String, Object> scrub(MachineStatus.Scrub scrub) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("running", scrub.running());
        line.put("doneBytes", scrub.doneBytes());
        line.put("totalBytes", scrub.totalBytes());
        if (scrub.endedMicros() > 0) {
            line.put("endedMicros", scrub.endedMicros());
        }
        line.put("damaged", scrub.damaged().stream().map(StatusLines::damage).toList());
        if (scrub.asked().micros() > 0) {
            line.put("askedBytes", scrub.asked().bytes());
            line.put("askedMicros", scrub.asked().micros());
        }
        return line;
    }

    static Map<String, Object> damage(MachineStatus.Damage damage) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("file", damage.file());
        line.put("what", damage.what());
        if (damage.after().isBefore(damage.upTo())) {
            line.put("after", damage.after().toString());
            line.put("upTo", damage.upTo().toString());
        }
        return line;
    }

    private static Map<String, Object> view(MachineStatus.OpenView view) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("number", view.number());
        line.put("position", view.position().toString());
        line.put("holdsBaseAt", view.position().toString());
        line.put("holdsJournalAfter", view.journalAfter().toString());
        line.put("holder", view.holder());
        return line;
    }

    private static Map<String, Object> window(MachineStatus.Window window, boolean isShort) {
        Map<String, Object> line = new LinkedHashMap<>();
        if (window.oldestMicros() > 0) {
            line.put("oldestMicros", window.oldestMicros());
            line.put("newestMicros", window.newestMicros());
            line.put("reachMicros", window.reachMicros());
        }
        line.put("askedMicros", window.askedMicros());
        line.put("allowedBytes", window.allowedBytes());
        line.put("short", isShort);
        return line;
    }

    /** A volume or datastore as it was last seen. */
    static Map<String, Object> usage(Usage usage) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("name", usage.name());
        line.put("folder", usage.folder());
        line.put("totalBytes", usage.room().totalBytes());
        line.put("freeBytes", usage.room().freeBytes());
        line.put("usedBytes", usage.usedBytes());
        line.put("promisedBytes", usage.promisedBytes());
        line.put("level", usage.level().name());
        line.put("overcommitted", usage.isOvercommitted());
        if (!usage.trouble().isEmpty()) {
            line.put("trouble", usage.trouble());
        }
        line.put("machines", usage.machines().stream().map(UUID::toString).toList());
        return line;
    }

    static Map<String, Object> disk(PlacedDisk placed, Datastores datastores) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("index", placed.index());
        line.put("id", placed.disk().stableId());
        line.put("path", placed.path());
        datastores.of(placed).ifPresent(each -> line.put("datastore", each.name()));
        line.put("format", placed.format().name().toLowerCase(Locale.ROOT));
        line.put("sizeBytes", placed.disk().sizeBytes());
        return line;
    }

    /** The ends of the window, and the stretches in it; nothing where there is no point. */
    static Map<String, Object> window(RecoveryPoints points) {
        Map<String, Object> window = new LinkedHashMap<>();
        if (!points.newest().equals(Position.NONE)) {
            window.put("oldest", points.oldest().toString());
            window.put("newest", points.newest().toString());
            List<Map<String, Object>> intervals = points.intervals().stream().map(each -> {
                Map<String, Object> line = new LinkedHashMap<>();
                line.put("from", each.from().toString());
                line.put("fromMicros", each.fromMicros());
                line.put("to", each.to().toString());
                line.put("toMicros", each.toMicros());
                return line;
            }).toList();
            window.put("intervals", intervals);
        }
        return window;
    }
}
