package io.backhaul.benchmarks;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What the master target's store must show, part by part, each figure with its bound. */
public final class RetentionCheck {
    private static final List<String> PARTS = List.of("oracle", "promote", "ingest", "fold", "open");

    private final List<String> parts = new ArrayList<>();
    private boolean brief;
    private boolean json;
    private long extents;
    private long seed = System.nanoTime();
    private Path parent = Path.of(System.getProperty("java.io.tmpdir"));

    private RetentionCheck() {}

    /** {@code [--short] [--json] [--extents N] [--seed N] [--dir FOLDER] [PART…]}. */
    public static void main(String[] args) throws Exception {
        RetentionCheck check = new RetentionCheck();
        try {
            check.read(args);
        } catch (IllegalArgumentException | ArrayIndexOutOfBoundsException wrong) {
            System.err.println("retention: " + (wrong instanceof NumberFormatException ? "that is no number: " : "")
                    + wrong.getMessage()
                    + "; there are --short, --json, --extents N, --seed N, --dir FOLDER, and the parts "
                    + String.join(", ", PARTS));
            System.exit(2);
        }
        System.exit(check.run() ? 0 : 1);
    }

    private void read(String[] args) {
        for (int i = 0; i < args.length; i++) {
            switch (args[i]) {
                case "--short" -> brief = true;
                case "--json" -> json = true;
                case "--extents" -> extents = Long.parseLong(args[++i]);
                case "--seed" -> seed = Long.parseLong(args[++i]);
                case "--dir" -> parent = Path.of(args[++i]);
                default -> {
                    if (!PARTS.contains(args[i])) {
                        throw new IllegalArgumentException("unknown: " + args[i]);
                    }
                    parts.add(args[i]);
                }
            }
        }
        parts.addAll(parts.isEmpty() ? PARTS : List.of());
        extents = extents > 0 ? extents : brief ? 300_000 : 50_000_000;
    }

    private boolean run() throws Exception {
        Figures figures = new Figures();
        for (String part : parts) {
            Path folder = Files.createTempDirectory(parent, "backhaul-retention");
            long begun = System.nanoTime();
            try {
                run(part, figures, folder);
            } finally {
                Folders.delete(folder);
            }
            figures.put(part + "_took_seconds", (System.nanoTime() - begun) / 1e9);
        }
        return figures.print(json);
    }

    private void run(String part, Figures figures, Path folder) throws Exception {
        switch (part) {
            case "oracle" -> new OraclePart(figures, folder, brief, seed).run();
            case "promote" -> new PromotionPart(figures, folder, brief).run();
            case "ingest" -> new IngestPart(figures, folder, brief).run();
            case "fold" -> new FoldPart(figures, folder, brief).run();
            default -> new RetentionBench(figures, brief, extents, folder).run();
        }
    }
}
