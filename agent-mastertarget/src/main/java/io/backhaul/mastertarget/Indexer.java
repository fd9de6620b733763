package io.backhaul.mastertarget;

import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import io.backhaul.mastertarget.RunHeader.Span;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts sealed units into runs, merges runs, and deletes those that nothing needs: one piece of work at a time on a lane of
 * its own. A merge is done in steps, so that no unit waits for it. Whatever fails is tried again: nothing depends on it but
 * how fast points open, and how much must be read again after a start.
 * <p>
 * Owned by the machine's loop.
 */
final class Indexer {
    private static final Logger LOG = LoggerFactory.getLogger(Indexer.class);
    private static final long RETRY_NANOS = 1_000_000_000L;
    private static final int PIECES_PER_STEP = 1 << 16;

    private final JournalIndex index;
    private final RunSet runs;
    private final Loop loop;
    private final Lane lane;
    private final int[] disks;
    private final TreeSet<Long> missing = new TreeSet<>();
    private final Set<Span> merges = new LinkedHashSet<>();
    private final List<Span> gone = new ArrayList<>();
    private Progress.@Nullable Merge merge;
    private @Nullable Damages damages;
    private boolean busy;
    private boolean paused;
    private boolean closed;

    /** How far a merge is. */
    private sealed interface Progress {
        /** It has begun. */
        record Merge(Span span, RunWriter writer, Piece.Source source) implements Progress {}

        /** It has ended. */
        record Merged(RunHeader header) implements Progress {}
    }

    /**
     * @param disks
     *            the machine's disks, rising
     */
    Indexer(JournalIndex index, Loop loop, Lane lane, int[] disks) {
        this.index = index;
        this.runs = index.runs();
        this.loop = loop;
        this.lane = lane;
        this.disks = disks;
        index.whenSealed(() -> {
            missing.add(runs.units().lastKey());
            consider();
        });
    }

    /** Who is told of runs that have rotted, and of those that are whole. */
    Indexer telling(Damages told) {
        damages = told;
        return this;
    }

    /** Begins with what was found at start. */
    void begin() {
        runs.whenDamaged(span -> loop.execute(() -> damaged(span)));
        for (long unit : runs.units().keySet()) {
            if (runs.run(RunSet.span(0, unit)) == null) {
                missing.add(unit);
            }
        }
        for (Span span : runs.spans()) {
            plan(span);
        }
        consider();
    }

    /** A run of this span is there now: the one above it may be due. */
    private void plan(Span span) {
        if (span.level() == RunSet.TOP_LEVEL) {
            return;
        }
        Span above = RunSet.span(span.level() + 1, span.first());
        if (runs.run(above) == null && runs.units().containsKey(above.last())) {
            merges.add(above);
        }
    }

    /** Runs that are not needed any more. */
    void forget(List<Span> spans) {
        gone.addAll(spans);
        consider();
    }

    /** A run is not what was written. */
    void damaged(Span span) {
        if (closed || runs.run(span) == null) {
            return;
        }
        LOG.warn("index of machine {}: run {} is damaged, and is made anew", runs.machine(), span.fileName());
        if (damages != null) {
            damages.run(span);
        }
        runs.remove(span);
        again(span);
        consider();
    }

    private void again(Span span) {
        if (span.level() == 0) {
            missing.add(span.first());
        } else {
            merges.remove(span);
            merges.add(span);
        }
    }

    private void consider() {
        if (busy || paused || closed) {
            return;
        }
        while (!missing.isEmpty() && !runs.units().containsKey(missing.first())) {
            missing.removeFirst();
        }
        Progress.Merge begun = merge;
        if (begun == null && !gone.isEmpty()) {
            // First, as what comes next may need the room. A merge may still read them.
            delete();
        } else if (!missing.isEmpty()) {
            store(missing.removeFirst());
        } else if (begun != null) {
            goOn(begun);
        } else {
            beginNext();
        }
    }

    private void store(long number) {
        IndexUnit unit = runs.units().get(number);
        if (unit == null) {
            return;
        }
        JournalIndex.TableSource table = index.source(unit);
        Span span = RunSet.span(0, number);
        work(span, () -> RunWriter.write(runs.files().volume(), runs.machine(), unit, table.get(), disks),
                header -> made(header));
    }

