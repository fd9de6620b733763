package io.backhaul.simulation.world;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A computer: its wall clock, its file systems and disks, and at most one running process. Processes come and go, what is
 * stored stays: all of it when the process is killed, what was synced when the power fails.
 */
public final class SimHost {
    private static final long MILLI = 1_000_000L;
    private final String name;
    private final Scheduler scheduler;
    private final Dice dice;
    private final List<Store> stores = new ArrayList<>();
    private final List<Consumer<SimProcess>> deathWatchers = new ArrayList<>();
    private final List<Runnable> nextDeath = new ArrayList<>();
    private @Nullable SimProcess process;
    private long wallOffsetMicros = 1_700_000_000_000_000L;
    private long operationsToDeath = -1;
    private boolean deathByPower;
    private double slowness = 1;
    private int boots;
    private double interleavedShare;

    /** Something that forgets what was not synced when the power fails. */
    interface Store {
        void losePower();
    }

    public SimHost(String name, Scheduler scheduler, Dice dice) {
        this.name = name;
        this.scheduler = scheduler;
        this.dice = dice.fork(name);
    }

    public String name() {
        return name;
    }

    public Scheduler scheduler() {
        return scheduler;
    }

    Dice dice() {
        return dice;
    }

    void attach(Store store) {
        stores.add(store);
    }

    /** Is told of every death of a process of this host, after it. */
    public void onDeath(Consumer<SimProcess> watcher) {
        deathWatchers.add(watcher);
    }

    /** Runs once, when the running process dies. */
    public void onNextDeath(Runnable task) {
        nextDeath.add(task);
    }

    /** Starts a process; the one before must be dead. */
    public SimProcess boot() {
        if (process != null && process.isAlive()) {
            throw new IllegalStateException(name + " runs already");
        }
        boots++;
        operationsToDeath = -1;
        SimProcess booted = new SimProcess(this, name + "#" + boots);
        process = booted;
        scheduler.log().say(scheduler.nanos(), booted.name(), "starts");
        return booted;
    }

    public boolean isUp() {
        return process != null && process.isAlive();
    }

    /** The running process, or the last one. */
    public @Nullable SimProcess process() {
        return process;
    }

    /** Ends the process at once; what it wrote stays. */
    public void kill() {
        die("is killed", false);
    }

    /** Ends the process at once, and what was not synced is lost, in part or whole. */
    public void losePower() {
        die("loses power", true);
    }

    private void die(String how, boolean power) {
        operationsToDeath = -1;
        SimProcess dying = process;
        if (dying != null && dying.isAlive()) {
            scheduler.log().say(scheduler.nanos(), dying.name(), how);
            dying.end(power);
            deathWatchers.forEach(watcher -> watcher.accept(dying));
            List<Runnable> once = List.copyOf(nextDeath);
            nextDeath.clear();
            once.forEach(Runnable::run);
        }
        if (power) {
            stores.forEach(Store::losePower);
        }
    }

    /** Lets the process die in its so-many-th disk operation from now. */
    public void dieInOperation(int operations, boolean power) {
        operationsToDeath = operations;
        deathByPower = power;
    }

    /** Lets so many of the operations on files and disks take time, so that others come in between; else all is done at once. */
    public void interleave(double share) {
        interleavedShare = share;
    }

    boolean interleaves() {
        return interleavedShare > 0;
    }

    /** An operation that takes time where time can pass. */
    void slowOperation(SimProcess caller) {
        operation(caller);
        Fiber fiber = scheduler.fiber();
        if (fiber != null && dice.chance(interleavedShare)) {
            fiber.pause(workNanos() / 4);
        }
    }

    /** The answer to a read takes its way, sometimes a long one: what was read may be old when it comes. */
    void answer(SimProcess caller) {
        caller.mustLive();
        Fiber fiber = scheduler.fiber();
        if (fiber != null && dice.chance(interleavedShare)) {
            fiber.pause(dice.chance(0.3) ? dice.scaled(MILLI, 400 * MILLI) : workNanos() / 4);
        }
    }

    /** Called by files and devices before and after each operation, with the process it is done for. */
    void operation(SimProcess caller) {
        caller.mustLive();
        if (operationsToDeath > 0 && --operationsToDeath == 0) {
            die(deathByPower ? "loses power amid its work" : "is killed amid its work", deathByPower);
            throw new ProcessKilled(caller.name());
        }
    }

    /** Makes disk work take so many times as long; 1 is usual. */
    public void slowDown(double factor) {
        slowness = factor;
    }

    long workNanos() {
        long usual = dice.chance(0.02) ? dice.scaled(1_000_000, 30_000_000) : dice.scaled(20_000, 400_000);
        return (long) (usual * slowness);
    }

    /** Moves the wall clock. */
    public void jumpClock(long micros) {
        scheduler.log().say(scheduler.nanos(), name, "clock jumps by " + micros + " µs");
        wallOffsetMicros += micros;
    }

    long wallMicros() {
        return wallOffsetMicros + scheduler.nanos() / 1000;
    }
}
