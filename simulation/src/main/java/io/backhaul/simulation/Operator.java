package io.backhaul.simulation;

import io.backhaul.mastertarget.PointName;
import io.backhaul.simulation.world.Dice;
import io.backhaul.simulation.world.Scheduler;
import io.backhaul.simulation.world.Tally;

/** The human: marks, looks at points, resyncs, at any time. */
final class Operator {
    private final Scene scene;
    private final Judge judge;
    private final Tally tally;
    private int marks;

    Operator(Scene scene, Judge judge) {
        this.scene = scene;
        this.judge = judge;
        this.tally = scene.tally();
    }

    void act(Dice dice) {
        double choice = dice.nextDouble();
        if (choice < 0.5) {
            view();
        } else if (choice < 0.85) {
            mark(dice);
        } else if (choice < 0.9) {
            plan();
        } else if (choice < 0.93) {
            resync();
        } else if (scene.plan().shape().promotes() && choice > 0.97) {
            promote(dice);
        }
    }

    private void promote(Dice dice) {
        TargetPart target = scene.target().part();
        if (target == null) {
            return;
        }
        tally.count("operator: promote");
        PointName name = dice.nextBoolean() ? new PointName.Latest() : judge.anyPoint(target);
        target.promote(name, (position, why) -> {
            scene.scheduler().log().show(scene.scheduler().nanos(), "operator",
                    () -> "promotion of " + name + ": " + position + " " + why);
            if (position != null) {
                judge.lookAtPromoted(position);
            }
        });
    }

    private void view() {
        TargetPart target = scene.target().part();
        if (target != null) {
            tally.count("operator: view");
            judge.tryAnyView(target);
        }
    }

    private void mark(Dice dice) {
        SourcePart source = scene.source().part();
        if (source == null) {
            return;
        }
        tally.count("operator: mark");
        String label = "mark " + ++marks;
        int before = scene.oracle().state();
        source.mark(label, dice.nextBoolean(), (position, why) -> {
            Scheduler scheduler = scene.scheduler();
            scheduler.log().show(scheduler.nanos(), "operator", () -> label + " at " + position + " " + why);
            if (position != null) {
                tally.count("operator: mark answered");
                scene.oracle().witness(position, new Oracle.Bounds(before, scene.oracle().state()));
                if (scene.witness().journaledAt("target").isAtLeast(position)) {
                    judge.marked(position, label);
                }
            }
        });
    }

    private void plan() {
        SourcePart source = scene.source().part();
        if (source != null) {
            tally.count("operator: plan");
            source.plan(
                    (bytes, why) -> tally.count(bytes == null ? "operator: plan refused" : "operator: plan answered"));
        }
    }

    private void resync() {
        SourcePart source = scene.source().part();
        if (source != null) {
            tally.count("operator: resync");
            scene.witness().allowBaseline("the operator asked for it");
            source.resync((position, why) -> scene.scheduler().log().show(scene.scheduler().nanos(), "operator",
                    () -> "resync from " + position + " " + why));
        }
    }
}
