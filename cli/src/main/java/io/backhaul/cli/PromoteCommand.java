package io.backhaul.cli;

import io.backhaul.engine.time.SystemClock;
import java.io.PrintStream;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Makes a point the machine's plain disks. */
@Command(name = "promote",
        description = {
            "Bring a master target's disks to a point and fence the machine's stream: the disks then stand alone.",
            "Until --commit another point may be chosen by promoting to it, as long as nothing has written to the disks."})
final class PromoteCommand extends Verb {
    @Option(names = "--at", paramLabel = "POINT",
            description = "latest, a position GENERATION:SEQUENCE, a time such as 2026-11-23T10:15:30Z, or a mark's label.")
    private String at = "";

    @Option(names = "--plan", description = "Say what it would do, and change nothing.")
    private boolean plan;

    @Option(names = "--commit",
            description = "Give up all other points, and the room they take. Without --at: of the promotion that was made.")
    private boolean commit;

    @Mixin
    private DaemonAddress daemon = new DaemonAddress();

    @Mixin
    private MachineOption machine = new MachineOption();

    @Mixin
    private Printing printing = new Printing();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() throws Exception {
        if (at.isEmpty() && (plan || !commit)) {
            throw new ParameterException(spec.commandLine(),
                    "say with --at to which point, or --commit the last promotion");
        }
        Map<String, Object> request = new LinkedHashMap<>(machine.request());
        if (!at.isEmpty()) {
            request.put("at", at);
        }
        request.put("plan", plan);
        request.put("commit", commit);
        Map<String, Object> answer;
        try (var bar = new ProgressLine("folding", SystemClock.INSTANCE)) {
            answer = daemon.client().ask("promote", request, line -> {
                var now = new Answer(line);
                bar.show(now.count("doneBytes"), now.count("totalBytes"), now.count("checkedBytes") == 0 ? ""
                        : Printing.bytes(now.count("checkedBytes")) + " read back");
            });
        }
        printing.print(answer, out -> print(new Answer(answer), out));
        return Backhaul.DONE;
    }

    private void print(Answer done, PrintStream out) {
        if (plan) {
            out.println("Would write " + Printing.bytes(done.count("foldBytes")) + " to stand at "
                    + done.text("position") + ", read that back, and refuse the source's stream from then on.");
            out.println(done.number("seconds").map(seconds -> time(done, seconds))
                    .orElse("How long that takes is not known: nothing has been folded yet."));
            return;
        }
        out.println((done.flag("committed") ? "Committed to " : "Promoted to ") + done.text("position") + "; "
                + Printing.bytes(done.count("checkedBytes")) + " were read back and are what was written:");
        done.groups("disks").forEach(disk -> out.printf("  disk %s  %s  %s%n", disk.text("index"),
                Printing.bytes(disk.count("sizeBytes")), disk.text("path")));
        if (!done.flag("committed")) {
            out.println("Another point may be chosen until something writes to the disks. `promote --commit` gives back"
                    + " the room of all others.");
        }
    }

    private static String time(Answer done, double seconds) {
        String rate = Printing.bytes(done.count("bytesPerSecond")) + "/s";
        return done.text("measuredBy").equals("folds")
                ? String.format(Locale.ROOT,
                        "Writing takes about %.1f s at %s, the rate of the last folds; reading back less.",
                        seconds, rate)
                : String.format(Locale.ROOT,
                        "Writing takes more than %.1f s: nothing was folded yet, and the journal is read at %s.",
                        seconds,
                        rate);
    }
}
