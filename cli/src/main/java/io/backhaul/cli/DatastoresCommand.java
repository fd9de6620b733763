package io.backhaul.cli;

import java.io.PrintStream;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Shows where a master target keeps its machines, and how much room there is. */
@Command(name = "datastores",
        description = "List a master target's retention volumes and datastores: room, what is promised, machines, warnings.")
final class DatastoresCommand extends Verb {
    @Mixin
    private DaemonAddress daemon = new DaemonAddress();

    @Mixin
    private Printing printing = new Printing();

    @Override
    public Integer call() throws Exception {
        Map<String, Object> answer = daemon.client().ask("datastores", Map.of());
        printing.print(answer, out -> {
            Answer places = new Answer(answer);
            places.groups("volumes").forEach(each -> place(out, "retention volume", each));
            places.groups("datastores").forEach(each -> place(out, "datastore", each));
        });
        return Backhaul.DONE;
    }

    private static void place(PrintStream out, String kind, Answer place) {
        String made = place.text("format").isEmpty() ? ""
                : "  new disks " + place.text("preallocation") + " " + place.text("format");
        out.printf("%s %s  %s%s%n", kind, place.text("name"), place.text("folder"), made);
        if (!place.text("trouble").isEmpty()) {
            out.println("  " + place.text("trouble"));
            return;
        }
        double total = Math.max(1, place.count("totalBytes"));
        out.printf("  %s of %s free, %.0f %%  machines take %s, and may take %s more%s%n",
                Printing.bytes(place.count("freeBytes")), Printing.bytes(place.count("totalBytes")),
                100 * place.count("freeBytes") / total, Printing.bytes(place.count("usedBytes")),
                Printing.bytes(place.count("promisedBytes")), warnings(place));
        List<?> machines = place.members().get("machines") instanceof List<?> list ? list : List.of();
        machines.forEach(machine -> out.println("  machine " + machine));
    }

    private static String warnings(Answer place) {
        String level = switch (place.text("level")) {
            case "LOW" -> "  little room left";
            case "CRITICAL" -> "  HARDLY ANY ROOM LEFT";
            default -> "";
        };
        return level + (place.flag("overcommitted") ? "  more promised than there is" : "");
    }
}
