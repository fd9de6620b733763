package io.backhaul.cli;

import io.backhaul.engine.config.ConfigException;
import io.backhaul.engine.config.Units;
import io.backhaul.engine.control.ControlClient;
import io.backhaul.engine.control.ControlFault;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Shows how daemons and machines stand. */
@Command(name = "status", description = "Show positions, lag, RPO, fidelity, progress and faults of daemons.")
final class StatusCommand extends Verb {
    /** The order in which positions are shown: each is at least the next. */
    private static final List<String> LAW = List.of("captured", "sent", "received", "spooled", "forwarded", "journaled",
            "applied");

    private static final Duration PATIENCE = Duration.ofSeconds(10);

    @Option(names = "--config", paramLabel = "FILE", description = "A daemon's configuration file; may be repeated.")
    private List<Path> configs = List.of();

    @Option(names = "--control", paramLabel = "SOCKET", description = "A daemon's control socket; may be repeated.")
    private List<Path> sockets = List.of();

    @Option(names = "--watch", description = "Show it again and again, until interrupted.")
    private boolean watch;

    @Option(names = "--interval", paramLabel = "DURATION", defaultValue = "1s",
            description = "How long to wait in between, such as 500ms (default: ${DEFAULT-VALUE}).")
    private String interval = "1s";

    @Mixin
    private Printing printing = new Printing();

    @Override
    public Integer call() throws Exception {
        List<ControlClient> clients = clients();
        long pauseMillis = pause().toMillis();
        boolean complete = show(clients);
        while (watch) {
            if (new CountDownLatch(1).await(pauseMillis, TimeUnit.MILLISECONDS)) {
                break;
            }
            complete = show(clients);
        }
        return complete ? Backhaul.DONE : Backhaul.FAILED;
    }

    private Duration pause() {
        try {
            return Units.parseDuration(interval);
        } catch (IllegalArgumentException wrong) {
            throw Failure.usage("--interval must be " + wrong.getMessage() + ", not '" + interval + "'");
        }
    }

    private List<ControlClient> clients() throws ConfigException {
        if (configs.isEmpty() && sockets.isEmpty()) {
            throw Failure.usage("name at least one daemon with --config FILE or --control SOCKET");
        }
        List<ControlClient> clients = new ArrayList<>();
        for (Path config : configs) {
            clients.add(new ControlClient(DaemonAddress.socketOf(config), PATIENCE));
        }
        sockets.forEach(socket -> clients.add(new ControlClient(socket, PATIENCE)));
        return clients;
    }

    private boolean show(List<ControlClient> clients) {
        List<Map<String, Object>> daemons = new ArrayList<>();
        List<String> silent = new ArrayList<>();
        for (ControlClient client : clients) {
            try {
                daemons.add(client.ask("status", Map.of()));
            } catch (ControlFault fault) {
                silent.add(String.valueOf(fault.getMessage()));
            }
        }
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("daemons", daemons);
        result.put("silent", silent);
        printing.print(result, out -> daemons.forEach(daemon -> daemon(out, new Answer(daemon))));
        silent.forEach(message -> System.err.println("backhaul: " + message));
        return silent.isEmpty();
    }

    private static void daemon(PrintStream out, Answer daemon) {
        out.printf("%s %s%s%n", daemon.text("role"), daemon.text("id"), labelled("  at ", daemon.text("listen")));
        for (Answer machine : daemon.groups("machines")) {
            machine(out, machine);
        }
        for (Answer fault : daemon.groups("faults")) {
            if (fault.flag("standing")) {
                out.printf("  %s %s: %s (%d times). %s%n", fault.text("code"), fault.text("subject"),
                        fault.text("text"), fault.count("count"), fault.text("remedy"));
            }
        }
    }

