package io.backhaul.cli;

import io.backhaul.engine.time.SystemClock;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Makes a point the machine's plain disks, for good. */
@Command(name = "promote",
        description = "Bring a master target's disks to a point and fence the machine's stream: the disks then stand alone.")
final class PromoteCommand extends Verb {
    @Option(names = "--at", required = true, paramLabel = "POINT",
            description = "latest, a position GENERATION:SEQUENCE, a time such as 2026-11-23T10:15:30Z, or a mark's label.")
    private String at = "";

    @Option(names = "--plan", description = "Say what it would do, and change nothing.")
    private boolean plan;

    @Mixin
    private DaemonAddress daemon = new DaemonAddress();

    @Mixin
    private MachineOption machine = new MachineOption();

    @Mixin
    private Printing printing = new Printing();

    @Override
    public Integer call() throws Exception {
        Map<String, Object> request = new LinkedHashMap<>(machine.request());
        request.put("at", at);
        request.put("plan", plan);
        Map<String, Object> answer;
        try (var bar = new ProgressLine("folding", SystemClock.INSTANCE)) {
            answer = daemon.client().ask("promote", request, line -> {
                var now = new Answer(line);
                bar.show(now.count("doneBytes"), now.count("totalBytes"), "");
            });
        }
        printing.print(answer, out -> {
            var done = new Answer(answer);
            if (plan) {
                out.println("Would fold " + Printing.bytes(done.count("foldBytes")) + " to stand at "
                        + done.text("position") + ", and refuse the source's stream from then on.");
            } else {
                out.println("Promoted to " + done.text("position") + ":");
                done.groups("disks").forEach(disk -> out.printf("  disk %s  %s  %s%n", disk.text("index"),
                        Printing.bytes(disk.count("sizeBytes")), disk.text("path")));
            }
        });
        return Backhaul.DONE;
    }
}
