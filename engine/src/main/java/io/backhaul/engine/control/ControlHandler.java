package io.backhaul.engine.control;

import java.util.Map;

/** Answers one kind of request. Runs on the client's own thread and may block; state of a role stays on its loop. */
@FunctionalInterface
public interface ControlHandler {
    /**
     * Answers with any number of {@link ControlReply#progress} and one {@link ControlReply#done}.
     *
     * @throws ControlFault
     *             where the request cannot be fulfilled; the client is told its message
     */
    void handle(Map<String, Object> request, ControlReply reply) throws ControlFault, InterruptedException;
}
