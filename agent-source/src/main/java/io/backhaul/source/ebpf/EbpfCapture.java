package io.backhaul.source.ebpf;

import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.loop.Monitor;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Position;
import io.backhaul.source.Capture;
import io.backhaul.source.ChangeStream;
import io.backhaul.source.Observation;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * The capture that observes: reads the ring into the stream while the stream has room, and gives the ring back what is
 * released. What the stream has no room for stays in the ring, which so is the send window; what the ring has no room for
 * is marked by the kernel, and read from the disks again.
 *
 * <p>
 * The ring is read on a lane of its own; {@link #released} and {@link #end} come on the session's loop; {@link #barrier} and
 * the waits of {@link Observation} on the reader's lane; the rest of {@link Observation} under the stream's lock.
 */
public final class EbpfCapture implements Capture, Observation {
    private static final long RECORD_BYTES = 128 << 10;
    private static final long ROUND_BYTES = 4 << 20;
    private static final long CHECKPOINT_BYTES = 256 << 10;
    private static final long PAUSE_NANOS = 500_000;
    private static final long LONGEST_PAUSE_NANOS = 5_000_000;

    private final Ports ports;
    private final CaptureRing ring;
    private final Notes notes;
    private final CaptureRing.Cursor cursor = new CaptureRing.Cursor();
    private final Deque<Checkpoint> checkpoints = new ArrayDeque<>();
    private @Nullable ChangeStream stream;
    private long pauseNanos = PAUSE_NANOS;
    /** How far the ring has been read; set by the lane while the stream is open, and when the stream is taken up. */
    private volatile long read;
    /** All that is released; with the checkpoints. */
    private Position safe = Position.NONE;
    private boolean ended;
    private long noticed;
    private long checkpointed;
    private Position lastCheckpoint = Position.NONE;

    /** What a capture stands on. The lane is its own. */
    public record Ports(Loop loop, Lane lane, Monitor monitor) {}

    /** The ring before {@code ringPosition} is in the stream up to {@code last}. */
    private record Checkpoint(Position last, long ringPosition) {}

    public EbpfCapture(Ports ports, CaptureRing ring) {
        this.ports = ports;
        this.ring = ring;
        this.notes = new Notes(ring.notes());
        this.read = ring.tail();
        this.checkpointed = read;
        this.noticed = notes.losses();
    }

    @Override
    public void attach(ChangeStream target) {
        stream = target;
        target.lossesTakenBefore(noticed);
        ports.loop().execute(this::poll);
    }

    private ChangeStream stream() {
        ChangeStream attached = stream;
        if (attached == null) {
            throw new IllegalStateException("the stream is not attached");
        }
        return attached;
    }

    private void poll() {
        if (isEnded()) {
            return;
        }
        ports.lane().submit(this::drain, ports.loop(), new Lane.Outcome<Boolean>() {
            @Override
            public void done(Boolean busy) {
                pauseNanos = busy ? PAUSE_NANOS : Math.min(pauseNanos * 2, LONGEST_PAUSE_NANOS);
                if (busy) {
                    poll();
                } else {
                    ports.loop().schedule(pauseNanos, EbpfCapture.this::poll);
                }
            }

            @Override
            public void failed(IOException cause) {
                ports.loop().schedule(LONGEST_PAUSE_NANOS, EbpfCapture.this::poll);
            }
        });
    }

    private boolean isEnded() {
        ports.monitor().lock();
        try {
            return ended;
        } finally {
            ports.monitor().unlock();
        }
    }

    /** Reads what there is and the stream takes; says whether there may be more at once. On the lane. */
    private boolean drain() throws IOException {
        ChangeStream into = stream();
        boolean open = into.isOpen();
        if (!open) {
            progress();
            return false;
        }
        long losses = ring.losses();
        long head = ring.head();
        long from = read;
        long at = from;
        while (at < head && at - from < ROUND_BYTES && into.takesObserved(RECORD_BYTES)) {
            repeatKept(into);
            if (!ring.read(at, cursor)) {
                break;
            }
            handOver(into, at);
            at = cursor.next;
            if (at - checkpointed >= CHECKPOINT_BYTES) {
                checkpoint(into, at);
            }
        }
        repeatKept(into);
        if (at >= head) {
            notice(into, losses);
        }
        if (at != checkpointed || !into.captured().equals(lastCheckpoint)) {
            checkpoint(into, at);
        }
        read = at;
        progress();
        return at != from;
    }

    /** Frames of an earlier life, where it is their turn. */
    private void repeatKept(ChangeStream into) {
        while (into.isReplaying()) {
            Frame kept = notes.kept(into.captured().sequence() + 1);
            if (kept == null) {
                return;
            }
            into.repeated(kept);
        }
    }

    private void handOver(ChangeStream into, long at) {
        notice(into, cursor.losses);
        switch (cursor.kind) {
            case DATA -> into.observed(at, cursor.disk, cursor.offset, cursor.data);
            case ZERO -> into.observedZero(at, cursor.disk, cursor.offset, cursor.lengthBytes);
            case UNKNOWN -> into.failed(cursor.disk, cursor.offset, cursor.lengthBytes);
            case NOTHING -> {
            }
        }
    }

    private void notice(ChangeStream into, long losses) {
        if (losses > noticed) {
            noticed = losses;
            into.noticeLosses(losses);
        }
    }

    private void checkpoint(ChangeStream into, long at) {
        Checkpoint next = new Checkpoint(into.captured(), at);
        checkpointed = at;
        lastCheckpoint = next.last;
        synchronized (checkpoints) {
            checkpoints.add(next);
            // It may have become safe before anyone looked.
            giveBack();
        }
    }

    /** Wakes those who wait for it; they look whether the stream is still open, too. */
    private void progress() {
        ports.monitor().lock();
        try {
            ports.monitor().signalAll();
        } finally {
            ports.monitor().unlock();
        }
    }

    @Override
    public void released(Position upTo) {
        synchronized (checkpoints) {
            safe = upTo;
            giveBack();
        }
    }

    private void giveBack() {
        Checkpoint last = null;
        for (Checkpoint first = checkpoints.peek(); first != null
                && safe.isAtLeast(first.last); first = checkpoints.peek()) {
            last = checkpoints.poll();
        }
        if (last != null) {
            notes.anchor(new Notes.Anchor(last.ringPosition, last.last.generation(), last.last.sequence() + 1),
                    ring.tail());
            ring.release(last.ringPosition);
        }
    }

    @Override
    public void barrier() throws IOException {
        if (ring.losses() > notes.losses()) {
            stream().takeLosses(visitor -> {
                long count = ring.takeLosses(visitor);
                notes.lossesTaken(count);
                return count;
            });
        }
        follow();
    }

    @Override
    public boolean isDoubted() {
        return ring.undurable() > 0;
    }

    @Override
    public long head() {
        return ring.head();
    }

    @Override
    public boolean isBehind() {
        return read < ring.head();
    }

    @Override
    public void settle() throws IOException {
        ring.settle();
    }

    @Override
    public void follow() throws IOException {
        long target = ring.head();
        ports.monitor().lock();
        try {
            while (!ended && stream().isOpen() && (read < target || stream().isReplaying())) {
                ports.monitor().await();
            }
            if (read < target) {
                throw new IOException("the stream has ended before all that was observed was in it");
            }
        } finally {
            ports.monitor().unlock();
        }
    }

    @Override
    public void end() {
        ports.monitor().lock();
        try {
            ended = true;
            ports.monitor().signalAll();
        } finally {
            ports.monitor().unlock();
        }
    }

    @Override
    public Observation observation() {
        return this;
    }

    @Override
    public void begun(long generation) {
        notes.begun(generation);
    }

    @Override
    public void reached(Position last) {
        notes.reached(last.sequence());
    }

    @Override
    public void ordered(Frame frame) {
        notes.ordered(frame);
    }

    @Override
    public void disordered() {
        notes.disordered();
    }

    @Override
    public void marked(Frame frame) {
        notes.keep(frame);
    }

    @Override
    public @Nullable Continuation continuation() {
        return notes.continuation(ring.tail());
    }

    @Override
    public long unbrokenSince() {
        return notes.generation();
    }

    @Override
    public boolean outlivesProcess() {
        return true;
    }

    @Override
    public void forget() throws IOException {
        ring.losses();
        noticed = ring.takeLosses((disk, offset, lengthBytes) -> {});
        notes.begun(0);
        notes.lossesTaken(noticed);
        long head = ring.head();
        long at = ring.tail();
        for (int looks = 0; at < head; looks++) {
            // One that is being written is so for microseconds.
            if (ring.read(at, cursor)) {
                at = cursor.next;
                looks = 0;
            } else if (looks == Integer.MAX_VALUE) {
                throw new IOException("a write has been recorded in the kernel for too long; start again");
            }
        }
        ring.release(at);
        read = at;
        checkpointed = at;
    }

    /** What lies before the position is in the dirty map, and elsewhere too: it is passed over. */
    @Override
    public void resume(Position durable) {
        Notes.Anchor anchor = notes.anchorAt(ring.tail());
        if (anchor == null) {
            throw new IllegalStateException("nothing to go on from");
        }
        long at = anchor.position();
        for (long sequence = anchor.sequence(); sequence <= durable.sequence(); sequence++) {
            Frame kept = notes.kept(sequence);
            if (kept != null) {
                kept.release();
                continue;
            }
            do {
                if (at >= ring.head() || !ring.read(at, cursor)) {
                    throw new IllegalStateException("the ring ends before " + durable);
                }
                at = cursor.next;
            } while (cursor.kind == CaptureRing.Kind.NOTHING);
        }
        read = at;
        checkpoint(stream(), at);
    }
}
