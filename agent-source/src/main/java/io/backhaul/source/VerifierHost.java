package io.backhaul.source;

import io.backhaul.engine.fault.FaultLog;
import io.backhaul.protocol.DigestRequest;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Resend;
import java.io.IOException;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** What a session is to its verification: the same link and capture as to a comparison, and what is told of differences. */
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
    public boolean ask(DigestRequest request) {
        return session.ask(request);
    }

    @Override
    public void barrier() throws IOException {
        session.barrier();
    }

    @Override
    public Observation observation() {
        return session.observation();
    }

    @Override
    public @Nullable UUID comparedWith() {
        return session.comparedWith();
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
    public void unreadable(int disk, DirtyMap.Stretch stretch, String why) {
        session.unreadable(disk, stretch, why);
    }

    @Override
    public void saveFailed(IOException why) {
        faults.report(FaultCode.STORE_FAILED, VerificationFile.NAME, String.valueOf(why.getMessage()));
    }
}
