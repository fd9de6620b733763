package io.backhaul.source;

import io.backhaul.engine.link.Link;
import io.backhaul.engine.loop.Loop;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Identity;
import io.backhaul.protocol.Role;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Two ends of a link that deliver in order, after a while, as many bytes a second as they are told. */
final class WirePair {
    private final Steps steps;
    private final Steps.Life life = new Steps.Life();
    private final long bytesPerSecond;
    final End near;
    final End far;
    private boolean cut;

    WirePair(Steps steps, UUID machine, long bytesPerSecond) {
        this.steps = steps;
        this.bytesPerSecond = bytesPerSecond;
        this.near = new End(new Identity(Role.PROCESS_SERVER, new UUID(9, 9)));
        this.far = new End(new Identity(Role.SOURCE, machine));
        near.other = far;
        far.other = near;
    }

    /** Nothing arrives any more, not even what is on its way; both ends hear of it. */
    void cut() {
        if (!cut) {
            cut = true;
            near.gone("cut");
            far.gone("cut");
        }
    }

    boolean isCut() {
        return cut;
    }

    final class End implements Link {
        private final Identity peer;
        private final Deque<Frame> onTheWay = new ArrayDeque<>();
        private final Deque<Frame> unheard = new ArrayDeque<>();
        private @Nullable End other;
        private @Nullable Listener listener;
        private @Nullable Loop loop;
        private long queued;
        private long received;
        private long busyUntil;

        End(Identity peer) {
            this.peer = peer;
        }

        @Override
        public Identity peer() {
            return peer;
        }

        @Override
        public String remoteAddress() {
            return "test";
        }

        @Override
        public void attach(Loop attachedTo, Listener next) {
            loop = attachedTo;
            listener = next;
            while (!unheard.isEmpty()) {
                next.frame(unheard.remove());
            }
        }

        @Override
        public void send(Frame frame) {
            End target = other;
            if (cut || target == null) {
                frame.release();
                return;
            }
            onTheWay.add(frame);
            queued += frame.lengthBytes();
            long now = steps.clock().nanos();
            busyUntil = Math.max(busyUntil, now) + frame.lengthBytes() * 1_000_000_000L / bytesPerSecond;
            steps.after(busyUntil - now + 50_000, life, () -> deliver(target));
        }

        private void deliver(End target) {
            Frame frame = onTheWay.poll();
            if (frame == null) {
                return;
            }
            queued -= frame.lengthBytes();
            target.received += frame.lengthBytes();
            Listener hearing = target.listener;
            if (hearing == null) {
                target.unheard.add(frame);
            } else {
                hearing.frame(frame);
            }
            Listener own = listener;
            if (own != null && !cut) {
                own.drained();
            }
        }

        @Override
        public void hold(boolean nothingMore) {
            throw new UnsupportedOperationException("nobody holds back what comes over this link");
        }

        @Override
        public long receivedBytes() {
            return received;
        }

        @Override
        public long queuedBytes() {
            return queued;
        }

        @Override
        public void close() {
            steps.after(1_000_000, life, WirePair.this::cut);
        }

        private void gone(String why) {
            onTheWay.forEach(Frame::release);
            onTheWay.clear();
            unheard.forEach(Frame::release);
            unheard.clear();
            Listener hearing = listener;
            Loop at = loop;
            if (hearing != null && at != null) {
                at.execute(() -> hearing.closed(why));
            }
        }
    }
}
