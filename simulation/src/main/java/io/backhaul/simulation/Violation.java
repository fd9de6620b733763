package io.backhaul.simulation;

/** An invariant does not hold. */
final class Violation extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final Invariant invariant;

    Violation(Invariant invariant, String details) {
        super(invariant + " (" + invariant.sentence() + "): " + details);
        this.invariant = invariant;
    }

    Invariant invariant() {
        return invariant;
    }

    static void unless(boolean holds, Invariant invariant, java.util.function.Supplier<String> details) {
        if (!holds) {
            throw new Violation(invariant, details.get());
        }
    }
}
