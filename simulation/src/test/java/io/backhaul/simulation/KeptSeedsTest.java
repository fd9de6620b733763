package io.backhaul.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.simulation.world.EventLog;
import io.netty.util.ResourceLeakDetector;
import io.netty.util.ResourceLeakDetector.Level;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Runs that have found a bug once, under the name of the bug. What a seed means changes with what the world draws; where a
 * bug has a test in the module that it was in, docs/SIMULATION.md names it.
 */
@Execution(ExecutionMode.CONCURRENT)
class KeptSeedsTest {
    @BeforeAll
    static void deathsLeak() {
        ResourceLeakDetector.setLevel(Level.DISABLED);
    }

    @AfterAll
    static void nothingElseMay() {
        ResourceLeakDetector.setLevel(Level.PARANOID);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({"a machine that is being closed welcomed a link,--seed 1021",
        "a mark that the base stands at lost its name,--seed 1046",
        "a fold went beyond the point of a promotion,--seed 2055",
        "a frame of a spool that was begun anew went out,--seed 2154",
        "a WELCOME named a record that was given up,--seed 2183",
        "a decommission asked another process server than it began with,--seed 8",
        "what a target had lost was held against a process server,--seed 20780000021",
        "bits of a dirty map that stand for no block were never cleared,--seed 34",
        "a machine whose state was lost used a generation twice,--seed 61",
        "that there had been a state was forgotten before the next one was durable,--seed 244",
        "after a promotion that was refused no digests were answered,--seed 225",
        "a refusal of wrong disks was told to an agent that had the right ones,--seed 237",
        "losses were taken before the stream was resumed that they were to end,--seed 795466462504",
        "what was lost was pending before the stream was resumed,--seed 795466463776",
        "a state was half written and the older one knew of no comparison,--seed 795466463918",
        "a spool that was full of what had been given up was never trimmed,--seed 795466464324",
        "a machine that had lost its state began a generation that a lost spool had held,--seed 20780000060",
        "a disk that had failed to flush was trusted after a loss of power,--seed 20781000009",
        "what had been set aside filled a spool's volume for ever,--seed 795471043215",
        "a damaged start of a generation was searched for by counting,--seed 795471043746",
        "a mark of an earlier generation hid one that was kept,--seed 20781000340",
        "whether damaged records are needed was not asked again after an error,--seed 2719",
        "a point that cannot be opened kept a later one from being offered,--seed 4999",
        "a frame that could not be found hid what is behind it,--seed 20781000109",
        "a generation from before the state was lost was built upon another stream,--seed 795506496527",
        "who had lost the frame that its stream began with was held to have lost nothing,--seed 65000000011",
        "a stream that began anew and was given up refused what came again in front of it,--seed 20785000121",
        "the last chunk of a disk that ends amid it was told of for ever,--seed 20786000063"})
    void whatWasFoundOnceStaysMended(String bug, String command) {
        Options options = Options.of(List.of(command.replace(';', ',').split(" ", -1)));
        Plan plan = Plan.of(options.first, options.without);
        System.out.println(bug + ": " + plan.command());
        assertThat(new Run(plan, new EventLog()).go().failure()).as("%s: %s", bug, plan.command()).isNull();
    }
}
