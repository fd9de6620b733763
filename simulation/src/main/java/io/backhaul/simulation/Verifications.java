package io.backhaul.simulation;

import io.backhaul.protocol.Position;
import io.backhaul.simulation.world.Tally;
import io.backhaul.source.SourceStatus;
import org.jspecify.annotations.Nullable;

/**
 * Follows what the agent says of its verifications: a difference must be one, and once a whole pass has begun and ended after
 * something was written past the capture, with nothing left out, the replica has that too.
 */
final class Verifications {
    private static final int WHOLE = 2;
    private final Plan plan;
    private final Station<SourcePart> source;
    private final Oracle oracle;
    private final Tally tally;
    private @Nullable SourcePart seen;
    private long firstPass;
    private long lastPass;
    private long differingBefore;
    private boolean struck;

    Verifications(Plan plan, Station<SourcePart> source, Oracle oracle, Tally tally) {
        this.plan = plan;
        this.source = source;
        this.oracle = oracle;
        this.tally = tally;
    }

    /** Something was written past the capture. */
    void struck() {
        struck = true;
        seen = null;
    }

    void look() {
        SourcePart part = source.part();
        if (part != null && plan.shape().verifies().periodSeconds() > 0) {
            part.askVerified(verified -> told(part, verified));
        }
    }

    private void told(SourcePart part, SourceStatus.Verified verified) {
        SourceStatus.Verified.Since since = verified.since();
        boolean isReal = struck || !plan.keepsWhatIsStored() || since.differingBytes() == 0;
        Violation.unless(isReal, Invariant.DIFFERENCES_ARE_REAL, () -> since.differingBytes() + " bytes differ");
        if (part != seen) {
            seen = part;
            firstPass = since.passes();
            lastPass = since.passes();
            differingBefore = since.differingBytes();
        }
        tally.add("verification: ended", since.passes() - lastPass);
        lastPass = since.passes();
        SourceStatus.Found last = verified.last();
        Position captured = part.captured();
        boolean isWhole = since.passes() >= firstPass + WHOLE && last != null && last.skippedBytes() == 0;
        if (isWhole && captured != null && part.isOrdered() && oracle.isExempting()) {
            oracle.mended(captured);
            tally.add("verification: difference healed", since.differingBytes() > differingBefore ? 1 : 0);
        }
    }
}
