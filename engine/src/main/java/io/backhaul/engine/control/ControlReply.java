package io.backhaul.engine.control;

import java.util.Map;

/** Where the answer to a request goes. Used by the handler's thread only. */
public interface ControlReply {
    /**
     * Sends a line on the way.
     *
     * @throws ControlFault
     *             where nobody listens any more, so that a long work can end
     */
    void progress(Map<String, ?> line) throws ControlFault;

    /** Sends the last line. */
    void done(Map<String, ?> line) throws ControlFault;
}
