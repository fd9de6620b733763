package io.backhaul.simulation.world;

/**
 * Unwinds the call in which a simulated process was killed. Nothing of the process may run behind it; files and devices
 * throw it again from every call that a finally block makes.
 */
public final class ProcessKilled extends Error {
    private static final long serialVersionUID = 1L;

    ProcessKilled(String process) {
        super(process + " was killed here", null, false, false);
    }
}
