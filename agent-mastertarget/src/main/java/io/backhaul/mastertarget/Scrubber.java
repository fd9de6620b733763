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
 * runs of its index, and old content. A small part at a time, never faster than it is allowed to, and a tenth as fast while
 * frames wait to become durable or the base disks are folded. What it finds is for {@link Damages}.
 * <p>
 * Owned by the machine's loop; reads on a lane of its own.
 */
final class Scrubber {
    private static final int STEP_BYTES = 1 << 20;
    private static final int GIVING_WAY = 10;
    private static final long FIRST_NANOS = 60_000_000_000L;

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

    /** A file, or what of it is left. */
    private interface Part {
        /** Reads on; answers how many bytes, and 0 at the end. Blocks. */
        long next() throws IOException;
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
                    return 0;
                }
                for (SegmentDamage damage : check.next(STEP_BYTES)) {
                    replica.loop().execute(() -> replica.damages().journal(damage));
                }
                return (long) check.offset() - from;
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
        public long next() throws IOException {
            int from = page;
            if (page == run.pages() || !isThere()) {
                return 0;
            }
            try {
                page = run.check(runs.machine(), page);
            } catch (DamagedRunException damaged) {
                if (isThere()) {
                    runs.reportDamage(run.span());
                }
                return 0;
            }
            return (long) (page - from) * RunHeader.PAGE_BYTES;
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
        public long next() throws IOException {
            long from = at;
            at = undo.check(file, from);
            return at < 0 ? 0 : at - from;
        }
    }

    private void step() {
        Part part = parts.peek();
        if (closed) {
            return;
        }
        if (part == null) {
            ended();
            return;
        }
        reading = true;
        lane.submit(part::next, replica.loop(), new Lane.Outcome<Long>() {
            @Override
            public void done(Long bytes) {
                reading = false;
                if (bytes == 0) {
                    parts.remove(part);
                    step();
                } else {
                    doneBytes += bytes;
                    goOnAfter(bytes);
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
        timer = replica.loop().schedule((long) (seconds * 1e9), () -> {
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
            later(pace.period().toNanos());
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
