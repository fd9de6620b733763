package io.backhaul.cli;

import io.backhaul.engine.config.ConfigException;
import io.backhaul.engine.control.ControlFault;
import io.backhaul.engine.time.SystemClock;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The commands about recovery points. */
@Command(name = "points", description = "Recovery points: list them, mark one.",
        subcommands = {PointsCommands.ListPoints.class, PointsCommands.MarkPoint.class})
final class PointsCommands extends Group {
    /** Lists what a master target can recover. */
    @Command(name = "list", description = "List a master target's marked points, oldest first.")
    static final class ListPoints extends Verb {
        @Mixin
        private DaemonAddress daemon = new DaemonAddress();

        @Mixin
        private MachineOption machine = new MachineOption();

        @Mixin
        private Printing printing = new Printing();

        @Override
        public Integer call() throws Exception {
            Map<String, Object> answer = daemon.client().ask("points", machine.request());
            printing.print(answer, out -> {
                var points = new Answer(answer);
                for (Answer point : points.groups("points")) {
                    Instant time = Instant.EPOCH.plus(point.count("timeMicros"), ChronoUnit.MICROS);
                    out.printf("%-24s %-14s %-12s %s%n", time.truncatedTo(ChronoUnit.MILLIS), point.text("position"),
                            point.text("kind"), point.text("label"));
                }
                out.printf("on retention volume %s%s%n", points.text("volume"),
                        points.members().get("datastores") instanceof List<?> stores && !stores.isEmpty()
                                ? ", disks in datastore " + stores.stream().map(String::valueOf)
                                        .collect(Collectors.joining(", "))
                                : "");
                if (!points.text("newest").isEmpty()) {
                    out.printf("any position from %s to %s%n", points.text("oldest", "-"), points.text("newest"));
                }
            });
            return Backhaul.DONE;
        }
    }

    /** Marks a point. */
    @Command(name = "mark", description = "Mark the state of now as a recovery point, at the machine's source.")
    static final class MarkPoint extends Verb {
        @Parameters(paramLabel = "LABEL", description = "Its name.")
        private String label = "";

        @Option(names = "--proof", paramLabel = "FILE", defaultValue = "",
                description = "Record the digests of what the disks hold there in this new file, which the source writes.")
        private String proof = "";

        @Mixin
        private DaemonAddress daemon = new DaemonAddress();

        @Mixin
        private MachineOption machine = new MachineOption();

        @Mixin
        private Printing printing = new Printing();

        @Override
        public Integer call() throws Exception {
            Map<String, Object> request = new LinkedHashMap<>(machine.request());
            request.put("label", label);
            if (!proof.isEmpty()) {
                request.put("proof", Path.of(proof).toAbsolutePath().normalize().toString());
                prove(request);
                return Backhaul.DONE;
            }
            Map<String, Object> answer = daemon.client().ask("mark", request);
            printing.print(answer,
                    out -> out.println("Marked '" + label + "' at " + new Answer(answer).text("position") + "."));
            return Backhaul.DONE;
        }

        private void prove(Map<String, Object> request) throws IOException, ConfigException, ControlFault {
            Map<String, Object> answer;
            try (var bar = new ProgressLine("recording", SystemClock.INSTANCE)) {
                answer = daemon.client().ask("mark", request, line -> {
                    var now = new Answer(line);
                    bar.show(now.count("doneBytes"), now.count("totalBytes"), now.flag("marked")
                            ? "what was overwritten before the mark"
                            : now.count("pass") > 1 ? "what was overwritten meanwhile" : "");
                });
            }
            printing.print(answer, out -> {
                var proved = new Answer(answer);
                long unproved = proved.count("unprovedBytes");
                out.println("Marked '" + label + "' at " + proved.text("position") + ".");
                out.println("Proof: " + proved.text("proof") + ", of " + Printing.bytes(proved.count("provedBytes"))
                        + (unproved == 0 ? ""
                                : "; " + Printing.bytes(unproved)
                                        + " were overwritten before they could be read, and are not proved"));
                out.println("Root:  " + ProofVerdict.grouped(proved.text("root")));
            });
        }
    }
}
