package io.backhaul.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Sees, with the kernel's own tracepoints and for one process alone, what it changes on some block devices: each bio that
 * one of its threads submits and that is no read, and each page of a device's cache that one of them makes dirty, whoever
 * writes it out later.
 *
 * <p>
 * A read past the cache makes the kernel write out first what others have left dirty there, in the reader's name. Such bios
 * are told apart by the kernel's stack, and counted by themselves: whoever made a page dirty is seen when he does it. Owned by
 * one thread; {@link #close} leaves no trace.
 */
final class WriteWitness implements AutoCloseable {
    private static final Path KNOWN = Path.of("/sys/kernel/tracing");
    private static final String QUEUED = "block_bio_queue";
    private static final String MADE_DIRTY = "writeback_dirty_folio";
    private static final Pattern EVENT = Pattern
            .compile("^.*-(\\d+) .*: (" + QUEUED + "|" + MADE_DIRTY + "): (.*)$");
    private static final String BLOCK = "events/block/" + QUEUED;
    private static final String CACHE = "events/writeback/" + MADE_DIRTY;
    private static final Pattern LOST = Pattern.compile("LOST (\\d+) EVENTS");
    /** In the kernel's stack: a page that is dirty already is written out. Who made it so has been seen then. */
    private static final String WRITE_OUT = "=> do_writepages";

    private final Path mounted;
    private final Path instance;

    /**
     * What was seen.
     *
     * @param own
     *            what the process itself has changed, a line each
     * @param writtenOut
     *            how many bios were pages of others that the kernel wrote out because it read
     */
    record Seen(List<String> own, long writtenOut) {}

    private WriteWitness(Path mounted, Path instance) {
        this.mounted = mounted;
        this.instance = instance;
    }

    /** Why there can be none here; empty where there can. */
    static Optional<String> obstacle() {
        try (Stream<String> known = Files.lines(Path.of("/proc/filesystems"))) {
            return known.anyMatch(line -> line.endsWith("\ttracefs"))
                    ? Optional.empty()
                    : Optional.of("this kernel has no tracefs");
        } catch (IOException unreadable) {
            return Optional.of(unreadable.toString());
        }
    }

    /**
     * Begins to watch all threads of a process, and those that it will start.
     *
     * @param folder
     *            where the kernel's traces may be mounted if they are not yet
     */
    static WriteWitness of(long pid, List<LoopDisk> disks, Path folder) throws IOException, InterruptedException {
        return of(pid, Watched.PROCESS, disks, folder);
    }

    /** The same, and whatever processes the caller's thread starts from now on, from their first instruction. */
    static WriteWitness ofItAndItsSuccessors(long pid, List<LoopDisk> disks, Path folder)
            throws IOException, InterruptedException {
        return of(pid, Watched.SUCCESSORS_TOO, disks, folder);
    }

    /** Who is watched. */
    private enum Watched {
        PROCESS, SUCCESSORS_TOO
    }

    private static WriteWitness of(long pid, Watched who, List<LoopDisk> disks, Path folder)
            throws IOException, InterruptedException {
        Path mounted = Path.of("");
        Path traces = KNOWN;
        if (!Files.isDirectory(traces.resolve("instances"))) {
            Files.createDirectories(folder);
            LoopDisk.must("mount", "-t", "tracefs", "none", folder.toString());
            mounted = folder;
            traces = folder;
        }
        Path instance = Files.createDirectory(traces.resolve("instances").resolve("backhaul-" + pid));
        var witness = new WriteWitness(mounted, instance);
        try {
            witness.begin(pid, who, disks);
            return witness;
        } catch (IOException | RuntimeException failed) {
            witness.close();
            throw failed;
        }
    }

    private void begin(long pid, Watched who, List<LoopDisk> disks) throws IOException {
        List<String> numbers = new ArrayList<>();
        for (LoopDisk disk : disks) {
            numbers.add(Files.readString(Path.of("/sys/class/block", disk.name(), "dev")).strip());
        }
        set("options/event-fork", "1");
        set("options/stacktrace", "1");
        set("buffer_size_kb", "8192");
        set(BLOCK + "/filter", "nr_sector != 0 && !(rwbs ~ \"*R*\") && ("
                + numbers.stream().map(WriteWitness::kernelNumber).map(number -> "dev == " + number)
                        .collect(Collectors.joining(" || "))
                + ")");
        set(CACHE + "/filter",
                numbers.stream().map(number -> "name == \"" + number + "\"").collect(Collectors.joining(" || ")));
        // Twice: a thread may begin while the list is read.
        for (int i = 0; i < 2; i++) {
            for (String thread : threads(pid)) {
                watch(thread);
            }
        }
        if (who == Watched.SUCCESSORS_TOO) {
            watch(String.valueOf(Files.readSymbolicLink(Path.of("/proc/thread-self")).getFileName()));
        }
        set(BLOCK + "/enable", "1");
        set(CACHE + "/enable", "1");
    }

    private void watch(String thread) throws IOException {
        Files.writeString(instance.resolve("set_event_pid"), thread + "\n", StandardOpenOption.APPEND);
    }

    /** As the kernel numbers its devices. */
    private static long kernelNumber(String majorAndMinor) {
        int colon = majorAndMinor.indexOf(':');
        return Long.parseLong(majorAndMinor.substring(0, colon)) << 20
                | Long.parseLong(majorAndMinor.substring(colon + 1));
    }

    private static List<String> threads(long pid) throws IOException {
        try (Stream<Path> all = Files.list(Path.of("/proc", String.valueOf(pid), "task"))) {
            return all.map(path -> String.valueOf(path.getFileName())).toList();
        }
    }

    private void set(String name, String value) throws IOException {
        Files.writeString(instance.resolve(name), value, StandardOpenOption.WRITE);
    }

    /** Everything since the beginning. */
    Seen seen() throws IOException {
        List<String> own = new ArrayList<>();
        long writtenOut = 0;
        for (String line : Files.readAllLines(instance.resolve("trace"))) {
            Matcher event = EVENT.matcher(line);
            if (LOST.matcher(line).find()) {
                throw new IOException("the kernel's trace was too small: " + line.strip());
            } else if (event.matches()) {
                own.add("thread " + event.group(1) + ": " + event.group(2) + ": " + event.group(3));
            } else if (line.strip().equals(WRITE_OUT) && own.getLast().contains(QUEUED)) {
                own.removeLast();
                writtenOut++;
            }
        }
        return new Seen(own, writtenOut);
    }

    @Override
    public void close() throws IOException {
        try {
            Files.delete(instance);
        } finally {
            try {
                if (!mounted.toString().isEmpty()) {
                    LoopDisk.must("umount", mounted.toString());
                }
            } catch (InterruptedException hurry) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
