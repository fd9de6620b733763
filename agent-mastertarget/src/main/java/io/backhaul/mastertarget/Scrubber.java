package io.backhaul.mastertarget;

import io.backhaul.engine.log.SegmentCheck;
import io.backhaul.engine.log.SegmentDamage;
import io.backhaul.engine.log.StoreException;
import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Reads a machine's stored files back, from time to time and when it is asked to: the journal as far as it is durable, the
 * runs of its index, old content, and the base disks but for what was never written. A small part at a time, never faster than it is allowed to, and a tenth as fast while
 * frames wait to become durable or the base disks are folded. What it finds is for {@link Damages}.
 * <p>
 * Owned by the machine's loop; reads on a lane of its own.
 */
final class Scrubber {
    private static final int STEP_BYTES = 1 << 20;
    private static final int GIVING_WAY = 10;
    private static final long FIRST_NANOS = 60_000_000_000L;
    private static final long BASELINE_NANOS = 600_000_000_000L;
    private static final long LOOK_NANOS = 10_000_000L;

    /** Who waits for a pass. */
    interface Waiter {
        /** It has come to its end. */
        void done(Result result);

        /** One sentence: what, why, what to do. */
        void failed(String why);
    }

    /**
     * What a pass came to.
     *
     * @param bytes
     *            how much was read
     * @param damaged
     *            all that is known to be damaged, and what was found to be and has been mended since
     */
    record Result(long bytes, List<MachineStatus.Damage> damaged) {}

    /**
     * How far a part has come.
     *
     * @param bytes
     *            what has been looked at; 0 at the end
     * @param read
     *            what was read for it
     */
    record Progress(long bytes, long read) {
        static final Progress END = new Progress(0, 0);

        static Progress of(long bytes) {
            return new Progress(bytes, bytes);
        }
    }

    /** A file, or what of it is left. */
    interface Part {
        /** Reads on. Blocks. */
        Progress next() throws IOException;
    }

    private final Replica replica;
    private final Lane lane;
    private final ScrubPace pace;
    private final BooleanSupplier busy;
    private final Queue<Part> parts = new ArrayDeque<>();
    private final List<Waiter> waiters = new ArrayList<>();
    private boolean running;
    private boolean reading;
    private boolean closed;
    private long doneBytes;
    private long totalBytes;
    private long endedMicros;
    private String unreadable = "";
    private boolean isBaseLeftOut;
    private Loop.@Nullable Timer timer;

    /**
     * @param busy
     *            whether others need the volume more
     */
    Scrubber(Replica replica, Lane lane, ScrubPace pace, BooleanSupplier busy) {
        this.replica = replica;
        this.lane = lane;
        this.pace = pace;
        this.busy = busy;
    }

    /** Sees to the passes that nobody asks for. */
    void begin() {
        if (!pace.period().isZero()) {
            later(Math.min(FIRST_NANOS, pace.period().toNanos()));
        }
    }

    private void later(long nanos) {
        timer = replica.loop().schedule(nanos, () -> {
            timer = null;
            if (!closed && !running) {
                pass();
            }
        });
    }

    /** Reads everything back now; where a pass is under way, from the beginning. */
    void ask(Waiter waiter) {
        waiters.add(waiter);
        if (running) {
            gather();
        } else {
            if (timer != null) {
                timer.cancel();
                timer = null;
            }
            pass();
        }
    }

    private void pass() {
        running = true;
        gather();
        step();
    }

    private void gather() {
        parts.clear();
        doneBytes = 0;
        totalBytes = 0;
        unreadable = "";
        replica.damages().noteFromNowOn();
        for (SegmentCheck check : replica.log().checks()) {
            add(check.end(), () -> {
                int from = check.offset();
                if (check.isDone()) {
                    return Progress.END;
                }
                for (SegmentDamage damage : check.next(STEP_BYTES)) {
                    replica.loop().execute(() -> replica.damages().journal(damage));
                }
                return Progress.of((long) check.offset() - from);
            });
        }
        replica.index().runs().spans().forEach(span -> {
            ExtentRun run = replica.index().runs().run(span);
            if (run != null) {
                add((long) run.pages() * RunHeader.PAGE_BYTES, new RunPart(run, replica.index().runs()));
            }
        });
        for (UndoFile file : replica.undo().all()) {
            add(file.bytes(), new UndoPart(file, replica.undo()));
        }
        isBaseLeftOut = replica.checkpoint().direct();
        for (BaseDisk disk : isBaseLeftOut ? List.<BaseDisk>of() : replica.disks().all()) {
            add(disk.sizeBytes(), new BasePart(disk, replica.damages()));
        }
    }

