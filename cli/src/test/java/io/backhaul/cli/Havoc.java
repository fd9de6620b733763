package io.backhaul.cli;

import io.backhaul.engine.control.ControlFault;
import io.backhaul.engine.time.SystemClock;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/** Does to a fleet, and to the lines between its parts, what happens to systems; everything ends again by itself. */
final class Havoc {
    private static final List<Part> VICTIMS = List.of(Part.SOURCE, Part.PROCESS_SERVER, Part.MASTER_TARGET);
    private static final long SHORT_MILLIS = 1_500;
    /** Longer than a part waits for a sign of life. */
    private static final long LONG_MILLIS = 9_000;
    private static final long NARROW_BYTES_PER_SECOND = 256 << 10;

    /** What is done. */
    enum Deed {
        KILL, RESTART, STOP_AND_CONTINUE, CUT, SILENCE, NARROW, REFUSE, LOSE_SPOOL, KILL_ALL
    }

    private record Ending(long atNanos, Undo undo) {}

    private interface Undo {
        void run() throws IOException, InterruptedException, ControlFault;
    }

    private final Fleet fleet;
    private final List<Line> lines;
    private final SplittableRandom random;
    private final List<Ending> endings = new ArrayList<>();
    private final Map<Deed, Integer> deeds = new EnumMap<>(Deed.class);

    Havoc(Fleet fleet, List<Line> lines, SplittableRandom random) {
        this.fleet = fleet;
        this.lines = lines;
        this.random = random;
    }

    /** Does one thing, and ends what is due. */
    void step() throws IOException, InterruptedException, ControlFault {
        end(SystemClock.INSTANCE.nanos());
        Deed deed = Deed.values()[random.nextInt(Deed.values().length)];
        if (deed == Deed.STOP_AND_CONTINUE && !endings.isEmpty()) {
            // Who has been stopped cannot be started or asked; one at a time is enough.
            deed = Deed.CUT;
        }
        deeds.merge(deed, 1, Integer::sum);
        Line line = lines.get(random.nextInt(lines.size()));
        Part part = VICTIMS.get(random.nextInt(VICTIMS.size()));
        switch (deed) {
            case KILL -> again(part, () -> {});
            case RESTART -> {
                fleet.child(part).stop();
                fleet.start(part);
            }
            case STOP_AND_CONTINUE -> halt(part);
            case CUT -> line.cut();
            case SILENCE -> {
                line.silence(true);
                later(() -> line.silence(false));
            }
            case NARROW -> {
                line.narrow(NARROW_BYTES_PER_SECOND);
                later(() -> line.narrow(Line.WIDE_BYTES_PER_SECOND));
            }
            case REFUSE -> {
                line.refuse(true);
                line.cut();
                later(() -> line.refuse(false));
            }
            case LOSE_SPOOL -> again(Part.PROCESS_SERVER,
                    () -> Workplace.remove(fleet.folder(Part.PROCESS_SERVER).resolve("spool")));
            case KILL_ALL -> {
                for (Part each : Part.values()) {
                    fleet.child(each).kill();
                }
                for (Part each : Part.values()) {
                    fleet.start(each);
                }
            }
        }
    }

    private void again(Part part, Undo between) throws IOException, InterruptedException, ControlFault {
        fleet.child(part).kill();
        between.run();
        fleet.start(part);
    }

    private void halt(Part part) throws IOException, InterruptedException, ControlFault {
        long pid = fleet.child(part).pid();
        signal("-STOP", pid);
        rest(random.nextInt(4) == 0 ? LONG_MILLIS : random.nextLong(SHORT_MILLIS));
        signal("-CONT", pid);
    }

    private static void signal(String name, long pid) throws IOException, InterruptedException {
        new ProcessBuilder("kill", name, Long.toString(pid)).inheritIO().start().waitFor();
    }

    private void later(Undo undo) {
        long millis = random.nextInt(4) == 0 ? LONG_MILLIS : random.nextLong(SHORT_MILLIS);
        endings.add(new Ending(SystemClock.INSTANCE.nanos() + TimeUnit.MILLISECONDS.toNanos(millis), undo));
    }

    private void end(long dueNanos) throws IOException, InterruptedException, ControlFault {
        for (Ending each : List.copyOf(endings)) {
            if (each.atNanos <= dueNanos) {
                endings.remove(each);
                each.undo.run();
            }
        }
    }

    /** Ends everything that is still under way. */
    void endAll() throws IOException, InterruptedException, ControlFault {
        end(Long.MAX_VALUE);
    }

    /** How often each thing was done. */
    Map<String, Integer> deeds() {
        Map<String, Integer> named = new TreeMap<>();
        deeds.forEach((deed, times) -> named.put(deed.name().toLowerCase(Locale.ROOT).replace('_', '-'), times));
        return named;
    }

    /** Lets time pass. */
    static void rest(long millis) throws InterruptedException {
        TimeUnit.MILLISECONDS.sleep(millis);
    }
}