    private void made(RunHeader header) {
        if (damages != null) {
            damages.runMade(header.span());
        }
        if (runs.units().containsKey(header.span().last())) {
            index.stored(header);
            plan(header.span());
        } else {
            gone.add(header.span());
        }
    }

    /** Begins the first merge that is possible; what another one lacks plans it again. */
    private void beginNext() {
        for (Iterator<Span> next = merges.iterator(); next.hasNext();) {
            Span span = next.next();
            next.remove();
            List<ExtentRun> below = runs.below(span);
            if (!below.isEmpty() && runs.run(span) == null && runs.units().containsKey(span.last())) {
                begin(span, below);
                return;
            }
        }
    }

    private void begin(Span span, List<ExtentRun> below) {
        work(span, () -> {
            List<RunHeader> headers = below.stream().map(ExtentRun::header).toList();
            IndexUnit.Reach reach = headers.getFirst().reach().with(headers.getLast().reach());
            IndexUnit.Times times = new IndexUnit.Times(
                    headers.stream().mapToLong(each -> each.times().minMicros()).min().orElseThrow(),
                    headers.getLast().times().lastMicros());
            long extents = headers.stream().mapToLong(each -> each.content().extents()).sum();
            List<Piece.Source> newestFirst = new ArrayList<>();
            for (ExtentRun run : below.reversed()) {
                newestFirst.add(run.all());
            }
            var about = new RunWriter.About(span, reach, times, extents, List.of());
            return new Progress.Merge(span, new RunWriter(runs.files().volume(), runs.machine(), about),
                    new PieceMerge(newestFirst));
        }, begun -> merge = begun);
    }

    private void goOn(Progress.Merge begun) {
        merge = null;
        work(begun.span, () -> {
            try {
                boolean more = begun.writer.take(begun.source, PIECES_PER_STEP);
                return more ? begun : new Progress.Merged(begun.writer.finish());
            } catch (IOException failed) {
                begun.writer.close();
                throw failed;
            }
        }, result -> {
            switch (result) {
                case Progress.Merge more -> {
                    merge = more;
                    if (closed) {
                        close(() -> {});
                    }
                }
                case Progress.Merged(RunHeader header) -> made(header);
            }
        });
    }

    private void delete() {
        List<Span> now = new ArrayList<>(gone);
        gone.clear();
        lane.submit(() -> {
            for (Span span : now) {
                runs.files().delete(span.fileName());
            }
            return now;
        }, loop, outcome(ended -> {}, cause -> gone.addAll(now)));
        busy = true;
    }

    /** What is to be done with a result. */
    private interface Taker<T> {
        void take(T result);
    }

    private <T> void work(Span span, Lane.Work<T> work, Taker<T> done) {
        busy = true;
        lane.submit(work, loop, outcome(done, cause -> {
            if (cause instanceof DamagedRunException damage) {
                damaged(damage.span());
            }
            again(span);
        }));
    }

    private <T> Lane.Outcome<T> outcome(Taker<T> done, Taker<IOException> failed) {
        return new Lane.Outcome<>() {
            @Override
            public void done(T result) {
                busy = false;
                done.take(result);
                consider();
            }

            @Override
            public void failed(IOException cause) {
                LOG.debug("index of machine {}: {}", runs.machine(), cause.getMessage());
                busy = false;
                paused = true;
                failed.take(cause);
                loop.schedule(RETRY_NANOS, () -> {
                    paused = false;
                    consider();
                });
            }
        };
    }

    /** Whether nothing is left to do. */
    boolean isIdle() {
        return !busy && missing.isEmpty() && merges.isEmpty() && merge == null && gone.isEmpty();
    }

    /** Stops; {@code ended} runs once what is under way has ended. */
    void close(Runnable ended) {
        closed = true;
        Progress.Merge begun = merge;
        merge = null;
        lane.submit(() -> {
            if (begun != null) {
                begun.writer.close();
            }
            return runs;
        }, loop, new Lane.Outcome<RunSet>() {
            @Override
            public void done(RunSet same) {
                ended.run();
            }

            @Override
            public void failed(IOException cause) {
                ended.run();
            }
        });
    }
}
