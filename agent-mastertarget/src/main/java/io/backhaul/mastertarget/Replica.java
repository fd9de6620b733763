package io.backhaul.mastertarget;

import io.backhaul.blockio.volume.Volume;
import io.backhaul.engine.log.LogKind;
import io.backhaul.engine.log.SegmentDamage;
import io.backhaul.engine.log.SegmentLimits;
import io.backhaul.engine.log.SegmentLog;
import io.backhaul.engine.log.SegmentLog.Placement;
import io.backhaul.engine.log.StoreException;
import io.backhaul.engine.log.StoreException.Kind;
import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import io.backhaul.mastertarget.Checkpoint.Base;
import io.backhaul.mastertarget.Checkpoint.Stage;
import io.backhaul.protocol.GenerationStart;
import io.backhaul.protocol.Position;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.random.RandomGenerator;

/**
 * What is stored of one machine, and what is known of it in memory: checkpoint, journal with index and timeline, base
 * disks, and the pins of open views.
 * <p>
 * Owned by the machine's loop, with two exceptions: the checkpoint's file and the journal's tail are touched on the store
 * lane only, and the base disks are written by whoever fills them at the time: the store lane while the stream goes to
 * them directly, the fold lane afterwards.
 */
final class Replica {
    private static final String JOURNAL = "journal";
    private static final String INDEX = "index";
    private static final String UNDO = "undo";
    private static final int STRETCH_BYTES = 24;

    private final Loop loop;
    private final Lane store;
    private final Stored stored;
    private final SegmentLog log;
    private final Payloads payloads;
    private final UndoSet undo;
    private final Pins pins = new Pins();
    private final Reading reading;
    private final Remembered remembered;
    private JournalIndex index;
    private Indexer indexer;
    private Timeline timeline;
    private BaseSet disks;
    private Checkpoint checkpoint;
    private final Beginnings beginnings;

    /** Where a replica lies. */
    record Place(UUID machine, Volume volume, BaseDisks disks, SegmentLimits segments, ByteBufAllocator allocator,
            RandomGenerator random) {}

    /**
     * How it is read.
     *
     * @param cacheBytes
     *            how much of what was read is kept
     * @param indexLane
     *            where runs are made
     * @param damages
     *            is told of what has rotted
     */
    record Reading(long cacheBytes, IndexLimits index, Lane indexLane, Damages damages) {}

    /** What the store lane has of it. */
    private static final class Stored {
        private final CheckpointFile file;
        private final BaseSums sums;
        private Checkpoint checkpoint;

        Stored(CheckpointFile file, BaseSums sums, Checkpoint checkpoint) {
            this.file = file;
            this.sums = sums;
            this.checkpoint = checkpoint;
        }

        Checkpoint save(UnaryOperator<Checkpoint> change) throws IOException {
            Checkpoint next = change.apply(checkpoint);
            file.save(next);
            checkpoint = next;
            return next;
        }
    }

    /** Everything that was read when a replica was opened. */
    private record Contents(Checkpoint checkpoint, BaseSet disks, SegmentLog log, UndoSet undo, JournalIndex index,
            Timeline timeline) {}

    /** What is known to be damaged, and where that is remembered. */
    private record Remembered(DamageFile file, DamageFile.Known known, List<SegmentDamage> damaged) {}

    private Replica(Loop loop, Lane store, Stored stored, Contents contents, Remembered remembered, Reading reading) {
        this.loop = loop;
        this.store = store;
        this.stored = stored;
        this.log = contents.log;
        this.undo = contents.undo;
        this.index = contents.index;
        this.timeline = contents.timeline;
        this.disks = contents.disks;
        this.checkpoint = contents.checkpoint;
        this.reading = reading;
        this.beginnings = new Beginnings(checkpoint.origin().max(timeline.origin()));
        this.remembered = remembered;
        this.payloads = new Payloads(log, reading.cacheBytes(), reading.damages());
        this.indexer = newIndexer();
    }

    private Indexer newIndexer() {
        int[] indexes = checkpoint.disks().stream().mapToInt(PlacedDisk::index).sorted().toArray();
        return new Indexer(index, loop, reading.indexLane(), indexes).telling(reading.damages());
    }

