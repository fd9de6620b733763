package io.backhaul.mastertarget;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.engine.log.StoreException;
import io.backhaul.engine.loop.Lane;
import io.backhaul.protocol.DigestRequest;
import io.backhaul.protocol.Digests;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Answers what the newest state holds: from the base disks while the stream goes there, from a view of the newest position
 * otherwise. A request waits until the state it asks for can be read; what comes when too many wait is told to come again.
 * <p>
 * A digest may also be that of a chunk that is being written meanwhile: whatever changes it stands in the stream behind
 * the state asked for. Owned by the machine's loop; reads on a lane of its own.
 */
final class Digester {
    /** Whom its view is for. */
    static final String HOLDER = "comparison";
    private static final int MAX_WAITING = 64;
    private static final long VIEW_IDLE_NANOS = 5_000_000_000L;

    private record Waiting(DigestRequest request, Consumer<Digests> answer) {}

    private final Replica replica;
    private final Intake intake;
    private final Views views;
    private final Lane lane;
    private final Consumer<StoreException> faulted;
    private final ArrayDeque<Waiting> queue = new ArrayDeque<>();
    private @Nullable View view;
    private long usedNanos;
    private boolean busy;
    private boolean closed;

    Digester(Replica replica, Intake intake, Views views, Lane lane, Consumer<StoreException> faulted) {
        this.replica = replica;
        this.intake = intake;
        this.views = views;
        this.lane = lane;
        this.faulted = faulted;
    }

    void ask(DigestRequest request, Consumer<Digests> answer) {
        if (queue.size() >= MAX_WAITING || closed) {
            answer.accept(Digests.none(request, Digests.Status.UNAVAILABLE));
        } else {
            queue.add(new Waiting(request, answer));
            progressed();
        }
    }

    /** More can be read than before. */
    void progressed() {
        // An answer also says that the position asked for is journaled.
        if (busy || queue.isEmpty() || !intake.journaled().isAtLeast(queue.getFirst().request.notBefore())) {
            return;
        }
        Waiting next = queue.removeFirst();
        DigestRequest request = next.request;
        if (!replica.disks().has(request.disk()) || !ChunkDigests.isInside(request, sizeBytes(request.disk()))) {
            next.answer.accept(Digests.none(request, Digests.Status.NOT_FOUND));
            progressed();
        } else if (replica.checkpoint().direct()) {
            BaseDisk disk = replica.disks().disk(request.disk());
            compute(next, new ChunkDigests.Reader() {
                @Override
                public void read(long offset, ByteBuffer target) throws IOException {
                    disk.read(offset, target);
                }

                @Override
                public void extents(long offset, long length, BlockDevice.ExtentVisitor visitor) throws IOException {
                    disk.extents(offset, length, visitor);
                }
            });
        } else {
            fromView(next);
        }
    }

    private long sizeBytes(int disk) {
        return replica.disks().disk(disk).placed().disk().sizeBytes();
    }

    private void fromView(Waiting next) {
        View open = view;
        if (open != null && open.position().isAtLeast(next.request.notBefore())) {
            computeFrom(open, next);
            return;
        }
        letGo();
        busy = true;
        Position newest = intake.readable();
        views.open(newest, HOLDER, lane, new Lane.Outcome<View>() {
            @Override
            public void done(View opened) {
                busy = false;
                if (closed) {
                    opened.close();
                    return;
                }
                view = opened;
                computeFrom(opened, next);
                usedNanos = replica.loop().clock().nanos();
                replica.loop().schedule(VIEW_IDLE_NANOS, () -> letGoIdle(opened));
            }

            @Override
            public void failed(IOException cause) {
                unavailable(next, cause);
            }
        });
    }

    private void computeFrom(View open, Waiting next) {
        usedNanos = replica.loop().clock().nanos();
        for (View.Disk each : open.disks()) {
            if (each.index() == next.request.disk()) {
                BlockDevice device = each.device();
                compute(next, new ChunkDigests.Reader() {
                    @Override
                    public void read(long offset, ByteBuffer target) throws IOException {
                        device.read(offset, target);
                    }

                    @Override
                    public void extents(long offset, long length, BlockDevice.ExtentVisitor visitor)
                            throws IOException {
                        device.extents(offset, length, visitor);
                    }
                });
            }
        }
    }

    private void compute(Waiting next, ChunkDigests.Reader disk) {
        busy = true;
        long size = sizeBytes(next.request.disk());
        UUID id = replica.checkpoint().replica();
        lane.submit(() -> ChunkDigests.answer(disk, id, size, next.request), replica.loop(),
                new Lane.Outcome<Digests>() {
                    @Override
                    public void done(Digests digests) {
                        busy = false;
                        next.answer.accept(digests);
                        progressed();
                    }

                    @Override
                    public void failed(IOException cause) {
                        unavailable(next, cause);
                    }
                });
    }

    private void unavailable(Waiting next, IOException cause) {
        busy = false;
        faulted.accept(StoreException.of(cause, "reading for a comparison"));
        next.answer.accept(Digests.none(next.request, Digests.Status.UNAVAILABLE));
        progressed();
    }

    private void letGoIdle(View opened) {
        View open = view;
        if (open == null || open.number() != opened.number()) {
            return;
        }
        long idle = replica.loop().clock().nanos() - usedNanos;
        if (!busy && idle >= VIEW_IDLE_NANOS) {
            letGo();
        } else {
            replica.loop().schedule(VIEW_IDLE_NANOS, () -> letGoIdle(opened));
        }
    }

    private void letGo() {
        View open = view;
        view = null;
        if (open != null) {
            open.close();
        }
    }

    /** What it was closed for does not come about. */
    void reopen() {
        closed = false;
    }

    /** Forgets what waits, and lets its view go. */
    void close() {
        closed = true;
        queue.clear();
        if (!busy) {
            letGo();
        }
    }
}
