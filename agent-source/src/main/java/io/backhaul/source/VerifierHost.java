package io.backhaul.source;

import io.backhaul.engine.fault.FaultLog;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Resend;
import java.io.IOException;
import java.util.List;

/** What a session is to its verification: when it may go on, and what becomes of differences. */
final class VerifierHost implements Verifier.Host {
    private final SourceSession session;
    private final Resending resending;
    private final FaultLog faults;
    private final String machine;

    VerifierHost(SourceSession session, Resending resending, FaultLog faults, String machine) {
        this.session = session;
        this.resending = resending;
        this.faults = faults;
        this.machine = machine;
    }

    @Override
    public int nextRequestId() {
        return session.nextRequestId();
    }

    @Override
    public boolean isQuiet() {
        return session.isQuiet();
    }

    @Override
    public boolean heal(List<Resend.Extent> differing) {
        boolean heals = resending.heal(differing);
        if (heals) {
            differing.forEach(each -> faults.report(FaultCode.REPLICA_DIFFERS, machine,
                    "disk %d, %d bytes at %d".formatted(each.disk(), each.lengthBytes(), each.offset())));
        }
        return heals;
    }

    @Override
    public void verified(boolean alike) {
        if (alike) {
            faults.clear(FaultCode.REPLICA_DIFFERS, machine);
        }
    }

    @Override
    public void saveFailed(IOException why) {
        faults.report(FaultCode.STORE_FAILED, VerificationFile.NAME, String.valueOf(why.getMessage()));
    }
}
