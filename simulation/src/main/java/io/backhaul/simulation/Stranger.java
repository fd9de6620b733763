package io.backhaul.simulation;

import io.backhaul.engine.link.Link;
import io.backhaul.engine.loop.Loop;
import io.backhaul.protocol.FaultCode;
import io.backhaul.engine.link.Dialler;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Hello;
import io.backhaul.protocol.Identity;
import io.backhaul.protocol.Limits;
import io.backhaul.protocol.Role;
import io.backhaul.simulation.world.Dice;
import io.backhaul.simulation.world.SimHost;
import io.backhaul.simulation.world.SimProcess;
import java.util.UUID;

/** Somebody with a certificate of the house who connects where he should not, and says what he should not, or nothing. */
final class Stranger {
    private static final long SECOND = 1_000_000_000L;
    private final Scene scene;
    private final SimProcess process;

    Stranger(Scene scene) {
        this.scene = scene;
        this.process = new SimHost("stranger", scene.scheduler(), scene.dice()).boot();
    }

    void knock(Dice dice) {
        boolean atTarget = dice.nextBoolean();
        int which = dice.nextInt(atTarget ? scene.targets().size() : scene.relays().size());
        String address = atTarget ? Config.targetAddress(which) : Config.relayAddress(which);
        Role mine = atTarget ? Role.PROCESS_SERVER : Role.SOURCE;
        boolean own = dice.nextBoolean();
        UUID machine = own ? new UUID(66, 6) : Scene.MACHINE;
        boolean speaks = dice.chance(0.8);
        int version = dice.chance(0.3) ? Limits.VERSION + 1 : Limits.VERSION;
        Hello hello = new Hello(machine, 1, version, version, "stranger");
        scene.scheduler().log().say(scene.scheduler().nanos(), "stranger",
                "knocks at " + address + (speaks ? " and says " + hello : ", silent"));
        Loop loop = process.newLoop();
        scene.network().dialler(process, new Identity(mine, new UUID(66, 6))).dial(address,
                atTarget ? Role.MASTER_TARGET : Role.PROCESS_SERVER, loop, new Dialler.Outcome() {
                    @Override
                    public void connected(Link link) {
                        link.attach(loop, new Ears());
                        if (speaks) {
                            link.send(hello.frame(process.allocator()));
                        }
                        loop.schedule(dice.scaled(SECOND / 10, 60 * SECOND), link::close);
                    }

                    @Override
                    public void failed(FaultCode code, String why) {
                        scene.tally().count("stranger: " + code);
                    }
                });
    }

    /** Hears everything and answers nothing. */
    private static final class Ears implements Link.Listener {
        @Override
        public void frame(Frame frame) {
            frame.release();
        }

        @Override
        public void closed(String why) {
            // He goes his way.
        }
    }
}
