package io.backhaul.cli;

import io.backhaul.engine.time.SystemClock;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Compares a machine's disks with the master target's again. */
@Command(name = "resync", description = "Compare a source's disks with its master target's and send what differs.")
final class ResyncCommand extends Verb {
    @Option(names = "--plan", description = "Say what it would cost, and send nothing.")
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
        request.put("plan", plan);
        Map<String, Object> answer;
        try (var bar = new ProgressLine(plan ? "planning" : "comparing", SystemClock.INSTANCE)) {
            answer = daemon.client().ask("resync", request, line -> {
                var now = new Answer(line);
                bar.show(now.count("doneBytes"), now.count("totalBytes"),
                        Printing.bytes(now.count("differingBytes")) + " differ");
            });
        }
        printing.print(answer, out -> out.println(new Answer(answer).number("differingBytes")
                .map(differing -> Printing.bytes(differing) + (plan ? " would be sent." : " differed."))
                .orElse("The comparison has begun; `backhaul status` shows how far it is.")));
        return Backhaul.DONE;
    }
}
