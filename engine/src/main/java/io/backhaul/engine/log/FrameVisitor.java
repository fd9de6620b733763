package io.backhaul.engine.log;

import io.backhaul.protocol.Frame;
import java.io.IOException;

/** Is shown one stored frame after another; the frame is valid during the call only. */
@FunctionalInterface
public interface FrameVisitor {
    void frame(Frame frame, SegmentLog.Placement at) throws IOException;
}
