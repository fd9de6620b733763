package io.backhaul.engine.link;

import io.backhaul.engine.loop.NettyLoop;
import io.backhaul.protocol.Identity;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import java.nio.channels.ClosedChannelException;
import java.security.cert.X509Certificate;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLPeerUnverifiedException;

/** Waits for the end of the TLS handshake on one channel, and puts a {@link NettyLink} in its own place. */
final class Handshake extends ChannelInboundHandlerAdapter {
    private static final int TIMEOUT_SECONDS = 10;

    /**
     * Who waits for the end. One method is called, on the channel's loop; none where the channel never connected, of which
     * the connect's own outcome or the channel's close tells.
     */
    interface Outcome {
        void done(NettyLink link);

        void failed(Throwable cause);
    }

    private final NettyLoop home;
    private final Outcome outcome;
    private boolean connected;
    private boolean told;

    private Handshake(NettyLoop home, Outcome outcome) {
        this.home = home;
        this.outcome = outcome;
    }

    /** Fills the pipeline of a new channel. */
    static void prepare(Channel channel, SslContext context, NettyLoop home, Outcome outcome) {
        SslHandler tls = context.newHandler(channel.alloc());
        tls.setHandshakeTimeout(TIMEOUT_SECONDS, TimeUnit.SECONDS);
        channel.pipeline().addLast(new LingeringClose(), tls, new Handshake(home, outcome));
    }

    /** The options of every link's socket. The buffers are left to the kernel, which fits them to the path. */
    static void options(Option set) {
        set.of(ChannelOption.AUTO_READ, false);
        set.of(ChannelOption.TCP_NODELAY, true);
        set.of(ChannelOption.SO_KEEPALIVE, true);
        set.of(ChannelOption.RECVBUF_ALLOCATOR, NettyLink.readSizes());
        set.of(ChannelOption.WRITE_BUFFER_WATER_MARK, NettyLink.waterMarks());
    }

    /** Takes an option. */
    interface Option {
        <T> void of(ChannelOption<T> option, T value);
    }

    @Override
    public void channelActive(ChannelHandlerContext context) {
        connected = true;
        context.read();
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (!(event instanceof SslHandshakeCompletionEvent completion)) {
            context.fireUserEventTriggered(event);
        } else if (completion.isSuccess()) {
            succeed(context);
        } else {
            fail(completion.cause());
        }
    }

    private void succeed(ChannelHandlerContext context) {
        ChannelPipeline pipeline = context.pipeline();
        try {
            var certificates = pipeline.get(SslHandler.class).engine().getSession().getPeerCertificates();
            Identity peer = LoadedCredentials.identity((X509Certificate) certificates[0])
                    .orElseThrow(() -> new PeerRefusedException(RefusalCause.NO_IDENTITY, "no identity"));
            NettyLink link = new NettyLink(context.channel(), home, peer);
            pipeline.replace(this, "link", link);
            told = true;
            home.run(() -> outcome.done(link));
        } catch (SSLPeerUnverifiedException | PeerRefusedException unverified) {
            fail(unverified);
            var _ = context.close();
        }
    }

    private void fail(Throwable cause) {
        if (connected && !told) {
            told = true;
            home.run(() -> outcome.failed(cause));
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        fail(new ClosedChannelException());
        context.fireChannelInactive();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        fail(cause);
        var _ = context.close();
    }
}
