package io.backhaul.blockio.nbd;

import static io.backhaul.blockio.nbd.NbdNumbers.*;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The transmission phase of one connection. Its owner thread reads requests; it carries quick ones out itself and hands
 * the others to a few workers, see {@link Placement}. Replies go out in the order in which work ends, many in one call.
 * <p>
 * Buffers: the reader borrows one for each request that needs it, within the limits of {@link InFlight}; it goes back when
 * the write is done or the reply is written. Before the reader waits for anything, it flushes the replies that it collected.
 */
final class Transmission {
    private static final long WORKER_IDLE_SECONDS = 10;

    private final Export export;
    private final NbdInput input;
    private final NbdSocket socket;
    private final DeviceWork work;
    private final ReplyWriter replies;
    private final BufferPool pool;
    private final InFlight inFlight;
    private final Placement placement = new Placement();
    private final ThreadFactory threads;
    private final int workerCount;
    private final Consumer<String> problems;
    private @Nullable ThreadPoolExecutor workers;

    Transmission(NegotiatedSession session, NbdServerOptions options, BufferPool pool, ThreadFactory threads) {
        this.export = session.export();
        this.input = session.input();
        this.socket = session.socket();
        this.pool = pool;
        this.threads = threads;
        this.workerCount = options.workersPerConnection();
        this.problems = options.problems();
        this.work = new DeviceWork(export.device(), session.structured(), session.allocation());
        this.inFlight = new InFlight(options.inFlightLimitBytes(), options.inFlightLimitRequests());
        this.replies = new ReplyWriter(socket, this::giveBack);
    }

    /** Serves until the client says goodbye or ends; returns when nothing of this connection is under way any more. */
    void serve() throws IOException {
        try {
            while (nextRequest()) {
                // until the client leaves
            }
        } finally {
            finish();
        }
    }

    private boolean nextRequest() throws IOException {
        if (input.buffered() < REQUEST_HEADER_BYTES) {
            replies.flush();
        }
        if (!input.await(REQUEST_HEADER_BYTES)) {
            return false;
        }
        int magic = input.getInt();
        if (magic != REQUEST_MAGIC) {
            throw new ProtocolBreach(
                    "a request starts with " + Integer.toHexString(magic) + ", which is no NBD request");
        }
        int flags = input.getUnsignedShort();
        int type = input.getUnsignedShort();
        long cookie = input.getLong();
        long offset = input.getLong();
        long length = Integer.toUnsignedLong(input.getInt());
        if (type == CMD_DISC) {
            return false;
        }
        int objection = work.objection(type, flags, offset, length);
        if (type == CMD_WRITE && length > PAYLOAD_LIMIT_BYTES) {
            replies.addSimple(cookie, EINVAL);
            replies.flush();
            throw new ProtocolBreach(
                    "a write of " + length + " bytes is larger than the limit of " + PAYLOAD_LIMIT_BYTES);
        }
        if (objection != 0) {
            if (type == CMD_WRITE) {
                input.skip(length);
            }
            refuse(type, cookie, new NbdFailure(objection, "refused: it does not fit the export or its flags"));
        } else if (type == CMD_WRITE) {
            acceptWrite(flags, cookie, offset, (int) length);
        } else {
            place(admitted(type, flags, cookie, offset, length));
        }
        if (replies.full()) {
            replies.flush();
        }
        return true;
    }

    /** Takes the payload of a write: in place if it is all there and need not outlive this call, else into a borrowed buffer. */
    private void acceptWrite(int flags, long cookie, long offset, int length) throws IOException {
        boolean inline = placement.inline(CMD_WRITE, flags, length);
        if (inline && input.buffered() >= length) {
            run(new Request(CMD_WRITE, flags, cookie, offset, length, input.takeInPlace(length), false));
            return;
        }
        Request request = admitted(CMD_WRITE, flags, cookie, offset, length);
        ByteBuffer payload = request.room().limit(length);
        boolean read = false;
        try {
            if (input.buffered() < length) {
                replies.flush();
            }
            input.readFully(payload);
            read = true;
        } finally {
            if (!read) {
                giveBack(payload);
            }
        }
        payload.flip();
        place(request);
    }

