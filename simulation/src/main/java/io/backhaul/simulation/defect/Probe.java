package io.backhaul.simulation.defect;

import io.backhaul.engine.time.Clock;
import io.backhaul.simulation.Simulate;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/** Runs the simulation with one defect, in classes of its own, until it is found. */
final class Probe {
    private final Defect defect;
    private final DefectiveClasses classes;

    Probe(Defect defect) {
        this.defect = defect;
        this.classes = new DefectiveClasses(Probe.class.getClassLoader(), defect.edits());
    }

    /**
     * Loads what the defect changes.
     *
     * @throws LinkageError
     *             where a change fits no code any more, or makes code that no machine takes
     */
    void apply() {
        for (Edit edit : defect.edits()) {
            try {
                Class.forName(edit.owner(), true, classes);
            } catch (ClassNotFoundException gone) {
                throw new LinkageError(defect.name() + ": there is no class for " + edit, gone);
            }
            if (!edit.wasApplied()) {
                throw new LinkageError(defect.name() + ": nothing in " + edit + " is what it changes");
            }
        }
    }

    /** Tries the seeds in this order, until one finds the defect or it is too late. */
    Defects.Result hunt(LongStream seeds, Clock clock, long endNanos) {
        apply();
        Method entry = entry();
        long runs = 0;
        for (long seed : seeds.toArray()) {
            if (clock.nanos() >= endNanos) {
                return result(Defects.Outcome.NO_TIME, runs, 0, "no time was left");
            }
            runs++;
            String failure = fails(entry, seed);
            // What fails without the defect too has not found it.
            if (failure != null && Simulate.failureOf(seed) == null) {
                return result(Defects.Outcome.FOUND, runs, seed, failure);
            }
        }
        return result(Defects.Outcome.MISSED, runs, 0, "nothing was violated");
    }

    private Defects.Result result(Defects.Outcome outcome, long runs, long seed, String how) {
        return new Defects.Result(defect.name(), defect.sentence(), outcome, runs, seed, how);
    }

    private Method entry() {
        try {
            return classes.loadClass(Simulate.class.getName()).getMethod("failureOf", long.class);
        } catch (ClassNotFoundException | NoSuchMethodException impossible) {
            throw new LinkageError("the simulation cannot be loaded with defect " + defect.name(), impossible);
        }
    }

    private @Nullable String fails(Method entry, long seed) {
        try {
            return (String) entry.invoke(null, seed);
        } catch (IllegalAccessException impossible) {
            throw new LinkageError("the simulation cannot be run with defect " + defect.name(), impossible);
        } catch (InvocationTargetException thrown) {
            if (thrown.getCause() instanceof LinkageError broken) {
                throw broken;
            }
            return String.valueOf(thrown.getCause());
        }
    }
}
