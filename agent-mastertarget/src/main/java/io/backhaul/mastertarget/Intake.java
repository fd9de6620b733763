package io.backhaul.mastertarget;

import io.backhaul.engine.log.LogWriter;
import io.backhaul.engine.log.SegmentLog.Placement;
import io.backhaul.engine.log.StoreException;
import io.backhaul.engine.loop.Lane;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.FidelityChange;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.FrameType;
import io.backhaul.protocol.GenerationStart;
import io.backhaul.protocol.MalformedBodyException;
import io.backhaul.protocol.Mark;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.WriteBatch;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/**
 * Takes the machine's stream and sees it become durable: straight into the base disks before the first recovery point, into
 * the journal from then on. While it turns from one to the other, or makes the disks of the first generation, frames wait.
 * <p>
 * Owned by the machine's loop; owns every frame it was given until it is durable or given up.
 */
final class Intake {
    private static final long RETRY_NANOS = 1_000_000_000L;

    /** Who is told. */
    interface Listener {
        /** Something has become durable, or readable. */
        void progressed();

        /** The stream cannot go on as it came: the sender must begin again behind what is durable. */
        void refuse(FaultCode code, String text);

        /** A store has failed, is full or corrupt. */
        void faulted(StoreException cause);

        /** It works again. */
        void mended();
    }

    private record Arrived(Frame frame, Runnable released) {}

    private final Replica replica;
    private final BaseDisks source;
    private final Listener listener;
    private final LogWriter writer;
    private final DirectIntake direct;
    private final ArrayDeque<Arrived> held = new ArrayDeque<>();
    private final Queue<Runnable> waiters = new ArrayDeque<>();
    private Position accepted;
    private Position routed;
    private boolean turning;
    private boolean restarting;
    private boolean awaitsWriter;
    private boolean closed;
    private long journaledBytes;

    Intake(Replica replica, BaseDisks source, Lane flushLane, Listener listener) {
        this.replica = replica;
        this.source = source;
        this.listener = listener;
        this.writer = new LogWriter(replica.loop(), replica.store(), replica.log(), bytes -> null, new Journaling());
        this.direct = new DirectIntake(replica, flushLane, this::progressed, this::directFailed);
        this.accepted = journaled();
        this.routed = accepted;
    }

    private boolean isDirect() {
        return replica.checkpoint().direct();
    }

    Position accepted() {
        return accepted;
    }

    /** The last position that is durable here. */
    Position journaled() {
        return isDirect() ? replica.base() : writer.durable();
    }

    /** The last position whose state can be read back. */
    Position readable() {
        return isDirect() ? direct.applied() : writer.durable();
    }

    /** Whether something that was accepted waits to be durable. */
    boolean isWaiting() {
        return journaled().isBefore(accepted);
    }

    long journaledBytes() {
        return journaledBytes;
    }

    /** Room has been made: what failed is tried again at once. */
    void tryAgain() {
        writer.tryAgain();
    }

    /** Takes a frame over that follows {@link #accepted}. */
    void accept(Frame frame, Runnable released) {
        String defect = closed ? "closed" : defect(frame);
        if (!defect.isEmpty()) {
            frame.release();
            released.run();
            listener.refuse(FaultCode.BAD_FRAME, defect);
            return;
        }
        accepted = frame.last();
        if (buildsOnNothing(frame)) {
            replica.beginnings().add(frame.first());
        }
        Arrived arrived = new Arrived(frame, released);
        if (turning) {
            held.add(arrived);
        } else {
            route(arrived);
        }
    }

    /** What is wrong with a frame that the protocol could not see; empty where nothing is. */
    private String defect(Frame frame) {
        try {
            switch (frame.type()) {
                case GENERATION -> GenerationStart.read(frame);
                case FIDELITY -> FidelityChange.read(frame);
                case MARK -> Mark.read(frame);
                case WRITES -> {
                    return defect(WriteBatch.open(frame));
                }
                default -> {
                    return frame.type() + " is no stream frame";
                }
            }
            return "";
        } catch (MalformedBodyException malformed) {
            return String.valueOf(malformed.getMessage());
        }
    }

    private String defect(WriteBatch batch) {
        if (replica.checkpoint().disks().isEmpty()) {
            return "";
        }
        for (int i = 0; i < batch.records(); i++) {
            if (!replica.disks().contains(batch.disk(i), batch.offset(i), batch.lengthBytes(i))) {
                return batch.lengthBytes(i) + " bytes at " + batch.offset(i) + " are not inside disk " + batch.disk(i);
            }
        }
        return "";
    }

    private void route(Arrived arrived) {
        Frame frame = arrived.frame;
        if (frame.type() == FrameType.GENERATION && replica.checkpoint().disks().isEmpty()) {
            makeDisks(arrived);
        } else if (!isDirect()) {
            routed = frame.last();
            writer.append(frame, new Journaled(arrived));
        } else if (makesPoints(frame)) {
            turn(arrived);
        } else {
            routed = frame.last();
            direct.append(frame, arrived.released);
        }
    }

    private static boolean buildsOnNothing(Frame frame) {
        try {
            return frame.type() == FrameType.GENERATION && GenerationStart.read(frame).basis().equals(Position.NONE);
        } catch (MalformedBodyException checkedBefore) {
            throw new IllegalStateException(checkedBefore);
        }
    }

    private static boolean makesPoints(Frame frame) {
        try {
            return switch (frame.type()) {
                case FIDELITY -> FidelityChange.read(frame).fidelity() == Fidelity.ORDERED;
                default -> false;
            };
        } catch (MalformedBodyException checkedBefore) {
            throw new IllegalStateException(checkedBefore);
        }
    }

