package io.backhaul.cli;

import io.backhaul.source.SourceAgent;
import java.nio.file.Path;
import java.util.Map;
import java.util.UUID;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Takes the capture out of the kernel. */
@Command(name = "detach", description = {
    "Remove the capture's programs and maps from the kernel, where they outlive the agent.",
    "Stop the agent first. What is written afterwards is not seen: the next start compares the disks."})
final class SourceDetachCommand extends Verb {
    @Option(names = "--config", required = true, paramLabel = "FILE", description = "The agent's configuration file.")
    private Path config = Path.of("");

    @Mixin
    private Printing printing = new Printing();

    @Override
    public Integer call() throws Exception {
        Map.Entry<UUID, Boolean> done = SourceAgent.detach(config);
        printing.print(Map.of("machine", done.getKey().toString(), "wasAttached", done.getValue()),
                out -> out.println(done.getValue()
                        ? "The capture of machine " + done.getKey() + " is out of the kernel."
                        : "Nothing of machine " + done.getKey() + " was in the kernel."));
        return Backhaul.DONE;
    }
}
