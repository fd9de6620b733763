package io.backhaul.simulation;

import io.backhaul.processserver.RateRule;
import io.backhaul.simulation.world.Dice;
import java.util.ArrayList;
import java.util.List;

/**
 * Limits what process servers send on, in all and for the machine, and lifts it, while they run. One that starts anew has no
 * limits: nobody has told it yet.
 */
final class Limiting {
    private static final long SLOWEST = 1_000;
    private static final long FASTEST = 1_000_000;
    private final Scene scene;

    Limiting(Scene scene) {
        this.scene = scene;
    }

    void change(Dice dice) {
        RelayPart relay = dice.pick(scene.relays()).part();
        List<RateRule> rules = new ArrayList<>();
        if (dice.chance(0.5)) {
            rules.add(RateRule.always(dice.scaled(SLOWEST, FASTEST), null));
        }
        if (dice.chance(0.5)) {
            rules.add(RateRule.always(dice.scaled(SLOWEST, FASTEST), Scene.MACHINE));
        }
        if (relay != null) {
            var _ = relay.relay().status().thenAccept(machines -> scene.tally().add("limit: held back",
                    machines.stream().filter(machine -> machine.limit().holdsBack()).count()));
            relay.limit(rules);
        }
    }

    void end() {
        scene.relays().forEach(station -> {
            RelayPart relay = station.part();
            if (relay != null) {
                relay.limit(List.of());
            }
        });
    }
}
