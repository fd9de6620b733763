package io.backhaul.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/**
 * A database that is written to, one durable transaction after another, by the SQLite of others. Each transaction adds
 * {@value #ROWS} rows of its number and sets a counter to it, so that whoever finds the database later can tell which
 * transactions are in it and whether one is there by half. Owned by one thread.
 */
final class SqliteLoad implements AutoCloseable {
    private static final int ROWS = 8;
    private static final int KEPT = 400;
    private static final String LAST = "last ";
    private static final String TABLES = """
            CREATE TABLE IF NOT EXISTS entry(txn INTEGER, item INTEGER, body BLOB, PRIMARY KEY(txn, item));
            CREATE TABLE IF NOT EXISTS counter(id INTEGER PRIMARY KEY CHECK(id = 1), txn INTEGER);
            INSERT OR IGNORE INTO counter VALUES(1, 0);
            SELECT 'last ' || txn FROM counter;
            """;
    private final Process sqlite;
    private final Writer to;
    private final BufferedReader from;
    private volatile long last;

    private SqliteLoad(Process sqlite) {
        this.sqlite = sqlite;
        this.to = new OutputStreamWriter(sqlite.getOutputStream(), StandardCharsets.UTF_8);
        this.from = new BufferedReader(new InputStreamReader(sqlite.getInputStream(), StandardCharsets.UTF_8));
    }

    static boolean isToolThere() {
        return Tool.find("sqlite3").isPresent();
    }

    /**
     * Opens or makes a database.
     *
     * @param writeAhead
     *            whether it keeps a write-ahead log; otherwise a rollback journal
     */
    static SqliteLoad open(Path database, boolean writeAhead) throws IOException {
        Path program = Tool.find("sqlite3")
                .orElseThrow(() -> new IOException("sqlite3 is not installed (Debian: sqlite3)"));
        var load = new SqliteLoad(new ProcessBuilder(List.of(program.toString(), "-batch", database.toString()))
                .redirectErrorStream(true).start());
        // With a rollback journal only EXTRA makes a commit durable: the journal's removal is what commits.
        load.last = Long.parseLong(load
                .ask("PRAGMA journal_mode=" + (writeAhead ? "WAL" : "DELETE") + ";\nPRAGMA synchronous="
                        + (writeAhead ? "FULL" : "EXTRA") + ";\nPRAGMA wal_autocheckpoint=64;\n" + TABLES, LAST)
                .substring(LAST.length()));
        return load;
    }

    /** Commits the next transaction and answers its number; it is durable then. */
    long commit() throws IOException {
        long next = last + 1;
        ask("""
                BEGIN IMMEDIATE;
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %2$d)
                  INSERT INTO entry SELECT %1$d, i, randomblob(50 + (%1$d * 37 + i * 101) %% 1500) FROM n;
                DELETE FROM entry WHERE txn = %1$d - %3$d;
                UPDATE counter SET txn = %1$d;
                COMMIT;
                SELECT 'done %1$d';
                """.formatted(next, ROWS, KEPT), "done " + next);
        last = next;
        return next;
    }

    private String ask(String statements, String awaited) throws IOException {
        to.write(statements);
        to.flush();
        String said = from.readLine();
        while (said != null && !said.startsWith(awaited)) {
            if (said.contains("rror")) {
                throw new IOException("sqlite3 says: " + said);
            }
            said = from.readLine();
        }
        if (said == null) {
            throw new IOException("sqlite3 has ended by itself");
        }
        return said;
    }

    long last() {
        return last;
    }

    /**
     * Opens a database that was cut off at some moment, which rolls back what was not committed, and answers the last
     * transaction that is in it.
     *
     * @throws IOException
     *             where it is damaged, or a transaction is in it by half
     */
    static long lastIn(Path database) throws IOException, InterruptedException {
        Tool judged = Tool.run("sqlite3", "-batch", "-noheader", "-list", database.toString(), """
                PRAGMA integrity_check;
                SELECT count(*) FROM (SELECT txn FROM entry GROUP BY txn HAVING count(*) <> %d);
                SELECT (SELECT txn FROM counter), coalesce(max(txn), 0), count(DISTINCT txn) FROM entry;
                """.formatted(ROWS));
        List<String> lines = judged.output().strip().lines().toList();
        if (judged.exitCode() != 0 || lines.size() != 3 || !lines.getFirst().equals("ok")
                || !lines.get(1).equals("0")) {
            throw new IOException("the database is damaged: " + judged.output().strip().replace('\n', ' '));
        }
        String[] counts = lines.get(2).split("\\|", -1);
        long counter = Long.parseLong(counts[0]);
        if (counter != Long.parseLong(counts[1]) || Math.min(counter, KEPT) != Long.parseLong(counts[2])) {
            throw new IOException(
                    "the counter says " + counts[0] + ", the last transaction there is " + counts[1] + ", and "
                            + counts[2] + " are there");
        }
        return counter;
    }

    /** Ends the program at once. */
    void abandon() {
        sqlite.destroyForcibly();
    }

    @Override
    public void close() {
        try {
            to.write(".quit\n");
            to.close();
            sqlite.waitFor();
        } catch (IOException gone) {
            sqlite.destroyForcibly();
        } catch (InterruptedException hurry) {
            sqlite.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
