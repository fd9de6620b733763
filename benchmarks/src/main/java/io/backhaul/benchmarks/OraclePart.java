package io.backhaul.benchmarks;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;

/**
 * A random load with overlaps, zeroes and marks through a master target in a process of its own, which is killed with
 * {@code kill -9} at random moments, while it takes the load, folds, prunes or starts; sometimes its index is deleted in
 * between, and its policy changes. Then random positions and all marks are read back and compared, all of every disk, before
 * and after another start, and once more without the index.
 */
final class OraclePart {
    private static final int MAX_KILLS = 500;

    private final Figures figures;
    private final Path folder;
    private final long writes;
    private final int positions;
    private final SplittableRandom random;
    private long acknowledged;
    private int kills;
    private int losses;

    OraclePart(Figures figures, Path folder, boolean brief, long seed) throws IOException {
        this.figures = figures;
        this.folder = Files.createDirectory(folder.resolve("oracle"));
        this.writes = brief ? 12_000 : 200_000;
        this.positions = brief ? 60 : 500;
        this.random = new SplittableRandom(seed);
        figures.put("oracle_seed", seed);
    }

    void run() throws IOException, InterruptedException {
        long step = writes / (writes > 100_000 ? 40 : 4);
        boolean done = false;
        while (!done && kills < MAX_KILLS) {
            long killAt = random.nextInt(6) == 0 ? 0 : acknowledged + random.nextLong(step);
            done = load(killAt, random.nextLong(200));
            if (random.nextInt(5) == 0) {
                loseIndex();
            }
        }
        figures.put("oracle_writes", acknowledged);
        figures.put("oracle_kills", kills);
        figures.put("oracle_index_losses", losses);
        figures.hold(done, "the load never came to its end");
        verify("NEWEST");
        verify("NEWEST");
        loseIndex();
        verify("OLDEST");
        figures.put("oracle_positions_true", positions);
        Folders.delete(folder);
    }

    private void loseIndex() throws IOException {
        if (Files.exists(folder.resolve("machine/index"))) {
            Folders.delete(folder.resolve("machine/index"));
            losses++;
        }
    }

    private Process child(List<String> arguments) throws IOException {
        List<String> command = new java.util.ArrayList<>(List.of(
                ProcessHandle.current().info().command().orElse("java"), "--enable-native-access=ALL-UNNAMED",
                "-Xmx128m",
                "-XX:TieredStopAtLevel=1", "-Dslf4j.internal.verbosity=ERROR", "-cp",
                System.getProperty("java.class.path"), OracleChild.class.getName(), folder.toString()));
        command.addAll(arguments);
        return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    }

    /** Lets a child take the load, and kills it some time after so much was acknowledged; false where it was killed. */
    private boolean load(long killAt, long afterMillis) throws IOException, InterruptedException {
        Process child = child(List.of("load", random.nextBoolean() ? "NEWEST" : "OLDEST", Long.toString(writes)));
        boolean ended = false;
        try (BufferedReader lines = child.inputReader(StandardCharsets.UTF_8)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                String[] words = line.split(" ", -1);
                long number = Long.parseLong(words[1]);
                if (words[0].equals("durable")) {
                    figures.hold(number >= acknowledged, "acknowledged " + acknowledged + ", then found " + number);
                }
                ended |= words[0].equals("done");
                acknowledged = Math.max(acknowledged, number);
                if (number >= killAt && !ended && acknowledged < writes) {
                    child.waitFor(afterMillis, TimeUnit.MILLISECONDS);
                    child.toHandle().destroyForcibly();
                    killAt = Long.MAX_VALUE;
                    kills++;
                }
            }
        }
        int code = child.waitFor();
        figures.hold(ended || code == 137, "a child ended with " + code);
        return ended;
    }

    private void verify(String stand) throws IOException, InterruptedException {
        Process child = child(List.of("verify", stand, Integer.toString(positions), Long.toString(random.nextLong())));
        String said = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        figures.hold(child.waitFor() == 0 && said.contains("verified"), "points do not read back; see above");
        Figures.say(said.lines().findFirst().orElse(""));
    }
}
