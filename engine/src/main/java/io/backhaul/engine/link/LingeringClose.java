package io.backhaul.engine.link;

import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.channel.socket.DuplexChannel;
import io.netty.util.ReferenceCountUtil;
import java.util.concurrent.TimeUnit;

/**
 * Closes a connection so that the last words arrive. A socket that is closed with bytes unread makes the kernel send a
 * reset, which may destroy a refusal or a TLS alert on its way; so the way out is shut first, and what still comes in is
 * thrown away until the peer has closed too, or a second has passed. The first handler of a pipeline, before TLS.
 */
final class LingeringClose extends ChannelDuplexHandler {
    private static final int LINGER_MILLIS = 1000;

    private boolean lingering;

    @Override
    public void close(ChannelHandlerContext context, ChannelPromise promise) {
        if (!lingering && !(context.channel().isActive() && context.channel() instanceof DuplexChannel)) {
            var _ = context.close(promise);
            return;
        }
        context.channel().closeFuture().addListener(closed -> promise.trySuccess());
        if (!lingering) {
            linger(context, (DuplexChannel) context.channel());
        }
    }

    private void linger(ChannelHandlerContext context, DuplexChannel socket) {
        lingering = true;
        context.flush();
        socket.shutdownOutput().addListener(shut -> {
            if (shut.isSuccess()) {
                var _ = context.executor().schedule(() -> shut(context), LINGER_MILLIS, TimeUnit.MILLISECONDS);
                context.read();
            } else {
                var _ = context.close();
            }
        });
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object bytes) {
        if (lingering) {
            ReferenceCountUtil.release(bytes);
        } else {
            context.fireChannelRead(bytes);
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext context) {
        if (lingering) {
            context.read();
        } else {
            context.fireChannelReadComplete();
        }
    }

    private static void shut(ChannelHandlerContext context) {
        var _ = context.close();
    }
}
