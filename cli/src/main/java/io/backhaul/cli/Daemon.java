package io.backhaul.cli;

import io.backhaul.engine.config.ConfigException;
import java.io.IOException;
import java.nio.file.Path;

/** A daemon that has been started. */
interface Daemon extends AutoCloseable {
    /** Starts one. */
    @FunctionalInterface
    interface Starter {
        Daemon start(Path configFile) throws IOException, ConfigException;
    }

    /** Where it is asked. */
    Path control();

    /** Returns once it has ended. */
    void awaitStop() throws InterruptedException;

    @Override
    void close() throws IOException;
}
