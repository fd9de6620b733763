package io.backhaul.cli;

import io.backhaul.engine.time.SystemClock;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Compares a machine's disks with the master target's while order is kept. */
@Command(name = "verify", description = {"Compare the disks with the replica while the stream goes on in order.",
    "What differs is named, and sent again. Slower than a resync, by verify.rate, and points are offered meanwhile."})
final class SourceVerifyCommand extends Verb {
    @Mixin
    private DaemonAddress daemon = new DaemonAddress();

    @Mixin
    private Printing printing = new Printing();

    @Override
    public Integer call() throws Exception {
        Map<String, Object> answer;
        try (var bar = new ProgressLine("verifying", SystemClock.INSTANCE)) {
            answer = daemon.client().ask("verify", Map.of("wait", true), line -> {
                var now = new Answer(line);
                bar.show(now.count("doneBytes"), now.count("totalBytes"), now.text("state"));
            });
        }
        var found = new Answer(answer);
        printing.print(answer,
                out -> out.printf("%s compared, %s left out, %s differed%s.%n",
                        Printing.bytes(found.count("comparedBytes")),
                        Printing.bytes(found.count("skippedBytes")), Printing.bytes(found.count("differingBytes")),
                        found.count("differingBytes") > 0 ? " and are sent again" : ""));
        return found.count("differingBytes") > 0 ? Backhaul.FAILED : Backhaul.DONE;
    }
}
