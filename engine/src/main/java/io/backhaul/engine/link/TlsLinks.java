package io.backhaul.engine.link;

import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.loop.NettyLoop;
import io.backhaul.engine.loop.NettyLoops;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Identity;
import io.backhaul.protocol.Role;
import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslProvider;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Dials links over TLS 1.3. The peer is known by its certificate: issued by our authority, and for the role that was
 * dialled. Safe from any thread.
 */
public final class TlsLinks implements Dialler, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(TlsLinks.class);
    private static final int CONNECT_TIMEOUT_MILLIS = 5000;

    private final LoadedCredentials own;
    private final NettyLoops loops;
    private final SslProvider provider;
    /** Those that have been dialled: making one takes some milliseconds. Guarded by itself. */
    private final Map<Role, SslContext> contexts = new EnumMap<>(Role.class);
    private final ChannelGroup channels = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE, true);

    /**
     * @throws CredentialsException
     *             where the files cannot be used, with the one line that the operator needs
     */
    public TlsLinks(Credentials credentials, NettyLoops loops) throws CredentialsException {
        this(credentials, loops, Tls.provider());
    }

    TlsLinks(Credentials credentials, NettyLoops loops, SslProvider provider) throws CredentialsException {
        this.own = LoadedCredentials.load(credentials);
        this.loops = loops;
        this.provider = provider;
        LOG.debug("dials as {} with {}", own.identity(), provider);
    }

    /** As whom this side speaks. */
    public Identity identity() {
        return own.identity();
    }

    @Override
    public void dial(String address, Role role, Loop loop, Outcome outcome) {
        HostPort to;
        try {
            to = HostPort.parse(address);
        } catch (IllegalArgumentException wrong) {
            loop.execute(() -> outcome.failed(FaultCode.UNREACHABLE, String.valueOf(wrong.getMessage())));
            return;
        }
        // Names are resolved off the loops, because the system's resolver blocks.
        Thread.ofVirtual().name("resolve " + to.host()).start(() -> {
            try {
                List<InetAddress> found = List.of(InetAddress.getAllByName(to.host()));
                new Attempt(to, context(role), loop, outcome).connect(found, 0);
            } catch (CredentialsException unusable) {
                tell(loop, () -> outcome.failed(FaultCode.NOT_AUTHORISED, String.valueOf(unusable.getMessage())));
            } catch (UnknownHostException unknown) {
                tell(loop, () -> outcome.failed(FaultCode.UNREACHABLE, "the name " + to.host() + " is not known"));
            } catch (RejectedExecutionException stopped) {
                LOG.debug("stopped before dialling {}", address);
            }
        });
    }

    private SslContext context(Role role) throws CredentialsException {
        synchronized (contexts) {
            SslContext made = contexts.get(role);
            if (made == null) {
                made = Tls.client(own, role, provider);
                contexts.put(role, made);
            }
            return made;
        }
    }

    private static void tell(Loop loop, Runnable news) {
        try {
            loop.execute(news);
        } catch (RejectedExecutionException stopped) {
            LOG.debug("the loop that dialled has stopped");
        }
    }

    /** Cuts all links that were dialled here. */
    @Override
    public void close() {
        channels.close().awaitUninterruptibly();
    }

    /** One dial: the addresses of a host in turn, until one answers. */
    private final class Attempt implements Handshake.Outcome {
        private final HostPort to;
        private final SslContext context;
        private final Loop loop;
        private final Dialler.Outcome outcome;

        Attempt(HostPort to, SslContext context, Loop loop, Dialler.Outcome outcome) {
            this.to = to;
            this.context = context;
            this.loop = loop;
            this.outcome = outcome;
        }

        void connect(List<InetAddress> addresses, int index) {
            NettyLoop home = loop instanceof NettyLoop same ? same : loops.next();
            Bootstrap bootstrap = new Bootstrap().group(home.eventLoop())
                    .channel(NettyLoops.isEpoll() ? EpollSocketChannel.class : NioSocketChannel.class)
                    .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, CONNECT_TIMEOUT_MILLIS);
            Handshake.options(bootstrap::option);
            bootstrap.handler(new ChannelInitializer<>() {
                @Override
                protected void initChannel(Channel channel) {
                    channels.add(channel);
                    Handshake.prepare(channel, context, home, Attempt.this);
                }
            });
            bootstrap.connect(new InetSocketAddress(addresses.get(index), to.port())).addListener(connected -> {
                if (!connected.isSuccess() && index + 1 < addresses.size()) {
                    connect(addresses, index + 1);
                } else if (!connected.isSuccess()) {
                    String words = Tls.words(connected.cause());
                    tell(loop, () -> outcome.failed(FaultCode.UNREACHABLE, words));
                }
            });
        }

        @Override
        public void done(NettyLink link) {
            tell(loop, () -> outcome.connected(link));
        }

        @Override
        public void failed(Throwable cause) {
            RefusalCause kind = Tls.cause(cause);
            String words = switch (kind) {
                case ALERT -> to.host() + " refused this side's certificate: " + Tls.words(cause);
                case GONE -> to.host() + " ended the connection in the TLS handshake";
                case TOO_SLOW -> to.host() + " did not answer the TLS handshake in time";
                case NO_CERTIFICATE, UNTRUSTED, NO_IDENTITY, WRONG_ROLE -> to.host() + " is not trusted: "
                        + Tls.words(cause);
                case NOT_TLS, TOO_MANY -> to.host() + " does not speak TLS 1.3 as needed: " + Tls.words(cause);
            };
            tell(loop, () -> outcome.failed(kind.code(), words));
        }
    }
}
