package io.backhaul.simulation;

import io.backhaul.engine.proof.ProofException;
import io.backhaul.engine.proof.ProofHeader;
import io.backhaul.engine.proof.ProofReader;
import io.backhaul.protocol.Position;
import io.backhaul.simulation.world.Dice;
import io.backhaul.simulation.world.Scheduler;
import io.backhaul.simulation.world.Tally;
import io.backhaul.source.SourceMachine;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Asks for proofs while everything fails, and holds each to what the oracle knows; also what an agent that was killed has left of
 * one under its name. In those runs only that its plan names, with dice of its own.
 */
final class Notary {
    private static final long SECOND = 1_000_000_000L;

    private final Scene scene;
    private final Scheduler scheduler;
    private final Dice dice;
    private final Tally tally;
    private final List<Asked> unanswered = new ArrayList<>();
    private int asked;
    private boolean stopped;

    /** A proof that was asked for. */
    private record Asked(String name, SourcePart of) {}

    Notary(Scene scene) {
        this.scene = scene;
        this.scheduler = scene.scheduler();
        this.dice = new Dice(scene.plan().seed(), "notary");
        this.tally = scene.tally();
    }

    void begin() {
        if (scene.plan().asksForProofs()) {
            again();
        }
    }

    void stop() {
        stopped = true;
    }

    private void again() {
        scheduler.after(dice.scaled(SECOND / 5, 20 * SECOND), () -> {
            if (!stopped) {
                ask();
                again();
            }
        });
    }

    private void ask() {
        SourcePart source = scene.source().part();
        if (source == null) {
            return;
        }
        List<Asked> orphans = unanswered.stream().filter(each -> each.of() != source).toList();
        unanswered.removeAll(orphans);
        orphans.forEach(each -> source.call(() -> look(source, each.name()), () -> {}));
        Asked next = new Asked("proof-" + ++asked, source);
        unanswered.add(next);
        int before = scene.oracle().state();
        if (dice.chance(0.5)) {
            // What is read is written to meanwhile.
            scene.guest().burst(dice.scaled(20, 400));
        }
        source.prove(next.name(), new SourceMachine.ProofAnswer() {
            @Override
            public void marked(Position position) {
                tell(next.name() + " is of " + position);
                // A write that is in the stream may not be known to have ended.
                scene.oracle().witness(position, new Oracle.Bounds(before, scene.oracle().nextState()));
            }

            @Override
            public void done(ProofHeader header) {
                unanswered.remove(next);
                tell(next.name() + " proves " + header.provedBytes() + " bytes");
                tally.add("proof: in part", header.unprovedBytes() > 0 ? 1 : 0);
                source.call(() -> look(source, next.name()), () -> {});
            }

            @Override
            public void failed(String why) {
                unanswered.remove(next);
                tell(next.name() + ": " + why);
                tally.count("proof refused");
            }
        });
    }

    private void tell(String what) {
        scheduler.log().show(scheduler.nanos(), "notary", () -> what);
    }

    /** What has the name of a proof is one, and true; then it is removed. */
    private void look(SourcePart source, String name) {
        if (!source.volume().exists(name)) {
            return;
        }
        try {
            check(source, name);
            source.volume().delete(name);
        } catch (ProofException damaged) {
            throw new Violation(Invariant.PROOFS_ARE_TRUE, String.valueOf(damaged.getMessage()));
        } catch (IOException failed) {
            tally.count("proof unreadable");
        }
    }

    private void check(SourcePart source, String name) throws IOException {
        try (ProofReader proof = ProofReader.open(source.volume(), name)) {
            Position position = proof.header().position();
            Oracle.Verdict verdict = scene.oracle().judge(proof, scene.oracle().boundsOf(position));
            Violation.unless(verdict.isRight(), Invariant.PROOFS_ARE_TRUE,
                    () -> name + " of " + position + ": " + verdict.problem());
            tally.count("checked: proofs true");
        }
    }
}