    /** Waits until there is room for the request and borrows its buffer. */
    private Request admitted(int type, int flags, long cookie, long offset, long length) throws IOException {
        int room = switch (type) {
            case CMD_READ, CMD_WRITE -> (int) length;
            case CMD_BLOCK_STATUS -> DeviceWork.STATUS_REPLY_BYTES;
            default -> 0;
        };
        boolean borrows = type == CMD_READ || type == CMD_WRITE || type == CMD_BLOCK_STATUS;
        long permit = borrows ? BufferPool.footprintBytes(room) : 0;
        if (!inFlight.tryEnter(permit)) {
            replies.flush();
            inFlight.enter(permit);
        }
        return new Request(type, flags, cookie, offset, length, borrows ? pool.borrow(room) : null, borrows);
    }

    private void place(Request request) throws IOException {
        if (placement.inline(request.type(), request.flags(), request.length())) {
            run(request);
            return;
        }
        workers().execute(() -> {
            try {
                run(request);
                replies.flush();
            } catch (IOException connectionFailed) {
                socket.close();
            }
        });
    }

    /** Carries one request out and adds its reply; throws only if the connection has failed. */
    private void run(Request request) throws IOException {
        if (!export.enter()) {
            settle(request, false, new NbdFailure(ESHUTDOWN, "the export was removed"));
            return;
        }
        Throwable failure = null;
        boolean replyReady = false;
        long start = System.nanoTime();
        try {
            replyReady = work.perform(request);
        } catch (IOException caught) {
            failure = caught;
        } catch (RuntimeException | OutOfMemoryError caught) {
            failure = caught;
            problems.accept("export " + export.name() + ": " + caught);
        } finally {
            export.leave();
        }
        if (request.type() == CMD_READ || request.type() == CMD_WRITE) {
            placement.took(System.nanoTime() - start, request.length());
        }
        settle(request, replyReady, failure);
    }

    private void settle(Request request, boolean replyReady, @Nullable Throwable failure) throws IOException {
        ByteBuffer buffer = request.buffer();
        if (failure == null && replyReady && buffer != null) {
            replies.addLong(buffer);
            return;
        }
        if (request.borrowed() && buffer != null) {
            giveBack(buffer);
        } else if (buffer == null) {
            inFlight.leave(0);
        }
        if (failure == null) {
            replies.addSimple(request.cookie(), 0);
        } else {
            refuse(request.type(), request.cookie(), failure);
        }
    }

    private void refuse(int type, long cookie, Throwable failure) throws IOException {
        if (!work.structuredReply(type)) {
            replies.addSimple(cookie, NbdFailure.code(failure));
            return;
        }
        inFlight.enterAnyway(BufferPool.footprintBytes(0));
        replies.addLong(DeviceWork.errorReply(pool.borrow(0), cookie, failure));
    }

    private void giveBack(ByteBuffer buffer) {
        pool.giveBack(buffer);
        inFlight.leave(buffer.capacity() - BufferPool.HEADER_ROOM_BYTES);
    }

    private ThreadPoolExecutor workers() {
        ThreadPoolExecutor present = workers;
        if (present == null) {
            present = new ThreadPoolExecutor(workerCount, workerCount, WORKER_IDLE_SECONDS, TimeUnit.SECONDS,
                    new LinkedBlockingQueue<>(), threads);
            present.allowCoreThreadTimeOut(true);
            workers = present;
        }
        return present;
    }

    private void finish() {
        ThreadPoolExecutor present = workers;
        if (present != null) {
            present.shutdown();
            boolean ended = false;
            while (!ended) {
                try {
                    ended = present.awaitTermination(1, TimeUnit.DAYS);
                } catch (InterruptedException ignored) {
                    // the device must not see this connection's requests any more when this returns
                }
            }
        }
        replies.drain();
        socket.close();
    }
}
