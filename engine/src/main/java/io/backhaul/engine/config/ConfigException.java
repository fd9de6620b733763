package io.backhaul.engine.config;

/**
 * A configuration that cannot be used. The message is one line for the operator: where, what, why and what to do.
 */
public final class ConfigException extends Exception {
    public ConfigException(String message) {
        super(message);
    }

    public ConfigException(String message, Throwable cause) {
        super(message, cause);
    }
}
