package io.backhaul.cli;

import io.backhaul.blockio.nbd.Endpoint;
import io.backhaul.engine.control.ControlClient;
import io.backhaul.engine.control.ControlFault;
import io.backhaul.engine.time.SystemClock;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Opens a point: serves it over NBD until interrupted, or copies it to a new disk. */
@Command(name = "export",
        description = "Serve a point of a machine over NBD until interrupted, or copy it to a new disk with --to.")
final class ExportCommand extends Verb {
    @Option(names = "--at", required = true, paramLabel = "POINT",
            description = "latest, a position GENERATION:SEQUENCE, a time such as 2026-11-23T10:15:30Z, or a mark's label.")
    private String at = "";

    @Option(names = "--listen", paramLabel = "unix:PATH|HOST:PORT", defaultValue = "",
            description = "Where it is served (default: a unix socket that the daemon chooses).")
    private String listen = "";

    @Option(names = "--writable", description = "Let clients write, to scratch space that goes with the export.")
    private boolean writable;

    @Option(names = "--to", paramLabel = "FILE", defaultValue = "",
            description = "Copy to this new file instead: a flat VMDK where it ends in .vmdk, otherwise raw.")
    private String to = "";

    @Option(names = "--disk", paramLabel = "INDEX", defaultValue = "0",
            description = "Which disk --to copies (default: ${DEFAULT-VALUE}).")
    private int disk;

    @Mixin
    private DaemonAddress daemon = new DaemonAddress();

    @Mixin
    private MachineOption machine = new MachineOption();

    @Mixin
    private Printing printing = new Printing();

    @Override
    public Integer call() throws Exception {
        ControlClient client = daemon.client();
        OpenView view = OpenView.open(client, request());
        if (!to.isEmpty()) {
            try (view) {
                copy(view);
            }
            return Backhaul.DONE;
        }
        Runtime.getRuntime().addShutdownHook(new Thread(() -> close(view), "unexport"));
        printing.print(view.answer().members(), out -> {
            out.println("Point " + view.answer().text("position") + ", until interrupted:");
            view.answer().groups("exports").forEach(export -> out.printf("  disk %s  %s  %s%n", export.text("disk"),
                    Printing.bytes(export.count("sizeBytes")), export.text("uri")));
        });
        new CountDownLatch(1).await();
        return Backhaul.DONE;
    }

    private Map<String, Object> request() {
        Map<String, Object> request = new LinkedHashMap<>(machine.request());
        request.put("at", at);
        request.put("writable", writable);
        if (!listen.isEmpty()) {
            try {
                request.put("listen", Endpoint.parse(listen).toString());
            } catch (IllegalArgumentException wrong) {
                throw Failure.usage("--listen: " + wrong.getMessage());
            }
        }
        return request;
    }

    private void copy(OpenView view) throws IOException {
        long copiedBytes;
        try (var bar = new ProgressLine("copying", SystemClock.INSTANCE)) {
            copiedBytes = view.copyTo(disk, Path.of(to), (done, total) -> bar.show(done, total, ""));
        }
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("position", view.answer().text("position"));
        result.put("path", to);
        result.put("copiedBytes", copiedBytes);
        printing.print(result, out -> out.println("Point " + view.answer().text("position") + " is in " + to + " ("
                + Printing.bytes(copiedBytes) + " of data)."));
    }

    private static void close(OpenView view) {
        try {
            view.close();
        } catch (IOException gone) {
            System.err.println("backhaul: " + gone.getMessage());
        }
    }

    /** A view that the master target serves for us. */
    record OpenView(ControlClient client, Answer answer) implements AutoCloseable {
        static OpenView open(ControlClient client, Map<String, ?> request) throws ControlFault {
            return new OpenView(client, new Answer(client.ask("export", request)));
        }

        /** Copies a disk of the view to a new file, and answers how many bytes were not zero. */
        long copyTo(int disk, Path target, DiskCopy.Progress progress) throws IOException {
            Answer export = answer.groups("exports").stream().filter(one -> one.count("disk") == disk).findFirst()
                    .orElseThrow(() -> Failure.usage("the machine has no disk " + disk));
            try (var source = DiskSource.open(export.text("uri"))) {
                return DiskCopy.copy(source, target, progress);
            }
        }

        @Override
        public void close() throws IOException {
            try {
                client.ask("unexport", Map.of("view", answer.text("view")));
            } catch (ControlFault fault) {
                throw new IOException(fault.getMessage(), fault);
            }
        }
    }
}
