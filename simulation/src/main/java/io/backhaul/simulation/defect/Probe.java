package io.backhaul.simulation.defect;

import io.backhaul.simulation.Simulate;
import java.lang.reflect.InvocationTargetException;

/** Runs the simulation with one defect, in classes of its own, until it is found. */
final class Probe {
    private final Defect defect;

    Probe(Defect defect) {
        this.defect = defect;
    }

    /**
     * What came of it.
     *
     * @param runs
     *            how many runs it took; -1 where it was not found
     * @param how
     *            what was violated
     */
    record Finding(Defect defect, long runs, String how) {
        boolean isFound() {
            return runs > 0;
        }
    }

    /** Tries seeds from the first on. */
    Finding hunt(long firstSeed, long maxRuns) {
        DefectiveClasses classes = new DefectiveClasses(Probe.class.getClassLoader(), defect.edit());
        try {
            Class<?> entry = classes.loadClass(Simulate.class.getName());
            String answer = (String) entry.getMethod("firstFailure", long.class, long.class).invoke(null, firstSeed,
                    maxRuns);
            if (defect.edit().applied().get() == 0) {
                return new Finding(defect, -1, "the edit fits no code any more: " + defect.edit());
            }
            int space = answer.indexOf(' ');
            return new Finding(defect, Long.parseLong(answer.substring(0, space)), answer.substring(space + 1));
        } catch (ClassNotFoundException | NoSuchMethodException | IllegalAccessException impossible) {
            throw new LinkageError("the simulation cannot be loaded with defect " + defect.name(), impossible);
        } catch (InvocationTargetException thrown) {
            return new Finding(defect, 1, String.valueOf(thrown.getCause()));
        }
    }
}