    /** Opens what is stored, or what will be. Blocks, on the store lane; the result is handed to the loop. */
    static Replica open(Place place, Loop loop, Lane store, Reading reading) throws IOException {
        CheckpointFile file = new CheckpointFile(place.volume(), place.machine());
        Checkpoint found = file.load();
        Checkpoint checkpoint = found == null
                ? Checkpoint.fresh(place.machine(), new UUID(place.random().nextLong(), place.random().nextLong()))
                : found;
        BaseSums sums = new BaseSums(place.volume(), checkpoint, reading.damages());
        BaseSet disks = disks(checkpoint, place.disks(), sums);
        try {
            SegmentLog log = SegmentLog.openDamaged(place.volume().folder(JOURNAL), LogKind.JOURNAL, place.machine(),
                    place.segments(), place.allocator());
            UndoSet undo = new UndoSet(place.volume().folder(UNDO), place.machine(), reading.damages());
            Contents contents;
            Remembered remembered;
            try {
                List<Placement> passedOver = new ArrayList<>();
                contents = read(new Opened(checkpoint, disks, undo, passedOver), new RunSet(log, place.machine(),
                        new RunFiles(place.volume().folder(INDEX)), reading.index().cacheBytes()), reading.index());
                remembered = remembered(new DamageFile(place.volume(), place.machine()), log, passedOver,
                        reading.damages());
            } catch (IOException failed) {
                undo.close();
                log.close();
                throw failed;
            }
            return new Replica(loop, store, new Stored(file, sums, checkpoint), contents, remembered, reading);
        } catch (IOException failed) {
            disks.close();
            throw failed;
        }
    }

    /** What was handed out belongs to others. */
    private static BaseSet disks(Checkpoint checkpoint, BaseDisks source, BaseSums sums) throws IOException {
        return switch (checkpoint.promotion().stage()) {
            case NONE, INTENDED, COMMITTING -> BaseSet.open(source, checkpoint.disks(), sums, false);
            case HELD -> BaseSet.closed(source, checkpoint.disks(), sums);
            case COMMITTED -> {
                sums.delete();
                yield BaseSet.open(source, List.of(), sums, false);
            }
        };
    }

    /** Looks again where the journal was damaged before, and what is wrong where it was passed over just now. */
    private static Remembered remembered(DamageFile file, SegmentLog log, List<Placement> passedOver,
            Damages damages) throws IOException {
        DamageFile.Known known = DamageFile.Known.NOTHING;
        Set<SegmentDamage> found = new LinkedHashSet<>();
        try {
            known = file.load();
        } catch (StoreException failed) {
            if (failed.kind() != Kind.CORRUPT) {
                throw failed;
            }
            damages.forgotten(failed);
        }
        for (List<Placement> all : List.of(known.journal(), passedOver)) {
            for (Placement at : all) {
                found.addAll(log.look(at));
            }
        }
        return new Remembered(file, known, List.copyOf(found));
    }

    private record Opened(Checkpoint checkpoint, BaseSet disks, UndoSet undo, List<Placement> passedOver) {}

    private static Contents read(Opened opened, RunSet runs, IndexLimits limits) throws IOException {
        Checkpoint checkpoint = opened.checkpoint;
        SegmentLog log = runs.log();
        Position base = checkpoint.base().position();
        opened.undo.open(log.before(), base);
        if (checkpoint.direct() || checkpoint.promotion().stage() == Stage.COMMITTED) {
            opened.undo.giveUp(opened.undo.count());
            opened.undo.clear();
            return new Contents(checkpoint, opened.disks, log, opened.undo, IndexOpening.fresh(runs, limits, base),
                    new Timeline(checkpoint.base()));
        }
        if (base.isBefore(log.before()) || log.last().isBefore(base)) {
            throw new StoreException(Kind.CORRUPT, log.describe() + " holds what is after " + log.before() + " up to "
                    + log.last() + ", but the base disks stand at " + base + "; put the right journal there");
        }
        Base window = window(opened.undo, checkpoint);
        Timeline timeline = new Timeline(window);
        IndexOpening opening = new IndexOpening(runs, limits, timeline, checkpoint, window.position());
        JournalIndex index = opening.run();
        opened.passedOver.addAll(log.passedOver());
        opened.passedOver.addAll(opening.damaged());
        return new Contents(checkpoint, opened.disks, log, opened.undo, index, timeline);
    }

    private static Base window(UndoSet undo, Checkpoint checkpoint) {
        return undo.isEmpty() ? checkpoint.base() : undo.oldest();
    }

    Loop loop() {
        return loop;
    }

    Lane store() {
        return store;
    }

    SegmentLog log() {
        return log;
    }

    Payloads payloads() {
        return payloads;
    }

    Damages damages() {
        return reading.damages();
    }

    Pins pins() {
        return pins;
    }

    JournalIndex index() {
        return index;
    }

    Indexer indexer() {
        return indexer;
    }

    Timeline timeline() {
        return timeline;
    }

    BaseSet disks() {
        return disks;
    }

    /** What is durable. */
    Checkpoint checkpoint() {
        return checkpoint;
    }

    Position base() {
        return checkpoint.base().position();
    }

    /** Where the stream began on nothing. */
    Beginnings beginnings() {
        return beginnings;
    }

    /** The oldest state that can still be had: that of the base disks, or what has been saved of an earlier one. */
    Base window() {
        return window(undo, checkpoint);
    }

