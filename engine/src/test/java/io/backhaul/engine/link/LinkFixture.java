package io.backhaul.engine.link;

import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.loop.NettyLoops;
import io.backhaul.protocol.Digests;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Heartbeat;
import io.backhaul.protocol.Limits;
import io.backhaul.protocol.MalformedBodyException;
import io.backhaul.protocol.Role;
import io.netty.buffer.ByteBufAllocator;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;

/** What tests of links share: dialling and waiting, and a listener that remembers. */
final class LinkFixture {
    static final UUID MACHINE = UUID.fromString("0b5c2ad6-60aa-4b1c-9d1f-7d1f6f2c9b10");
    static final long SECONDS = 20;

    private LinkFixture() {}

    /** A link, or the refusal in words. */
    record Dialled(CompletableFuture<Link> link, CompletableFuture<String> failure) {
        Link await() throws Exception {
            return link.get(SECONDS, TimeUnit.SECONDS);
        }

        String awaitFailure() throws Exception {
            return failure.get(SECONDS, TimeUnit.SECONDS);
        }
    }

    static Dialled dial(Dialler dialler, int port, Role role, Loop loop, Link.Listener listener) {
        Dialled dialled = new Dialled(new CompletableFuture<>(), new CompletableFuture<>());
        dialler.dial("localhost:" + port, role, loop, new Dialler.Outcome() {
            @Override
            public void connected(Link link) {
                link.attach(loop, listener);
                dialled.link.complete(link);
            }

            @Override
            public void failed(FaultCode code, String why) {
                dialled.failure.complete(code + " " + why);
            }
        });
        return dialled;
    }

    static NettyLoops loops(List<Throwable> defects) {
        return new NettyLoops(2, (where, defect) -> {
            defect.printStackTrace();
            defects.add(defect);
        });
    }

    static Frame ping(long token) {
        return new Heartbeat(MACHINE, false, token).frame(ByteBufAllocator.DEFAULT);
    }

    /** A frame of 64 KiB. */
    static Frame bulk() {
        return new Digests(MACHINE, 1, Digests.Status.SOME, 0, MACHINE,
                ByteBuffer.allocate(Limits.MAX_DIGESTS * Limits.DIGEST_BYTES))
                .frame(ByteBufAllocator.DEFAULT);
    }

    /** Remembers the tokens of heartbeats, and the end. */
    static class Ears implements Link.Listener {
        final List<Long> tokens = new CopyOnWriteArrayList<>();
        final CompletableFuture<String> end = new CompletableFuture<>();

        @Override
        public void frame(Frame frame) {
            try {
                tokens.add(Heartbeat.read(frame).token());
            } catch (MalformedBodyException e) {
                throw new IllegalStateException(e);
            } finally {
                frame.release();
            }
        }

        @Override
        public void closed(String why) {
            if (!end.complete(why)) {
                throw new IllegalStateException("told twice of the end");
            }
        }
    }
}
