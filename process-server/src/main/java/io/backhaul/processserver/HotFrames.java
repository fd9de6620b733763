package io.backhaul.processserver;

import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Position;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * The newest durable frames of a machine, kept in memory so that a target that keeps up is served without reading the
 * spool. Bounded: the oldest go first. A frame's credit is given back when it leaves. Owned by the machine's loop.
 */
final class HotFrames {
    private record Hot(Frame frame, Position before, Runnable released) {
        void leave() {
            frame.release();
            released.run();
        }
    }

    private final long maxBytes;
    private final FrameMemory.Share memory;
    private final ArrayDeque<Hot> frames = new ArrayDeque<>();
    private long bytes;

    /**
     * @param memory
     *            what the machine's frames take, these among them: where that becomes too much, these go first
     */
    HotFrames(long maxBytes, FrameMemory.Share memory) {
        this.maxBytes = maxBytes;
        this.memory = memory;
    }

    /**
     * Takes a frame over.
     *
     * @param before
     *            the position that the frame follows
     * @param released
     *            runs when the frame leaves
     */
    void add(Frame frame, Position before, Runnable released) {
        frames.add(new Hot(frame, before, released));
        bytes += frame.lengthBytes();
        while (bytes > Math.min(maxBytes, memory.allowedBytes() / 2)) {
            drop();
        }
    }

    /** The frame that comes next after the position, retained for the caller; null where it is not here. */
    @Nullable
    Frame take(Position after) {
        while (!frames.isEmpty() && after.isAtLeast(frames.getFirst().frame().last())) {
            drop();
        }
        if (frames.isEmpty() || frames.getFirst().before().compareTo(after) > 0) {
            return null;
        }
        Frame frame = frames.getFirst().frame().retain();
        drop();
        return frame;
    }

    private void drop() {
        Hot hot = frames.removeFirst();
        bytes -= hot.frame().lengthBytes();
        hot.leave();
    }

    long bytes() {
        return bytes;
    }

    void clear() {
        while (!frames.isEmpty()) {
            drop();
        }
    }
}
