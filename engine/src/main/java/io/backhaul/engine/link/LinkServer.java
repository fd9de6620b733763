package io.backhaul.engine.link;

import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.loop.NettyLoop;
import io.backhaul.engine.loop.NettyLoops;
import io.backhaul.engine.time.SystemClock;
import io.backhaul.protocol.Role;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslProvider;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Listens for links over TLS 1.3. Whoever shows no certificate of our authority, or one for a role that has no business
 * here, is refused in the handshake, counted, and logged once for each kind of refusal. Safe from any thread.
 */
public final class LinkServer implements AutoCloseable {
    private static final int BACKLOG = 512;

    /**
     * Who may connect, and how many.
     *
     * @param roles
     *            whose certificates are accepted
     * @param maxHalfOpen
     *            connections that may be in their TLS handshake at once
     * @param maxLinks
     *            links that may stand at once
     * @param faults
     *            where refusals are reported
     */
    public record Terms(Set<Role> roles, int maxHalfOpen, int maxLinks, FaultLog faults) {
        /** The usual numbers, for these roles. */
        public static Terms of(Set<Role> roles, FaultLog faults) {
            return new Terms(roles, 256, 4096, faults);
        }

        public Terms {
            roles = Set.copyOf(roles);
        }
    }

    private final NettyLoops loops;
    private final Terms terms;
    private final Acceptor acceptor;
    private final SslContext context;
    private final LinkRefusals refusals;
    private final AtomicInteger halfOpen = new AtomicInteger();
    private final AtomicInteger links = new AtomicInteger();
    private final ChannelGroup channels = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE, true);
    private int port;

    private LinkServer(NettyLoops loops, Terms terms, Acceptor acceptor, SslContext context) {
        this.loops = loops;
        this.terms = terms;
        this.acceptor = acceptor;
        this.context = context;
        this.refusals = new LinkRefusals(terms.faults);
    }

    /**
     * Listens for sources and process servers, on the usual terms.
     *
     * @param hostPort
     *            {@code HOST:PORT}; host {@code *}: all addresses; port 0: any that is free
     * @throws IOException
     *             where the address is taken or not ours, or the credentials cannot be used; the message is the one line
     *             that the operator needs
     */
    public static LinkServer listen(String hostPort, Credentials credentials, NettyLoops loops, Acceptor acceptor)
            throws IOException {
        return listen(hostPort, credentials, loops,
                Terms.of(Set.of(Role.SOURCE, Role.PROCESS_SERVER), new FaultLog(SystemClock.INSTANCE)), acceptor);
    }

    /** Listens on other terms. */
    public static LinkServer listen(String hostPort, Credentials credentials, NettyLoops loops, Terms terms,
            Acceptor acceptor) throws IOException {
        return listen(hostPort, credentials, loops, terms, acceptor, Tls.provider());
    }

    static LinkServer listen(String hostPort, Credentials credentials, NettyLoops loops, Terms terms, Acceptor acceptor,
            SslProvider provider) throws IOException {
        InetSocketAddress address = address(hostPort);
        SslContext context = Tls.server(LoadedCredentials.load(credentials), terms.roles, provider);
        LinkServer server = new LinkServer(loops, terms, acceptor, context);
        server.bind(hostPort, address);
        return server;
    }

    private static InetSocketAddress address(String hostPort) throws IOException {
        try {
            HostPort parsed = HostPort.parse(hostPort);
            return parsed.isWildcard() ? new InetSocketAddress(parsed.port())
                    : new InetSocketAddress(InetAddress.getByName(parsed.host()), parsed.port());
        } catch (IllegalArgumentException | UnknownHostException wrong) {
            throw new IOException("cannot listen on " + hostPort + ": " + wrong.getMessage(), wrong);
        }
    }

    private void bind(String hostPort, InetSocketAddress address) throws IOException {
        ServerBootstrap bootstrap = new ServerBootstrap().group(loops.group())
                .channel(NettyLoops.isEpoll() ? EpollServerSocketChannel.class : NioServerSocketChannel.class)
                .option(ChannelOption.SO_BACKLOG, BACKLOG).option(ChannelOption.SO_REUSEADDR, true);
        Handshake.options(bootstrap::childOption);
        bootstrap.childHandler(new ChannelInitializer<>() {
            @Override
            protected void initChannel(Channel channel) {
                admit(channel);
            }
        });
        ChannelFuture bound = bootstrap.bind(address).awaitUninterruptibly();
        Throwable cause = bound.cause();
        if (cause != null) {
            String words = Tls.words(cause).replaceFirst("^bind\\(\\.\\.\\) failed[^:]*: ", "");
            throw new IOException("cannot listen on " + hostPort + ": " + words
                    + "; choose another address, or stop the program that has it (`ss -ltnp` names it)", cause);
        }
        channels.add(bound.channel());
        port = ((InetSocketAddress) bound.channel().localAddress()).getPort();
    }

    private void admit(Channel channel) {
        String from = String.valueOf(channel.remoteAddress()).replaceFirst("^.*/", "");
        int others = halfOpen.getAndIncrement();
        if (others >= terms.maxHalfOpen || links.get() >= terms.maxLinks) {
            halfOpen.decrementAndGet();
            refusals.count(RefusalCause.TOO_MANY, from, others + " handshakes, " + links.get() + " links");
            var _ = channel.close();
            return;
        }
        channels.add(channel);
        AtomicBoolean isHalfOpen = new AtomicBoolean(true);
        channel.closeFuture().addListener(closed -> leaveHalfOpen(isHalfOpen));
        NettyLoop home = loops.of(channel.eventLoop());
        Handshake.prepare(channel, context, home, new Handshake.Outcome() {
            @Override
            public void done(NettyLink link) {
                leaveHalfOpen(isHalfOpen);
                links.incrementAndGet();
                channel.closeFuture().addListener(closed -> links.decrementAndGet());
                acceptor.accepted(link);
            }

            @Override
            public void failed(Throwable cause) {
                leaveHalfOpen(isHalfOpen);
                refusals.count(Tls.cause(cause), from, Tls.words(cause));
            }
        });
    }

    private void leaveHalfOpen(AtomicBoolean isHalfOpen) {
        if (isHalfOpen.getAndSet(false)) {
            halfOpen.decrementAndGet();
        }
    }

    /** Where it listens. */
    public int port() {
        return port;
    }

    /** Links that stand. */
    public int links() {
        return links.get();
    }

    /** How often a link was refused before it stood, by cause. */
    public Map<String, Long> refusals() {
        return refusals.counts();
    }

    /** Stops listening, and cuts all links that came in here. Not from a loop. */
    @Override
    public void close() {
        channels.close().awaitUninterruptibly();
    }
}
