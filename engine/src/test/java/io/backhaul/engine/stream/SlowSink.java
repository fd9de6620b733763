package io.backhaul.engine.stream;

import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.GenerationStart;
import io.backhaul.protocol.Hello;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Positions;
import io.backhaul.protocol.Refusal;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/** Makes what it has taken durable all at once, every so often. */
final class SlowSink implements FrameSink {
    private final TestLoop loop;
    private final long syncNanos;
    final List<Position> taken = new ArrayList<>();
    private final Queue<Frame> pending = new ArrayDeque<>();
    private final Queue<Runnable> releases = new ArrayDeque<>();
    private final List<Runnable> settling = new ArrayList<>();
    private Position accepted = Position.NONE;
    private Position durable = Position.NONE;
    @Nullable
    Refusal admission;
    int controls;
    long heldBytes;
    long mostHeldBytes;
    boolean stuck;
    private boolean syncing;
    private Runnable onProgress = () -> {};

    SlowSink(TestLoop loop, long syncNanos) {
        this.loop = loop;
        this.syncNanos = syncNanos;
    }

    void onProgress(Runnable listener) {
        onProgress = listener;
    }

    Position durable() {
        return durable;
    }

    @Override
    public Position accepted() {
        return accepted;
    }

    @Override
    public Positions positions() {
        return new Positions(CountedFeed.MACHINE, accepted, durable, durable, durable, durable);
    }

    @Override
    public void whenSettled(Runnable task) {
        if (pending.isEmpty()) {
            task.run();
        } else {
            settling.add(task);
        }
    }

    @Override
    public @Nullable Refusal admit(Hello hello) {
        return admission;
    }

    @Override
    public @Nullable Refusal judge(GenerationStart start) {
        return accepted.isAtLeast(start.basis()) ? null
                : new Refusal(start.machine(), FaultCode.BASIS_UNKNOWN, "basis " + start.basis());
    }

    @Override
    public void accept(Frame frame, Runnable released) {
        taken.add(frame.last());
        accepted = frame.last();
        heldBytes += frame.lengthBytes();
        mostHeldBytes = Math.max(mostHeldBytes, heldBytes);
        pending.add(frame);
        releases.add(released);
        if (!syncing) {
            syncing = true;
            loop.schedule(syncNanos, this::sync);
        }
        onProgress.run();
    }

    private void sync() {
        if (stuck) {
            loop.schedule(syncNanos, this::sync);
            return;
        }
        syncing = false;
        for (Frame frame = pending.poll(); frame != null; frame = pending.poll()) {
            durable = frame.last();
            heldBytes -= frame.lengthBytes();
            frame.release();
        }
        for (Runnable released = releases.poll(); released != null; released = releases.poll()) {
            released.run();
        }
        onProgress.run();
        List.copyOf(settling).forEach(Runnable::run);
        settling.clear();
    }

    @Override
    public void control(Frame frame) {
        controls++;
        frame.release();
    }
}
