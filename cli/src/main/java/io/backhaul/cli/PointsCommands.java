package io.backhaul.cli;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
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
            Map<String, Object> answer = daemon.client().ask("mark", request);
            printing.print(answer,
                    out -> out.println("Marked '" + label + "' at " + new Answer(answer).text("position") + "."));
            return Backhaul.DONE;
        }
    }
}