    private static void machine(PrintStream out, Answer machine) {
        out.printf("  machine %s  %s%s%s%s%s%n", machine.text("machine"), machine.text("state", "-"),
                labelled("  ", machine.text("fidelity")),
                machine.number("lagBytes").map(lag -> "  lag " + Printing.bytes(lag)).orElse(""),
                machine.number("rpoMillis").map(rpo -> "  RPO " + Printing.millis(rpo)).orElse(""),
                machine.number("limitBytesPerSecond").map(rate -> "  at most " + Printing.bytes(rate) + "/s"
                        + (machine.flag("limited") ? ", held back by that" : "")).orElse(""));
        Map<String, Object> positions = machine.group("positions").members();
        if (!positions.isEmpty()) {
            out.print("   ");
            LAW.stream().filter(positions::containsKey)
                    .forEach(name -> out.print(" " + name + " " + positions.get(name)));
            out.println();
        }
        pace(out, machine);
        sizes(out, machine);
        window(out, machine);
        for (Answer damage : machine.group("scrub").groups("damaged")) {
            out.printf("    damaged: %s  %s%n", damage.text("file"), damage.text("what"));
        }
        if (machine.group("scrub").count("askedMicros") > 0) {
            out.printf("    asked for again: %s%n", Printing.bytes(machine.group("scrub").count("askedBytes")));
        }
        verification(out, machine.group("verification"));
        for (Answer disk : machine.groups("disks")) {
            out.printf("    disk %s  %s  %s%s%s%s%n", disk.text("index"), Printing.bytes(disk.count("sizeBytes")),
                    disk.text("path"), labelled("  in datastore ", disk.text("datastore")),
                    labelled("  ", disk.text("uri")), progress(disk));
        }
    }

    private static void pace(PrintStream out, Answer machine) {
        String pace = machine.text("pace");
        if (!pace.isEmpty()) {
            out.printf("    %s, %s/s get through%s%s%n", pace, Printing.bytes(machine.count("throughBytesPerSecond")),
                    machine.number("etaMillis").filter(left -> left > 0)
                            .map(left -> ", " + Printing.millis(left) + " left").orElse(""),
                    labelled(": ", machine.text("reason")));
        }
    }

    private static void verification(PrintStream out, Answer verification) {
        if (verification.count("totalBytes") > 0) {
            out.printf("    verification %s: %s of %s%n", verification.text("state"),
                    Printing.bytes(verification.count("doneBytes")), Printing.bytes(verification.count("totalBytes")));
        }
        if (verification.count("endedMicros") > 0) {
            out.printf("    verified until %s: %s compared, %s left out, %s differed%n",
                    Instant.EPOCH.plus(verification.count("endedMicros"), ChronoUnit.MICROS)
                            .truncatedTo(ChronoUnit.SECONDS),
                    Printing.bytes(verification.count("comparedBytes")),
                    Printing.bytes(verification.count("skippedBytes")),
                    Printing.bytes(verification.count("differingBytes")));
        }
    }

    private static void sizes(PrintStream out, Answer machine) {
        var line = new StringBuilder();
        for (String name : List.of("read", "captured", "sent", "spool", "journal")) {
            machine.number(name + "Bytes").ifPresent(size -> line.append("  ").append(name).append(' ')
                    .append(Printing.bytes(size)));
        }
        if (!line.isEmpty()) {
            out.println("  " + line);
        }
    }

    private static void window(PrintStream out, Answer machine) {
        Answer window = machine.group("window");
        if (!machine.text("volume").isEmpty()) {
            out.printf("    on retention volume %s%s%n", machine.text("volume"), window.number("reachMicros")
                    .filter(reach -> window.flag("short")).map(reach -> "  WINDOW SHORT: points reach "
                            + Printing.millis(reach / 1000) + " back of "
                            + Printing.millis(window.count("askedMicros") / 1000.0))
                    .orElse(""));
        }
    }

    private static String progress(Answer disk) {
        double total = disk.number("totalBytes").orElse(0.0);
        double done = disk.number("doneBytes").orElse(0.0);
        return total > 0 && done < total ? "  compared %.0f %%".formatted(100 * done / total) : "";
    }

    private static String labelled(String label, String text) {
        return text.isEmpty() ? "" : label + text;
    }
}
