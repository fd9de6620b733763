package io.backhaul.engine.link;

import static io.backhaul.engine.link.LinkFixture.SECONDS;
import static io.backhaul.engine.link.LinkFixture.dial;
import static io.backhaul.engine.link.LinkFixture.ping;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.link.LinkFixture.Ears;
import io.backhaul.engine.loop.NettyLoop;
import io.backhaul.engine.loop.NettyLoops;
import io.backhaul.engine.time.SystemClock;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Identity;
import io.backhaul.protocol.Role;
import io.netty.handler.ssl.SslProvider;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TlsLinkTest {
    @TempDir
    Path directory;
    private final List<Throwable> defects = new CopyOnWriteArrayList<>();
    private final NettyLoops loops = LinkFixture.loops(defects);
    private final FaultLog faults = new FaultLog(SystemClock.INSTANCE);
    private final Identity source = new Identity(Role.SOURCE, UUID.randomUUID());
    private TestAuthority authority;
    private Credentials server;

    @BeforeEach
    void begin() {
        authority = new TestAuthority(directory.resolve("right"));
        server = authority.issue(Role.PROCESS_SERVER);
    }

    @AfterEach
    void end() {
        loops.close();
        assertThat(defects).isEmpty();
    }

    private LinkServer listen(SslProvider provider, Acceptor acceptor) throws IOException {
        return listen(provider, LinkServer.Terms.of(Set.of(Role.SOURCE), faults), acceptor);
    }

    private LinkServer listen(SslProvider provider, LinkServer.Terms terms, Acceptor acceptor) throws IOException {
        return LinkServer.listen("localhost:0", server, loops, terms, acceptor, provider);
    }

    @ParameterizedTest
    @EnumSource(value = SslProvider.class, names = {"JDK", "OPENSSL"})
    void frames_arrive_in_order_in_both_directions(SslProvider provider) throws Exception {
        Ears accepted = new Ears();
        CompletableFuture<Link> inbound = new CompletableFuture<>();
        NettyLoop loop = loops.next();
        try (LinkServer listener = listen(provider, link -> {
            link.attach(loop, accepted);
            inbound.complete(link);
        }); TlsLinks links = new TlsLinks(authority.issue(source), loops, provider)) {
            Ears dialled = new Ears();
            NettyLoop own = loops.next();
            Link link = dial(links, listener.port(), Role.PROCESS_SERVER, own, dialled).await();
            Link back = inbound.get(SECONDS, TimeUnit.SECONDS);

            assertThat(back.peer()).isEqualTo(source);
            assertThat(link.peer().role()).isEqualTo(Role.PROCESS_SERVER);
            own.execute(() -> LongStream.range(0, 5000).forEach(i -> link.send(ping(i))));
            loop.execute(() -> LongStream.range(0, 3000).forEach(i -> back.send(ping(i))));
            await().until(() -> accepted.tokens.size() == 5000 && dialled.tokens.size() == 3000);
            assertThat(accepted.tokens).isEqualTo(LongStream.range(0, 5000).boxed().toList());
            assertThat(dialled.tokens).isEqualTo(LongStream.range(0, 3000).boxed().toList());
            await().until(() -> link.queuedBytes() == 0 && back.queuedBytes() == 0);
            assertThat(listener.links()).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @EnumSource(value = SslProvider.class, names = {"JDK", "OPENSSL"})
    void what_was_sent_before_closing_arrives_even_while_the_other_side_sends(SslProvider provider) throws Exception {
        Ears dialled = new Ears();
        NettyLoop loop = loops.next();
        Ears[] accepted = new Ears[1];
        try (LinkServer listener = listen(provider, link -> {
            accepted[0] = new Ears() {
                @Override
                public void frame(Frame frame) {
                    super.frame(frame);
                    if (tokens.size() == 10) {
                        LongStream.range(0, 100).forEach(i -> link.send(ping(i)));
                        link.close();
                    }
                }
            };
            link.attach(loop, accepted[0]);
        }); TlsLinks links = new TlsLinks(authority.issue(source), loops, provider)) {
            NettyLoop own = loops.next();
            Link link = dial(links, listener.port(), Role.PROCESS_SERVER, own, dialled).await();
            own.execute(() -> LongStream.range(0, 20_000).forEach(i -> link.send(ping(i))));

            assertThat(dialled.end.get(SECONDS, TimeUnit.SECONDS)).isEqualTo("the peer closed the link");
            assertThat(dialled.tokens).hasSize(100);
            assertThat(accepted[0].end.get(SECONDS, TimeUnit.SECONDS)).isEmpty();
            assertThat(accepted[0].tokens).hasSize(10);
            await().until(() -> link.queuedBytes() == 0 && listener.links() == 0);
        }
    }

    @Test
    void a_link_that_is_handed_on_between_loops_loses_no_frame_and_keeps_their_order() throws Exception {
        List<Long> heard = new CopyOnWriteArrayList<>();
        NettyLoop[] stops = {loops.next(), loops.next()};
        try (LinkServer listener = listen(Tls.provider(), link -> link.attach(stops[0], new Ears() {
            private int at;

            @Override
            public void frame(Frame frame) {
                super.frame(frame);
                assertThat(stops[at % 2].isCurrent()).isTrue();
                heard.add(tokens.getLast());
                if (tokens.getLast() % 7 == 0) {
                    at++;
                    link.attach(stops[at % 2], this);
                }
            }
        })); TlsLinks links = new TlsLinks(authority.issue(source), loops)) {
            NettyLoop own = loops.next();
            Link link = dial(links, listener.port(), Role.PROCESS_SERVER, own, new Ears()).await();
            own.execute(() -> LongStream.range(0, 5000).forEach(i -> link.send(ping(i))));
            await().until(() -> heard.size() == 5000);
            assertThat(heard).isEqualTo(LongStream.range(0, 5000).boxed().toList());
        }
    }

    @Test
    void the_sender_is_told_when_a_full_queue_has_drained() throws Exception {
        CompletableFuture<Void> drained = new CompletableFuture<>();
        Ears accepted = new Ears();
        NettyLoop loop = loops.next();
        try (LinkServer listener = listen(Tls.provider(), link -> link.attach(loop, accepted));
                TlsLinks links = new TlsLinks(authority.issue(source), loops)) {
            NettyLoop own = loops.next();
            Link link = dial(links, listener.port(), Role.PROCESS_SERVER, own, new Ears() {
                @Override
                public void drained() {
                    drained.complete(null);
                }
            }).await();
            int frames = (int) (2 * Link.LOW_WATER_BYTES / ping(0).lengthBytes());
            own.execute(() -> {
                LongStream.range(0, frames).forEach(i -> link.send(ping(i)));
                assertThat(link.queuedBytes()).isEqualTo((long) frames * 80);
            });
            drained.get(SECONDS, TimeUnit.SECONDS);
            assertThat(link.queuedBytes()).isLessThan(Link.LOW_WATER_BYTES);
            await().until(() -> accepted.tokens.size() == frames);
        }
    }

    @Test
    void a_peer_that_asks_and_never_reads_is_not_read_any_more() throws Exception {
        List<Link> inbound = new CopyOnWriteArrayList<>();
        NettyLoop loop = loops.next();
        try (LinkServer listener = listen(Tls.provider(), link -> {
            inbound.add(link);
            link.attach(loop, new Ears() {
                @Override
                public void frame(Frame frame) {
                    link.send(frame.retain());
                    link.send(frame.retain());
                    frame.release();
                }
            });
        }); TlsLinks links = new TlsLinks(authority.issue(source), loops)) {
            NettyLoop own = loops.next();
            CompletableFuture<Link> dialled = new CompletableFuture<>();
            links.dial("localhost:" + listener.port(), Role.PROCESS_SERVER, own, new Dialler.Outcome() {
                @Override
                public void connected(Link link) {
                    dialled.complete(link); // never attached: nothing is read
                }

                @Override
                public void failed(FaultCode code, String why) {
                    dialled.completeExceptionally(new IOException(why));
                }
            });
            Link link = dialled.get(SECONDS, TimeUnit.SECONDS);
            own.execute(() -> IntStream.range(0, 1000).forEach(i -> link.send(LinkFixture.bulk())));

            await().atMost(Duration.ofSeconds(SECONDS)).until(() -> !inbound.isEmpty()
                    && inbound.getFirst().queuedBytes() > NettyLink.MAX_UNTAKEN_BYTES);
            await().during(Duration.ofMillis(500)).atMost(Duration.ofSeconds(SECONDS)).until(
                    () -> inbound.getFirst().queuedBytes() < NettyLink.MAX_UNTAKEN_BYTES
                            + 3 * NettyLink.MAX_UNDELIVERED_BYTES);
            assertThat(link.queuedBytes()).isGreaterThan(16L << 20);
        }
    }

    @ParameterizedTest
    @EnumSource(value = SslProvider.class, names = {"JDK", "OPENSSL"})
    void a_certificate_of_another_authority_is_refused_counted_and_logged_once(SslProvider provider) throws Exception {
        Credentials foreign = new TestAuthority(directory.resolve("wrong")).issue(source);
        refuses(provider, foreign, "untrusted", provider == SslProvider.JDK ? "certificate_unknown" : "unknown_ca");
    }

    @ParameterizedTest
    @EnumSource(value = SslProvider.class, names = {"JDK", "OPENSSL"})
    void a_certificate_of_another_role_is_refused_counted_and_logged_once(SslProvider provider) throws Exception {
        refuses(provider, authority.issue(Role.OPERATOR), "wrong-role",
                provider == SslProvider.JDK ? "certificate_unknown" : "bad_certificate");
    }

    private void refuses(SslProvider provider, Credentials credentials, String cause, String words) throws Exception {
        try (LinkServer listener = listen(provider, link -> link.attach(loops.next(), new Ears()));
                RawClient client = RawClient.of(credentials, server.authority(), listener.port())) {
            assertThat(client.alert()).containsIgnoringCase(words);
            try (RawClient again = RawClient.of(credentials, server.authority(), listener.port())) {
                assertThat(again.alert()).containsIgnoringCase(words);
            }
            await().untilAsserted(() -> assertThat(listener.refusals()).containsEntry(cause, 2L));
            assertThat(listener.links()).isZero();
            assertThat(faults.recent()).singleElement().satisfies(fault -> assertThat(fault.count()).isEqualTo(2));
        }
    }

    @ParameterizedTest
    @EnumSource(value = SslProvider.class, names = {"JDK", "OPENSSL"})
    void a_client_without_a_certificate_is_refused_and_counted(SslProvider provider) throws Exception {
        try (LinkServer listener = listen(provider, link -> link.attach(loops.next(), new Ears()));
                RawClient client = RawClient.of(null, server.authority(), listener.port())) {
            assertThat(client.alert()).containsIgnoringCase("certificate");
            await().untilAsserted(() -> assertThat(listener.refusals()).containsEntry("no-certificate", 1L));
        }
    }

    @ParameterizedTest
    @EnumSource(value = SslProvider.class, names = {"JDK", "OPENSSL"})
    void a_client_that_speaks_no_tls_is_refused_and_counted(SslProvider provider) throws Exception {
        try (LinkServer listener = listen(provider, link -> link.attach(loops.next(), new Ears()));
                Socket socket = new Socket("localhost", listener.port())) {
            socket.getOutputStream().write("GET / HTTP/1.0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            socket.setSoTimeout(20_000);
            assertThat(socket.getInputStream().readAllBytes()).hasSizeLessThan(100);
            await().untilAsserted(() -> assertThat(listener.refusals()).containsEntry("not-tls", 1L));
        }
    }

    @Test
    void more_half_open_connections_than_allowed_are_closed_at_once() throws Exception {
        var terms = new LinkServer.Terms(Set.of(Role.SOURCE), 2, 10, faults);
        try (LinkServer listener = listen(Tls.provider(), terms, link -> link.attach(loops.next(), new Ears()));
                Socket first = new Socket("localhost", listener.port());
                Socket second = new Socket("localhost", listener.port());
                Socket third = new Socket("localhost", listener.port())) {
            await().untilAsserted(() -> assertThat(listener.refusals()).containsEntry("too-many", 1L));
            third.setSoTimeout(20_000);
            assertThat(third.getInputStream().read()).isEqualTo(-1);
            first.shutdownOutput();
            second.shutdownOutput();
            await().untilAsserted(() -> assertThat(listener.refusals()).containsEntry("gone", 2L));
            try (TlsLinks links = new TlsLinks(authority.issue(source), loops)) {
                dial(links, listener.port(), Role.PROCESS_SERVER, loops.next(), new Ears()).await();
            }
        }
    }

    @ParameterizedTest
    @EnumSource(value = SslProvider.class, names = {"JDK", "OPENSSL"})
    void a_dialler_refuses_a_peer_of_another_role(SslProvider provider) throws Exception {
        try (LinkServer listener = listen(provider, link -> link.attach(loops.next(), new Ears()));
                TlsLinks links = new TlsLinks(authority.issue(source), loops, provider)) {
            assertThat(dial(links, listener.port(), Role.MASTER_TARGET, loops.next(), new Ears()).awaitFailure())
                    .startsWith("NOT_AUTHORISED").contains("process-server/").contains("expected master-target");
            await().untilAsserted(() -> assertThat(listener.refusals()).containsEntry("alert", 1L));
        }
    }

    @ParameterizedTest
    @EnumSource(value = SslProvider.class, names = {"JDK", "OPENSSL"})
    void a_dialler_whose_certificate_is_refused_says_so(SslProvider provider) throws Exception {
        Credentials wrong = authority.issue(Role.OPERATOR);
        Ears ears = new Ears();
        try (LinkServer listener = listen(provider, link -> link.attach(loops.next(), new Ears()));
                TlsLinks links = new TlsLinks(wrong, loops, provider)) {
            var dialled = dial(links, listener.port(), Role.PROCESS_SERVER, loops.next(), ears);
            Object told = CompletableFuture.anyOf(dialled.failure(), ears.end).get(SECONDS, TimeUnit.SECONDS);
            assertThat(told).asString().contains("refused this side's certificate");
        }
    }

    @Test
    void nobody_listening_and_unknown_names_are_unreachable() throws Exception {
        int free;
        try (ServerSocket taken = new ServerSocket(0)) {
            free = taken.getLocalPort();
        }
        try (TlsLinks links = new TlsLinks(authority.issue(source), loops)) {
            assertThat(dial(links, free, Role.PROCESS_SERVER, loops.next(), new Ears()).awaitFailure())
                    .startsWith("UNREACHABLE").containsIgnoringCase("refused");
        }
    }

    @Test
    void a_peer_that_hangs_up_in_the_handshake_is_told_of_once() throws Exception {
        try (ServerSocket rude = new ServerSocket(0); TlsLinks links = new TlsLinks(authority.issue(source), loops)) {
            for (boolean reset : new boolean[]{false, true}) {
                var dialled = dial(links, rude.getLocalPort(), Role.PROCESS_SERVER, loops.next(), new Ears());
                try (Socket accepted = rude.accept()) {
                    accepted.setSoLinger(reset, 0);
                }
                assertThat(dialled.awaitFailure()).matches("(TLS_FAILED|UNREACHABLE) .+");
            }
        }
    }

    @Test
    void a_taken_port_is_one_clear_line() throws Exception {
        try (ServerSocket taken = new ServerSocket(0)) {
            String address = "0.0.0.0:" + taken.getLocalPort();
            assertThat(catchThrowableOfType(IOException.class,
                    () -> LinkServer.listen(address, server, loops, link -> link.close())))
                    .hasMessageContaining("cannot listen on " + address + ": Address already in use; choose");
        }
    }

    @Test
    void an_expired_certificate_is_refused_by_the_server() throws Exception {
        Credentials expired = authority.issue(source.uri(), Instant.now().minus(Duration.ofHours(1)));
        refuses(SslProvider.OPENSSL, expired, "untrusted", "certificate_expired");
    }
}