    UndoSet undo() {
        return undo;
    }

    /** How many stretches of old content may be known in memory. */
    long undoStretches() {
        return reading.index().memoryBytes() / STRETCH_BYTES;
    }

    /** Where journal and base disks were known to be damaged when they were opened. */
    DamageFile.Known remembered() {
        return remembered.known;
    }

    /** What was found of damage to the journal when it was opened, there or elsewhere. */
    List<SegmentDamage> damagedBefore() {
        return remembered.damaged;
    }

    /** Remembers where journal and base disks are damaged. */
    void remember(DamageFile.Known damaged, Lane.Outcome<DamageFile.Known> outcome) {
        store.submit(() -> {
            remembered.file.save(damaged);
            return damaged;
        }, loop, outcome);
    }

    /** Begins a journal that builds on the base. */
    void beginJournal() {
        indexer.close(() -> {});
        index = new JournalIndex(
                new RunSet(log, checkpoint.machine(), index.runs().files(), reading.index().cacheBytes()),
                reading.index(), base(), 1);
        indexer = newIndexer();
        indexer.begin();
        timeline = new Timeline(checkpoint.base());
        damages().forget();
    }

    /**
     * Does {@code first} and then saves the changed checkpoint, on the store lane.
     *
     * @param first
     *            what must be durable before; may fail
     */
    void save(Step first, UnaryOperator<Checkpoint> change, Consumer<IOException> failed, Runnable saved) {
        // The timeline knows nothing of what goes straight to the base disks.
        Position since = checkpoint.direct() ? beginnings.newest() : beginnings.upTo(timeline.last());
        store.submit(() -> {
            first.run();
            return stored.save(was -> change.apply(was).withOrigin(since));
        }, loop, new Lane.Outcome<Checkpoint>() {
            @Override
            public void done(Checkpoint now) {
                checkpoint = now;
                saved.run();
            }

            @Override
            public void failed(IOException cause) {
                failed.accept(cause);
            }
        });
    }

    /** Something that blocks. */
    @FunctionalInterface
    interface Step {
        Step NOTHING = () -> {};

        void run() throws IOException;
    }

    /** Makes the machine's disks where they are to lie, and remembers them. */
    void placeDisks(BaseDisks source, GenerationStart start, Lane.Outcome<BaseSet> outcome) {
        store.submit(() -> {
            List<PlacedDisk> placed = source.prepare(start.machine(), start.machineName(), start.disks());
            BaseSet opened = BaseSet.open(source, placed, stored.sums, true);
            try {
                stored.save(was -> was.withDisks(start.machineName(), placed));
                return opened;
            } catch (IOException failed) {
                opened.close();
                throw failed;
            }
        }, loop, new Lane.Outcome<BaseSet>() {
            @Override
            public void done(BaseSet opened) {
                disks = opened;
                checkpoint = checkpoint.withDisks(start.machineName(),
                        opened.all().stream().map(BaseDisk::placed).toList());
                outcome.done(opened);
            }

            @Override
            public void failed(IOException cause) {
                outcome.failed(cause);
            }
        });
    }

    /** Deletes segments that nothing needs any more. */
    void trim(Consumer<IOException> failed, Runnable trimmed) {
        Position limit = pins.trimLimit(window().position());
        // A mark at the base is a point's name still, and stands in the journal only.
        boolean isMark = timeline.isMarked(limit);
        store.submit(() -> {
            // Room first: beginning a new segment, which trimming the last one means, may need what the others hold.
            log.trimTo(new Position(limit.generation(), Math.max(0, limit.sequence() - 1)));
            if (!isMark) {
                log.trimTo(limit);
            }
            return log.before();
        }, loop, new Lane.Outcome<Position>() {
            @Override
            public void done(Position before) {
                indexer.forget(index.trimTo(before));
                damages().forget();
                trimmed.run();
            }

            @Override
            public void failed(IOException cause) {
                failed.accept(cause);
            }
        });
    }

    /** Deletes what the journal holds, as far as it can, and all checksums; the base disks are all that is wanted. */
    void discardJournal(Consumer<StoreException> failed, Runnable discarded) {
        payloads.forget();
        undo.giveUp(undo.count());
        store.submit(() -> {
            undo.clear();
            stored.sums.delete();
            log.trimTo(log.last(), 1);
            return log.last();
        }, loop, new Lane.Outcome<Position>() {
            @Override
            public void done(Position last) {
                indexer.forget(index.trimTo(last));
                discarded.run();
            }

            @Override
            public void failed(IOException cause) {
                failed.accept(StoreException.of(cause, "discarding the journal"));
            }
        });
    }

    /** Closes files and disks. Blocks; nobody else uses them any more. */
    void close() throws IOException {
        index.runs().files().close();
        try {
            undo.close();
            log.close();
        } finally {
            disks.close();
        }
    }
}
