package io.backhaul.cli;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Uses a mounted file system as people and programs do: unpacks an archive, copies the tree, renames and removes an older
 * one, appends to a ledger with fsync, and commits transactions to a database. One step after another on a thread of its
 * own; whoever wants to look at a moment between two steps takes the {@link #pause}.
 */
final class FileWorkload implements AutoCloseable {
    private static final int COMMITS_A_ROUND = 12;
    private static final int LEDGER_RECORDS_A_ROUND = 24;
    private static final int MAX_RECORD_BYTES = 24 << 10;
    private static final long MAX_LEDGER_BYTES = 4 << 20;
    static final String DATABASE = "accounts.db";
    static final String LEDGER = "ledger";

    private final Path folder;
    private final Path trees;
    private final Path archive;
    private final @Nullable SqliteLoad database;
    private final SplittableRandom random;
    private final long restMillis;
    private final Worker worker;
    private volatile long rounds;

    private FileWorkload(Path folder, Path archive, @Nullable SqliteLoad database, Habit habit) {
        this.folder = folder;
        this.trees = folder.resolve("trees-" + habit.seed);
        this.archive = archive;
        this.database = database;
        this.random = new SplittableRandom(habit.seed);
        this.restMillis = habit.restMillis;
        this.worker = new Worker("the file workload", this::run);
    }

    /**
     * How it works.
     *
     * @param restMillis
     *            after each step
     * @param writeAhead
     *            how the database keeps its log
     */
    record Habit(long seed, long restMillis, boolean writeAhead) {}

    /** Packs what the work unpacks again: real files, about 4 MiB, of the JDK that runs this. */
    static void pack(Path archive) throws IOException, InterruptedException {
        Path home = Path.of(System.getProperty("java.home"));
        LoopDisk.must("tar", "-cf", archive.toString(), "-C", home.toString(), "legal", "conf", "include");
    }

    /** Begins to work in a mounted folder, in the place of whoever worked there before; without SQLite's program there is no database in it. */
    static FileWorkload start(Path folder, Path archive, Habit habit) throws IOException {
        SqliteLoad database = SqliteLoad.isToolThere()
                ? SqliteLoad.open(folder.resolve(DATABASE), habit.writeAhead)
                : null;
        try (Stream<Path> all = Files.list(folder)) {
            for (Path each : all.filter(path -> String.valueOf(path.getFileName()).startsWith("trees-")).toList()) {
                Workplace.remove(each);
            }
        }
        var workload = new FileWorkload(folder, archive, database, habit);
        workload.worker.start();
        return workload;
    }

    private void run() throws IOException, InterruptedException {
        for (int round = 0; !worker.isEnding(); round++) {
            Path tree = trees.resolve("new-" + round);
            Path copy = trees.resolve("copy-" + round);
            Path kept = trees.resolve("kept-" + round);
            Path older = trees.resolve("kept-" + (round - 2));
            List<Worker.Step> steps = List.of(() -> unpack(tree), this::append, this::commit, () -> copy(tree, copy),
                    this::commit, () -> Files.move(tree, kept), () -> Workplace.remove(copy), this::append,
                    () -> Workplace.remove(older), this::commit);
            for (Worker.Step step : steps) {
                if (worker.rest(restMillis)) {
                    return;
                }
                worker.inTurn(step);
            }
            rounds = round + 1L;
        }
    }

    private void unpack(Path tree) throws IOException, InterruptedException {
        Files.createDirectories(tree);
        LoopDisk.must("tar", "-xf", archive.toString(), "-C", tree.toString());
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> all = Files.walk(from)) {
            for (Path each : all.toList()) {
                Files.copy(each, to.resolve(from.relativize(each)));
            }
        }
    }

    private void append() throws IOException {
        try (FileChannel ledger = FileChannel.open(folder.resolve(LEDGER), StandardOpenOption.CREATE,
                StandardOpenOption.WRITE)) {
            long end = ledger.size() > MAX_LEDGER_BYTES ? 0 : ledger.size();
            ledger.truncate(end);
            for (int i = 0; i < LEDGER_RECORDS_A_ROUND; i++) {
                byte[] record = new byte[1 + random.nextInt(MAX_RECORD_BYTES)];
                random.nextBytes(record);
                end += ledger.write(ByteBuffer.wrap(record), end);
                ledger.force(i % 4 == 0);
            }
        }
    }

    private void commit() throws IOException {
        for (int i = 0; database != null && i < COMMITS_A_ROUND; i++) {
            database.commit();
        }
    }

    /** The last transaction that is committed; 0 where there is no database. */
    long committed() {
        return database == null ? 0 : database.last();
    }

    /** How often everything has been done. */
    long rounds() {
        return rounds;
    }

    /** Does {@code work} between two steps. */
    <T> T pause(Worker.Work<T> work) throws IOException, InterruptedException {
        return worker.pause(work);
    }

    /** Lets it end after the step under way, without waiting for that. */
    void end() {
        worker.close();
    }

    /** Ends after the step under way. */
    void stop() throws IOException, InterruptedException {
        try {
            worker.stop();
        } finally {
            if (database != null) {
                database.close();
            }
        }
    }

    /** Ends without waiting for the disk. */
    @Override
    public void close() {
        worker.close();
        if (database != null) {
            database.abandon();
        }
    }
}
