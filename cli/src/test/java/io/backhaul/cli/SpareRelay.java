package io.backhaul.cli;

import io.backhaul.engine.control.ControlClient;
import io.backhaul.engine.control.ControlFault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;

/** A second process server beside that of a {@link Fleet}, which has been started. Owned by one thread. */
final class SpareRelay implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    private final Child child;
    private final String address;

    private SpareRelay(Child child, String address) {
        this.child = child;
        this.address = address;
    }

    /**
     * @param folder
     *            for its files; its path is short
     * @param target
     *            where the master target is reached
     */
    static SpareRelay start(Fleet fleet, Path folder, String target)
            throws IOException, InterruptedException, ControlFault {
        Files.createDirectories(folder);
        fleet.client(Part.MANAGEMENT).ask("issue", Map.of("for", Part.PROCESS_SERVER.label(), "id",
                UUID.randomUUID().toString(), "out", folder.resolve("credentials").toString()));
        Path config = folder.resolve("process-server.conf");
        Files.writeString(config, """
                listen = "127.0.0.1:0"
                credentials = "credentials"
                targets = [{ address = "%s", machines = ["*"] }]
                """.formatted(target));
        Child child = Child.start(Part.PROCESS_SERVER, config, folder.resolve("log"));
        ControlClient client = new ControlClient(folder.resolve("control.sock"), PATIENCE);
        child.awaitReady(client);
        return new SpareRelay(child, new Answer(client.ask("status", Map.of())).text("listen"));
    }

    String address() {
        return address;
    }

    @Override
    public void close() {
        child.close();
    }
}
