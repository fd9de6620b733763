package io.backhaul.simulation;

import io.backhaul.engine.fault.FaultLog;
import io.backhaul.protocol.FaultCode;
import io.backhaul.simulation.world.Dice;
import io.backhaul.simulation.world.Scheduler;
import io.backhaul.simulation.world.SimHost;
import io.backhaul.simulation.world.SimProcess;
import io.backhaul.simulation.world.Tally;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** A host with one role on it, and the supervisor that starts the role again when it has died. */
final class Station<P extends Station.Part> {
    private static final long SECOND = 1_000_000_000L;
    private final SimHost host;
    private final Starter<P> starter;
    private final Dice dice;
    private final Tally tally;
    private @Nullable P part;
    private boolean down;
    private boolean damageNamed;
    private int boots;

    /** A role that runs. */
    interface Part {
        /** Ends in order; {@code stopped} runs when everything is closed. */
        void stop(Runnable stopped);

        /** What it has reported. */
        FaultLog faults();
    }

    /** Makes a role run in a process. */
    @FunctionalInterface
    interface Starter<P extends Part> {
        P start(SimProcess process) throws IOException;
    }

    Station(SimHost host, Starter<P> starter, Dice dice, Tally tally) {
        this.host = host;
        this.starter = starter;
        this.dice = dice.fork("station " + host.name());
        this.tally = tally;
        host.onDeath(dead -> {
            damageNamed = namesDamage();
            part = null;
        });
    }

    SimHost host() {
        return host;
    }

    /** The running role; null while it does not run. */
    @Nullable
    P part() {
        return part;
    }

    private Scheduler scheduler() {
        return host.scheduler();
    }

    /** Starts the role, and again until it runs. */
    void start() {
        if (host.isUp() || down) {
            return;
        }
        boots++;
        SimProcess process = host.boot();
        process.call(() -> {
            try {
                part = starter.start(process);
            } catch (IOException why) {
                tally.count("start refused");
                scheduler().log().say(scheduler().nanos(), process.name(), "cannot start: " + why.getMessage());
                host.kill();
                again(SECOND);
            }
        }, () -> {});
    }

    private void again(long nanos) {
        scheduler().after(nanos, this::start);
    }

    /** Whether the role runs. */
    boolean isUp() {
        return host.isUp() && part != null;
    }

    int boots() {
        return boots;
    }

    /** Whether the role has ever said that something stored is damaged. */
    boolean namesDamage() {
        return damageNamed || (part != null && (part.faults().total(FaultCode.STORE_CORRUPT) > 0
                || part.faults().recent().stream().anyMatch(fault -> fault.text().contains("damaged"))));
    }

    /** The process dies now, and is started again after a while. */
    void kill(boolean power) {
        if (power) {
            host.losePower();
        } else {
            host.kill();
        }
        again(dice.scaled(SECOND / 100, 20 * SECOND));
    }

    /** The process dies amid its work, and is started again after a while. */
    void killAmidWork(int operations, boolean power) {
        host.dieInOperation(operations, power);
        watch();
    }

    private void watch() {
        scheduler().after(SECOND / 10, () -> {
            if (host.isUp()) {
                watch();
            } else {
                again(dice.scaled(SECOND / 100, 20 * SECOND));
            }
        });
    }

    /** The role ends in order, and is started again after a while. */
    void restart() {
        restart(() -> {});
    }

    /** The same, with something done while it does not run. */
    void restart(Runnable between) {
        P running = part;
        SimProcess process = host.process();
        if (running == null || process == null || !host.isUp()) {
            between.run();
            return;
        }
        boolean[] done = new boolean[1];
        running.stop(() -> {
            if (process.isAlive() && !done[0]) {
                done[0] = true;
                scheduler().log().say(scheduler().nanos(), host.name(), "has stopped in order");
                tally.count("stopped in order");
                host.kill();
                between.run();
                again(dice.scaled(SECOND / 100, 5 * SECOND));
            }
        });
        // Where the process dies while it is being stopped, whoever killed it starts it again.
        host.onNextDeath(() -> {
            if (!done[0]) {
                done[0] = true;
                between.run();
            }
        });
    }

    /** It is ended, and is not started again. */
    void remove() {
        down = true;
        host.kill();
    }

    /** It may run again, and does. */
    void comeBack() {
        down = false;
        start();
    }
}