    private void makeDisks(Arrived first) {
        turning = true;
        GenerationStart start;
        try {
            start = GenerationStart.read(first.frame);
        } catch (MalformedBodyException checkedBefore) {
            throw new IllegalStateException(checkedBefore);
        }
        replica.placeDisks(source, start, new Lane.Outcome<BaseSet>() {
            @Override
            public void done(BaseSet opened) {
                turned(first);
            }

            @Override
            public void failed(IOException cause) {
                notTurned(first, cause);
            }
        });
    }

    /** From the base disks to the journal: once all that came is durable, a journal is begun that builds on them. */
    private void turn(Arrived first) {
        turning = true;
        held.addFirst(first);
        goOnTurning();
    }

    private void goOnTurning() {
        if (restarting || replica.checkpoint().disks().isEmpty()) {
            return;
        }
        if (!direct.isSettled()) {
            direct.commitSoon();
            return;
        }
        restarting = true;
        writer.restartAt(replica.base(), this::leaveDirect);
    }

    private void leaveDirect() {
        replica.save(Replica.Step.NOTHING, was -> was.withDirect(false), cause -> {
            if (!closed) {
                listener.faulted(StoreException.of(cause, "saving the machine's state"));
                replica.loop().schedule(RETRY_NANOS, this::leaveDirect);
            }
        }, () -> {
            restarting = false;
            replica.beginJournal();
            if (!held.isEmpty()) {
                turned(held.removeFirst());
            }
        });
    }

    private void turned(Arrived first) {
        turning = false;
        if (closed) {
            give(first);
            return;
        }
        route(first);
        while (!turning && !held.isEmpty()) {
            Arrived next = held.removeFirst();
            String defect = defect(next.frame);
            if (defect.isEmpty()) {
                route(next);
            } else {
                held.addFirst(next);
                giveUpHeld(FaultCode.BAD_FRAME, defect);
            }
        }
        progressed();
    }

    private void notTurned(Arrived first, IOException cause) {
        turning = false;
        held.addFirst(first);
        if (cause instanceof BaseDisks.UnfitDiskException unfit) {
            giveUpHeld(unfit.code(), String.valueOf(cause.getMessage()));
        } else {
            StoreException why = StoreException.of(cause, "making the machine's disks");
            listener.faulted(why);
            giveUpHeld(why.code(), String.valueOf(why.getMessage()));
        }
    }

    private void directFailed(IOException cause) {
        turning = false;
        routed = direct.applied();
        StoreException why = StoreException.of(cause, "writing the base disks");
        listener.faulted(why);
        giveUpHeld(why.code(), String.valueOf(why.getMessage()));
    }

    /** What is not durable is given up; the sender is told, and comes again. */
    private void giveUpHeld(FaultCode code, String text) {
        List<Arrived> lost = new ArrayList<>(held);
        held.clear();
        lost.forEach(Intake::give);
        accepted = routed;
        listener.refuse(code, text);
        settle();
    }

    private static void give(Arrived arrived) {
        arrived.frame.release();
        arrived.released.run();
    }

    private void progressed() {
        if (turning && isDirect()) {
            goOnTurning();
        }
        listener.progressed();
        settle();
    }

    /** Runs the task once all that was accepted is durable; where a store fails, what is not durable is given up first. */
    void whenSettled(Runnable task) {
        waiters.add(task);
        settle();
    }

    private void settle() {
        if (waiters.isEmpty() || turning || closed) {
            return;
        }
        if (isDirect()) {
            if (direct.isSettled()) {
                settled();
            } else {
                direct.commitSoon();
            }
            return;
        }
        if (writer.fault() != null) {
            writer.abandon();
            routed = writer.accepted();
            accepted = routed;
        }
        if (!awaitsWriter) {
            awaitsWriter = true;
            writer.whenSettled(() -> {
                awaitsWriter = false;
                if (!turning && !isDirect() && !closed) {
                    // Also where it is settled because what waited was given up: accepted is what is durable.
                    routed = writer.accepted();
                    accepted = routed;
                    settled();
                }
            });
        }
    }

    private void settled() {
        while (!waiters.isEmpty()) {
            waiters.remove().run();
        }
    }

    /** Stops: gives up what is not being written already. */
    void close() {
        closed = true;
        waiters.clear();
        direct.close();
        writer.close();
        new ArrayList<>(held).forEach(Intake::give);
        held.clear();
    }

    /** Gets a frame back from the journal. */
    private final class Journaled implements LogWriter.Taker {
        private final Arrived arrived;

        Journaled(Arrived arrived) {
            this.arrived = arrived;
        }

        @Override
        public void durable(Frame frame, Placement at) {
            try {
                replica.index().add(frame, at);
                replica.timeline().add(frame);
            } catch (MalformedBodyException checkedBefore) {
                throw new IllegalStateException(checkedBefore);
            }
            journaledBytes += frame.lengthBytes();
            give(arrived);
        }

        @Override
        public void abandoned(Frame frame) {
            give(arrived);
        }
    }

    private final class Journaling implements LogWriter.Listener {
        @Override
        public void committed(Position durable) {
            progressed();
        }

        @Override
        public void faulted(StoreException cause) {
            listener.faulted(cause);
            settle();
        }

        @Override
        public void mended() {
            listener.mended();
        }
    }

    /** Of what comes next. */
    Fidelity fidelity() {
        return isDirect() ? direct.fidelity() : replica.timeline().fidelity();
    }

    /** Why nothing becomes durable at present; null where it does. */
    @Nullable
    StoreException fault() {
        return writer.fault();
    }
}
