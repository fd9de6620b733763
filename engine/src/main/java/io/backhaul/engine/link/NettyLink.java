package io.backhaul.engine.link;

import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.loop.NettyLoop;
import io.backhaul.protocol.Decoded;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.FrameDecoder;
import io.backhaul.protocol.Identity;
import io.netty.buffer.ByteBuf;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.handler.ssl.SslCloseCompletionEvent;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A link that is a TLS connection of Netty.
 *
 * <p>
 * Two owners. The channel's loop, <i>home</i>, owns decoder, reading and writing. The attached loop owns the listener and
 * calls {@link #send}, {@link #attach} and {@link #close}; it may be home itself, and frames are delivered without a change
 * of threads then. Between the two stand two queues, {@code inbox} and {@code outbox}, whose consumer is scheduled once
 * however many frames wait: a batch costs one wake-up, and one flush.
 *
 * <p>
 * Memory. Nothing is read while more than {@link #MAX_UNDELIVERED_BYTES} wait in the inbox, or more than
 * {@link #MAX_UNTAKEN_BYTES} of answers wait for the peer to take them; so a peer that floods, or asks and never reads,
 * stops itself. What is delivered is bounded by the session's credit.
 */
final class NettyLink extends ChannelInboundHandlerAdapter implements Link {
    static final long MAX_UNDELIVERED_BYTES = 4L << 20;
    static final long MAX_UNTAKEN_BYTES = 8L << 20;
    /** What a frame costs beside its bytes. */
    private static final int FRAME_OVERHEAD_BYTES = 256;
    private static final int MAX_BATCH_FRAMES = 256;
    private static final int CLOSE_TIMEOUT_SECONDS = 5;

    private final Channel channel;
    private final NettyLoop home;
    private final Identity peer;
    private final String remoteAddress;
    private final FrameDecoder decoder;

    private final AtomicLong receivedBytes = new AtomicLong();
    private final Queue<Frame> inbox = new ConcurrentLinkedQueue<>();
    private final AtomicLong undeliveredBytes = new AtomicLong();
    private final AtomicBoolean delivering = new AtomicBoolean();
    private final Queue<Frame> outbox = new ConcurrentLinkedQueue<>();
    private final AtomicLong queuedBytes = new AtomicLong();
    private final AtomicBoolean flushing = new AtomicBoolean();

    private volatile @Nullable Attachment attachment;
    private volatile @Nullable String ending;
    private volatile boolean told;
    private volatile boolean drainedDue;
    private volatile boolean closing;
    private volatile boolean parked;
    private volatile boolean held;
    private boolean deaf;

    /** Who is told, and where; each attaching makes a new one. */
    private static final class Attachment {
        final Loop loop;
        final Listener listener;

        Attachment(Loop loop, Listener listener) {
            this.loop = loop;
            this.listener = listener;
        }
    }

    NettyLink(Channel channel, NettyLoop home, Identity peer) {
        this.channel = channel;
        this.home = home;
        this.peer = peer;
        this.remoteAddress = String.valueOf(channel.remoteAddress()).replaceFirst("^.*/", "");
        this.decoder = new FrameDecoder(channel.alloc());
    }

    static RecvByteBufAllocator readSizes() {
        return new AdaptiveRecvByteBufAllocator(2048, 64 << 10, 256 << 10).maxMessagesPerRead(4);
    }

    static WriteBufferWaterMark waterMarks() {
        return new WriteBufferWaterMark((int) LOW_WATER_BYTES, 4 * (int) LOW_WATER_BYTES);
    }

    @Override
    public Identity peer() {
        return peer;
    }

    @Override
    public String remoteAddress() {
        return remoteAddress;
    }

    @Override
    public void attach(Loop loop, Listener listener) {
        boolean first = attachment == null;
        attachment = new Attachment(loop, listener);
        if (first) {
            atHome(() -> {
                parked = true;
                readOn();
            });
        }
        if (isDeliveryDue()) {
            scheduleDelivery();
        }
    }

    // The way in.

    @Override
    public long receivedBytes() {
        return receivedBytes.get();
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        ByteBuf bytes = (ByteBuf) message;
        receivedBytes.addAndGet(bytes.readableBytes());
        try {
            while (!deaf && bytes.isReadable()) {
                Decoded decoded = decoder.next(bytes);
                if (decoded == null) {
                    break;
                }
                take(decoded);
            }
        } finally {
            bytes.release();
        }
    }

    private void take(Decoded decoded) {
        switch (decoded) {
            case Decoded.Intact(Frame frame) -> {
                undeliveredBytes.addAndGet(costBytes(frame));
                inbox.add(frame);
            }
            case Decoded.Damaged damaged -> fail(FaultCode.BAD_FRAME.label() + " " + damaged.type() + " at "
                    + damaged.first() + " does not match its checksum");
            case Decoded.Lost lost -> fail(FaultCode.BAD_FRAME.label() + " " + lost.why());
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext context) {
        Attachment to = attachment;
        if (to != null && isDeliveryDue() && delivering.compareAndSet(false, true)) {
            if (to.loop.isCurrent()) {
                home.run(this::deliver);
            } else {
                startDelivery(to);
            }
        }
        parked = true;
        readOn();
    }

    /** Reads on where there is room for what comes; at home. */
    private void readOn() {
        if (parked && mayRead()) {
            parked = false;
            channel.read();
        }
    }

    private boolean mayRead() {
        return deaf || (attachment != null && !held && undeliveredBytes.get() < MAX_UNDELIVERED_BYTES
                && queuedBytes.get() < MAX_UNTAKEN_BYTES);
    }

    @Override
    public void hold(boolean nothingMore) {
        held = nothingMore;
        if (!nothingMore) {
            atHome(this::readOn);
        }
    }

    private static long costBytes(Frame frame) {
        return frame.lengthBytes() + (long) FRAME_OVERHEAD_BYTES;
    }

    private boolean isDeliveryDue() {
        return !inbox.isEmpty() || drainedDue || (ending != null && !told);
    }

    private void scheduleDelivery() {
        Attachment to = attachment;
        if (to != null && delivering.compareAndSet(false, true)) {
            startDelivery(to);
        }
    }

    private void startDelivery(Attachment to) {
        try {
            to.loop.execute(this::deliver);
        } catch (RejectedExecutionException stopped) {
            dropInbox();
        }
    }

    /** Tells the listener what has come; on the attached loop, one at a time by {@code delivering}. */
    private void deliver() {
        Attachment to = attachment;
        if (to == null || !to.loop.isCurrent()) {
            delivering.set(false);
            scheduleDelivery();
            return;
        }
        for (int i = 0; i < MAX_BATCH_FRAMES && to.equals(attachment); i++) {
            Frame frame = inbox.poll();
            if (frame == null) {
                break;
            }
            undeliveredBytes.addAndGet(-costBytes(frame));
            if (closing) {
                frame.release();
            } else {
                to.listener.frame(frame);
            }
        }
        if (to.equals(attachment) && drainedDue) {
            drainedDue = false;
            if (!closing) {
                to.listener.drained();
            }
        }
        String why = ending;
        if (to.equals(attachment) && why != null && inbox.isEmpty() && !told) {
            told = true;
            to.listener.closed(closing ? "" : why);
        }
        delivering.set(false);
        if (isDeliveryDue()) {
            scheduleDelivery();
        }
        if (parked && mayRead()) {
            atHome(this::readOn);
        }
    }

    // The way out.

    @Override
    public void send(Frame frame) {
        if (closing || ending != null) {
            frame.release();
            return;
        }
        queuedBytes.addAndGet(frame.lengthBytes());
        outbox.add(frame);
        scheduleFlush();
    }

    @Override
    public long queuedBytes() {
        return queuedBytes.get();
    }

    private void scheduleFlush() {
        if (flushing.compareAndSet(false, true) && !atHome(this::flush)) {
            for (Frame frame = outbox.poll(); frame != null; frame = outbox.poll()) {
                frame.release();
            }
        }
    }

    /** Writes a batch, and flushes once; at home. The buffer of a frame may be shared: only a duplicate of it is moved. */
    private void flush() {
        flushing.set(false);
        for (int i = 0; i < MAX_BATCH_FRAMES; i++) {
            Frame frame = outbox.poll();
            if (frame == null) {
                break;
            }
            int lengthBytes = frame.lengthBytes();
            channel.write(frame.bytes().duplicate()).addListener(written -> taken(lengthBytes));
        }
        channel.flush();
        if (!outbox.isEmpty()) {
            scheduleFlush();
        }
    }

    /** The operating system has taken a frame, or never will; at home. */
    private void taken(int lengthBytes) {
        long before = queuedBytes.getAndAdd(-lengthBytes);
        long after = before - lengthBytes;
        if (before >= LOW_WATER_BYTES && after < LOW_WATER_BYTES) {
            drainedDue = true;
            scheduleDelivery();
        }
        readOn();
        if (closing && after == 0) {
            var _ = channel.close();
        }
    }

    // The end.

    @Override
    public void close() {
        if (closing) {
            return;
        }
        closing = true;
        boolean begun = atHome(() -> {
            deaf = true;
            if (queuedBytes.get() == 0) {
                var _ = channel.close();
            } else {
                readOn();
                var _ = channel.eventLoop().schedule(() -> channel.unsafe().close(channel.voidPromise()),
                        CLOSE_TIMEOUT_SECONDS,
                        TimeUnit.SECONDS);
            }
        });
        if (!begun) {
            end("the loop has stopped");
        }
    }

    /** Ends the link because of what came in; at home. */
    private void fail(String why) {
        deaf = true;
        end(why);
        var _ = channel.close();
    }

    private void end(String why) {
        if (ending == null) {
            ending = why;
            scheduleDelivery();
        }
        if (attachment == null) {
            dropInbox();
        }
    }

    private void dropInbox() {
        for (Frame frame = inbox.poll(); frame != null; frame = inbox.poll()) {
            frame.release();
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event instanceof SslCloseCompletionEvent ended && ended.isSuccess()) {
            fail("the peer closed the link");
        }
        context.fireUserEventTriggered(event);
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        end(decoder.isAtBoundary() ? "the connection ended" : "the connection was cut within a frame");
        context.fireChannelInactive();
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext context) {
        decoder.close();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        String words = Tls.words(cause);
        boolean alert = Tls.cause(cause) == RefusalCause.ALERT;
        fail(alert ? FaultCode.NOT_AUTHORISED.label() + " the peer refused this side's certificate (" + words + ")"
                : words);
    }

    /** Runs a task at home, later; says whether home still stands. */
    private boolean atHome(Runnable task) {
        try {
            home.execute(task);
            return true;
        } catch (RejectedExecutionException stopped) {
            return false;
        }
    }
}
