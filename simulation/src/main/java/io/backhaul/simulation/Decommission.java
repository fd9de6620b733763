package io.backhaul.simulation;

import io.backhaul.processserver.Relay;
import io.backhaul.protocol.Position;
import io.backhaul.simulation.world.Dice;
import io.backhaul.simulation.world.Scheduler;

/**
 * Takes a process server away, as the manual says: the source is given the others, and once the process server itself says
 * that nothing is undelivered it is ended and its disk is wiped. Later it comes back, as a new one.
 */
final class Decommission {
    private static final long SECOND = 1_000_000_000L;
    private static final int MAX_QUESTIONS = 600;
    private final Scene scene;
    private final Scheduler scheduler;
    private int relay = -1;
    private boolean gone;

    Decommission(Scene scene) {
        this.scene = scene;
        this.scheduler = scene.scheduler();
    }

    void begin(Dice dice) {
        if (relay >= 0 || scene.config().relaysUsed() < 2) {
            return;
        }
        int chosen = dice.nextInt(scene.relays().size());
        relay = chosen;
        gone = false;
        scene.tally().count("decommission: begun");
        scene.config().leave(relay);
        say("is to go");
        scene.source().restart();
        long away = dice.scaled(SECOND, 120 * SECOND);
        scheduler.after(SECOND, () -> ask(chosen, MAX_QUESTIONS, away));
    }

    private void say(String what) {
        scheduler.log().say(scheduler.nanos(), "operator", "ps" + relay + " " + what);
    }

    private void ask(int of, int questionsLeft, long awayNanos) {
        if (relay != of || gone) {
            return;
        }
        RelayPart part = scene.relays().get(of).part();
        if (questionsLeft == 0) {
            end();
            return;
        }
        scheduler.after(SECOND, () -> ask(of, questionsLeft - 1, awayNanos));
        if (part != null) {
            var _ = part.relay().status().thenAccept(statuses -> {
                if (relay == of && !gone) {
                    answered(of, Relay.objection(statuses).isEmpty(), awayNanos);
                }
            });
        }
    }

    private void answered(int of, boolean mayGo, long awayNanos) {
        if (!mayGo) {
            scene.tally().count("decommission: refused");
            return;
        }
        gone = true;
        say("goes");
        scene.tally().count("decommission: done");
        Station<RelayPart> station = scene.relays().get(of);
        Position told = scene.witness().durableAt(station.host().name());
        Position journaled = scene.witness().journaledAnywhere();
        Violation.unless(journaled.isAtLeast(told), Invariant.ACKNOWLEDGED_IS_KEPT,
                () -> station.host().name() + " lets itself be decommissioned while it holds " + told
                        + ", and no master target more than " + journaled);
        station.remove();
        scene.wipeSpool(of);
        scheduler.after(awayNanos, () -> {
            if (relay == of) {
                end();
            }
        });
    }

    /** It comes back, or stays after all. */
    void end() {
        if (relay < 0) {
            return;
        }
        say("is used again");
        Station<RelayPart> station = scene.relays().get(relay);
        scene.config().join(relay);
        relay = -1;
        station.comeBack();
        scene.source().restart();
    }
}
