package io.backhaul.cli;

import io.backhaul.engine.link.Credentials;
import io.backhaul.engine.link.TestAuthority;
import io.backhaul.engine.link.TlsLinks;
import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.loop.NettyLoop;
import io.backhaul.engine.loop.NettyLoops;
import io.backhaul.engine.time.SystemClock;
import io.backhaul.protocol.Identity;
import io.backhaul.protocol.Role;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** Many {@link CrowdSource}s, each with a certificate of its own. Owned by one thread; links end with the loops. */
final class Crowd implements AutoCloseable {
    private static final int WRITE_BYTES = 4096;
    private static final long EVERY_NANOS = 1_000_000_000L;

    private final NettyLoops loops;
    private final List<Member> members = new ArrayList<>();
    private volatile boolean writing;

    /** One of them. */
    record Member(NettyLoop loop, CrowdSource source) {
        long lagNanos() {
            return source.lagNanos(SystemClock.INSTANCE.nanos());
        }

        void does(Consumer<CrowdSource> what) {
            loop.execute(() -> what.accept(source));
        }
    }

    Crowd(NettyLoops loops) {
        this.loops = loops;
    }

    /** A source more, which dials at once. */
    void join(TestAuthority authority, UUID machine, String address, Lags lags) throws IOException {
        Credentials credentials = authority.issue(new Identity(Role.SOURCE, machine));
        NettyLoop loop = loops.next();
        TlsLinks links = new TlsLinks(credentials, loops);
        CrowdSource source = CompletableFuture
                .supplyAsync(() -> new CrowdSource(loop, links, machine, address, lags), loop).join();
        members.add(new Member(loop, source));
    }

    List<Member> members() {
        return members;
    }

    /** From now on each but the first writes a little once a second, not all at the same time. */
    void trickle() {
        writing = true;
        for (int index = 1; index < members.size(); index++) {
            Member member = members.get(index);
            member.loop().schedule(EVERY_NANOS * index / members.size(), () -> writeOn(member.loop(), member.source()));
        }
    }

    private void writeOn(Loop loop, CrowdSource source) {
        if (writing) {
            source.write(WRITE_BYTES);
            loop.schedule(EVERY_NANOS, () -> writeOn(loop, source));
        }
    }

    void rest() {
        writing = false;
    }

    @Override
    public void close() {
        rest();
        CompletableFuture<?>[] all = members.stream()
                .map(member -> CompletableFuture.runAsync(member.source()::close, member.loop()))
                .toArray(CompletableFuture[]::new);
        CompletableFuture.allOf(all).join();
    }
}
