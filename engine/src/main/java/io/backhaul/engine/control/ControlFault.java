package io.backhaul.engine.control;

/** A request that was not fulfilled. The message is one line for the operator: what, why and what to do. */
public final class ControlFault extends Exception {
    public ControlFault(String message) {
        super(message);
    }

    public ControlFault(String message, Throwable cause) {
        super(message, cause);
    }
}