    private void add(long bytes, Part part) {
        parts.add(part);
        totalBytes += bytes;
    }

    private static final class RunPart implements Part {
        private final ExtentRun run;
        private final RunSet runs;
        private int page;

        RunPart(ExtentRun run, RunSet runs) {
            this.run = run;
            this.runs = runs;
        }

        @Override
        public Progress next() throws IOException {
            int from = page;
            if (page == run.pages() || !isThere()) {
                return Progress.END;
            }
            try {
                page = run.check(runs.machine(), page);
            } catch (DamagedRunException damaged) {
                if (isThere()) {
                    runs.reportDamage(run.span());
                }
                return Progress.END;
            }
            return Progress.of((long) (page - from) * RunHeader.PAGE_BYTES);
        }

        private boolean isThere() {
            ExtentRun now = runs.run(run.span());
            return now != null && now.number() == run.number();
        }
    }

    private static final class UndoPart implements Part {
        private final UndoFile file;
        private final UndoSet undo;
        private long at;

        UndoPart(UndoFile file, UndoSet undo) {
            this.file = file;
            this.undo = undo;
        }

        @Override
        public Progress next() throws IOException {
            long from = at;
            at = undo.check(file, from);
            return at < 0 ? Progress.END : Progress.of(at - from);
        }
    }

    private void step() {
        Part part = parts.peek();
        if (closed) {
            return;
        }
        if (part == null) {
            if (replica.damages().isLookingAtDisks()) {
                goOnIn(LOOK_NANOS);
            } else {
                ended();
            }
            return;
        }
        reading = true;
        lane.submit(part::next, replica.loop(), new Lane.Outcome<Progress>() {
            @Override
            public void done(Progress progress) {
                reading = false;
                if (progress.bytes == 0) {
                    parts.remove(part);
                    step();
                } else {
                    doneBytes += progress.bytes;
                    goOnAfter(progress.read);
                }
            }

            @Override
            public void failed(IOException cause) {
                reading = false;
                StoreException why = StoreException.of(cause, "reading back");
                unreadable = String.valueOf(why.getMessage());
                replica.damages().unreadable(why);
                parts.remove(part);
                goOnAfter(STEP_BYTES);
            }
        });
    }

    private void goOnAfter(long bytes) {
        double seconds = (double) bytes / pace.bytesPerSecond() * (busy.getAsBoolean() ? GIVING_WAY : 1);
        goOnIn((long) (seconds * 1e9));
    }

    private void goOnIn(long nanos) {
        timer = replica.loop().schedule(nanos, () -> {
            timer = null;
            step();
        });
    }

    private void ended() {
        running = false;
        endedMicros = replica.loop().clock().wallMicros();
        List<Waiter> all = new ArrayList<>(waiters);
        waiters.clear();
        for (Waiter each : all) {
            if (unreadable.isEmpty()) {
                each.done(new Result(doneBytes, replica.damages().noted()));
            } else {
                each.failed("a part could not be read back: " + unreadable);
            }
        }
        if (unreadable.isEmpty()) {
            replica.damages().readable();
        }
        if (!pace.period().isZero() && !closed) {
            long period = pace.period().toNanos();
            later(isBaseLeftOut ? Math.min(BASELINE_NANOS, period) : period);
        }
    }

    /** How far it is. */
    MachineStatus.Scrub status() {
        return new MachineStatus.Scrub(running, doneBytes, totalBytes, endedMicros, replica.damages().all(),
                replica.damages().asked());
    }

    /** Whether its lane reads just now. */
    boolean isReading() {
        return reading;
    }

    void close() {
        closed = true;
        if (timer != null) {
            timer.cancel();
        }
        parts.clear();
        waiters.forEach(each -> each.failed("the machine is being closed"));
        waiters.clear();
    }
}
