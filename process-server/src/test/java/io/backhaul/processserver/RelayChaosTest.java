package io.backhaul.processserver;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.blockio.DeviceFullException;
import io.backhaul.engine.log.CrashVolume;
import java.io.IOException;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Random faults for a while; when they stop, everything arrives. The receivers assert the law of sequence all the time. */
class RelayChaosTest {
    private static final int STEPS = 60;

    private final Random random = new Random();

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void losesNothingAndKeepsTheGenerationWhereNoDiskIsLost(long seed) {
        random.setSeed(seed);
        RelayWorld world = new RelayWorld(seed);
        for (int i = 0; i < STEPS; i++) {
            step(world, random.nextInt(8));
            world.loop.runFor(random.nextInt(400));
        }
        mend(world);
        world.converge();
        // The word that all is journaled may have been lost with a link; it comes with the next one.
        for (int i = 0; i < 600 && !world.status().delivered(); i++) {
            world.loop.runFor(100);
        }
        assertThat(world.source.basis).as("no new generation").hasSize(1);
        assertThat(world.status().delivered()).isTrue();
        world.close();
    }

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {11, 12, 13, 14, 15, 16, 17, 18})
    void recoversByNewGenerationsWhereDisksAndJournalsAreLost(long seed) {
        random.setSeed(seed);
        RelayWorld world = new RelayWorld(seed);
        for (int i = 0; i < STEPS; i++) {
            step(world, random.nextInt(10));
            world.loop.runFor(random.nextInt(400));
        }
        mend(world);
        world.loop.runFor(30_000);
        world.source.write(5, 1000);
        world.converge();
        world.close();
    }

    private void step(RelayWorld world, int what) {
        switch (what) {
            case 0 -> world.cutUpstream();
            case 1 -> world.cutDownstream();
            case 2 -> restart(world, random.nextBoolean());
            case 3 -> world.target.restart();
            case 4 -> {
                IOException cause = random.nextBoolean() ? new IOException("EIO") : new DeviceFullException("full");
                world.spool().failIn(random.nextInt(6), cause);
            }
            case 5 -> mend(world);
            case 6 -> world.targetUnreachable = random.nextBoolean();
            case 8 -> {
                world.kill(true);
                world.volume = new CrashVolume("another disk");
                world.start();
            }
            case 9 -> {
                if (random.nextInt(4) == 0 && world.target.journaled().sequence() > 2) {
                    var at = world.target.journaled();
                    world.target.lose(new io.backhaul.protocol.Position(at.generation(), 1));
                }
            }
            default -> world.source.write(random.nextInt(60), 1 + random.nextInt(6000));
        }
        world.source.write(random.nextInt(5), 500);
    }

    private void restart(RelayWorld world, boolean power) {
        world.kill(power);
        world.start();
    }

    private static void mend(RelayWorld world) {
        world.spool().mend();
        world.targetUnreachable = false;
    }
}
