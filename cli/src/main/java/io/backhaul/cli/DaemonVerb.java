package io.backhaul.cli;

import io.backhaul.engine.control.ServiceNotice;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Option;

/**
 * Runs a daemon until SIGTERM or SIGINT: says so to the service manager, ends cleanly, exit code 0. What stops it while
 * it starts is one line.
 */
abstract class DaemonVerb extends Verb {
    private static final Logger LOG = LoggerFactory.getLogger(DaemonVerb.class);

    @Option(names = "--config", required = true, paramLabel = "FILE", description = "The daemon's configuration file.")
    private Path config = Path.of("");

    @Option(names = "--with-parent", hidden = true, description = "End when stdin ends: whoever started it has gone.")
    private boolean withParent;

    private final String name;
    private final Daemon.Starter starter;

    DaemonVerb(String name, Daemon.Starter starter) {
        this.name = name;
        this.starter = starter;
    }

    @Override
    public Integer call() throws Exception {
        if (withParent) {
            Thread.ofPlatform().daemon().name("parent-watch").start(DaemonVerb::endWithStdin);
        }
        Daemon daemon = starter.start(config);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(daemon), "stop"));
        LOG.info("{} runs; its control socket is {}", name, daemon.control());
        ServiceNotice.send(ServiceNotice.READY);
        daemon.awaitStop();
        return Backhaul.DONE;
    }

    private void stop(Daemon daemon) {
        ServiceNotice.send(ServiceNotice.STOPPING);
        int exitCode = Backhaul.DONE;
        try {
            daemon.close();
            LOG.info("{} has ended", name);
        } catch (IOException | RuntimeException failing) {
            LOG.error("{} could not end cleanly: {}", name, Explanation.line(failing));
            exitCode = Backhaul.FAILED;
        }
        // The JVM's own exit code after a signal would be 143, which nobody takes for a clean end.
        Runtime.getRuntime().halt(exitCode);
    }

    private static void endWithStdin() {
        try (InputStream parent = System.in) {
            while (parent.read() >= 0) {
                // Nothing is said here; the end is what counts.
            }
        } catch (IOException gone) {
            LOG.debug("stdin: {}", gone.getMessage());
        }
        System.exit(Backhaul.DONE);
    }
}
