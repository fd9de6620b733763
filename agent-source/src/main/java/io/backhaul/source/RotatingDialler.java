package io.backhaul.source;

import io.backhaul.engine.link.Dialler;
import io.backhaul.engine.link.Link;
import io.backhaul.engine.loop.Loop;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Role;
import java.util.List;

/** Dials one of several addresses, the next one after each failure. Owned by the session's loop. */
final class RotatingDialler implements Dialler {
    private final Dialler dialler;
    private final List<String> addresses;
    private int turn;

    RotatingDialler(Dialler dialler, List<String> addresses) {
        this.dialler = dialler;
        this.addresses = addresses;
    }

    /** The one that was or will be dialled. */
    String address() {
        return addresses.get(turn);
    }

    /** The present one will not do. */
    void rotate() {
        turn = (turn + 1) % addresses.size();
    }

    @Override
    public void dial(String address, Role role, Loop loop, Outcome outcome) {
        dialler.dial(address(), role, loop, new Outcome() {
            @Override
            public void connected(Link link) {
                outcome.connected(link);
            }

            @Override
            public void failed(FaultCode code, String why) {
                String tried = address();
                rotate();
                outcome.failed(code, why.contains(tried) ? why : tried + ": " + why);
            }
        });
    }
}
