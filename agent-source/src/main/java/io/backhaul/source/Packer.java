package io.backhaul.source;

import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.time.Clock;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.WriteBatchBuilder;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;

/**
 * Turns sealed pieces into frames, on a lane and in order: compresses, checksums. At most one work of it is on the lane at a
 * time. Pieces are handed over under the stream's lock; frames come out on the loop.
 */
final class Packer implements Sealed.Outlet {
    private static final int PIECES_AT_ONCE = 16;

    /** What a packer stands on. */
    record Ports(Loop loop, Lane lane, Room room, CompressionPolicy policy, WriteBatchBuilder.Compressor compressor) {}

    /**
     * A frame in the making's end.
     *
     * @param roomBytes
     *            room that it holds now
     * @param plainBytes
     *            payload before compression
     */
    record Packed(Frame frame, long roomBytes, long plainBytes, long openedNanos) {}

    /** Who gets the frames, in order, and owns them; on the loop. */
    interface Sink {
        void packed(List<Packed> frames);
    }

    private final Ports ports;
    private final Clock clock;
    private final Sink sink;
    private final Queue<Sealed> waiting = new ArrayDeque<>();
    private boolean working;
    private boolean closed;
    private volatile int unfinished;

    Packer(Ports ports, Sink sink) {
        this.ports = ports;
        this.clock = ports.loop().clock();
        this.sink = sink;
    }

    @Override
    public void sealed(Sealed piece) {
        synchronized (waiting) {
            if (closed) {
                piece.discard();
                ports.room().give(piece.roomBytes());
                return;
            }
            waiting.add(piece);
            unfinished = waiting.size() + 1;
            if (working) {
                return;
            }
            working = true;
        }
        submit();
    }

    /** Whether nothing has been sealed that the sink has not seen. On the loop. */
    boolean isIdle() {
        return unfinished == 0;
    }

    private void submit() {
        ports.lane().submit(this::work, ports.loop(), new Lane.Outcome<List<Packed>>() {
            @Override
            public void done(List<Packed> frames) {
                synchronized (waiting) {
                    unfinished = waiting.size() + (working ? 1 : 0);
                }
                sink.packed(frames);
            }

            @Override
            public void failed(IOException cause) {
                close();
            }
        });
    }

    private List<Packed> work() {
        List<Packed> frames = new ArrayList<>();
        while (frames.size() < PIECES_AT_ONCE) {
            Sealed piece;
            synchronized (waiting) {
                piece = waiting.poll();
                if (piece == null) {
                    working = false;
                    return frames;
                }
            }
            frames.add(pack(piece));
        }
        submit();
        return frames;
    }

    private Packed pack(Sealed piece) {
        return switch (piece) {
            case Sealed.Ready ready -> new Packed(ready.frame(), ready.roomBytes(), 0, ready.openedNanos());
            case Sealed.Batch batch -> pack(batch);
        };
    }

    private Packed pack(Sealed.Batch batch) {
        long plainBytes = batch.builder().payloadBytes();
        Frame frame;
        if (plainBytes > 0 && ports.policy().attempt()) {
            long begun = clock.nanos();
            frame = batch.builder().close(batch.heading(), ports.compressor());
            long stored = frame.isCompressed() ? frame.lengthBytes() : plainBytes;
            ports.policy().attempted(plainBytes, Math.min(stored, plainBytes), clock.nanos() - begun);
        } else {
            frame = batch.builder().close(batch.heading());
        }
        long room = frame.bytes().capacity();
        ports.room().take(room);
        ports.room().give(batch.roomBytes());
        return new Packed(frame, room, plainBytes, batch.openedNanos());
    }

    /** Drops what waits; what comes later is dropped too. */
    void close() {
        synchronized (waiting) {
            closed = true;
            for (Sealed piece : waiting) {
                piece.discard();
                ports.room().give(piece.roomBytes());
            }
            waiting.clear();
        }
    }
}
