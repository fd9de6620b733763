package io.backhaul.blockio.nbd;

import static io.backhaul.blockio.nbd.NbdNumbers.*;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The requests of a client that are under way. Callers send, one at a time; a thread of its own receives, writes what was
 * read straight into the callers' buffers and wakes them. After any failure of the connection every request fails.
 */
final class ClientExchange {
    private static final int STATUS_LIMIT_BYTES = 8 << 20;
    private static final int ERROR_TEXT_LIMIT_BYTES = 64 * 1024;
    private static final long ZERO_CHUNK_BYTES = 64 * 1024;
    private static final ByteBuffer ZEROES = ByteBuffer.allocateDirect((int) ZERO_CHUNK_BYTES).asReadOnlyBuffer();

    private final ClientSession session;
    private final long requestLimitNanos;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Slot[] slots;
    private final ArrayDeque<Slot> free = new ArrayDeque<>();
    private final ReentrantLock sendLock = new ReentrantLock();
    private final ByteBuffer header = ByteBuffer.allocateDirect(REQUEST_HEADER_BYTES);
    private final ByteBuffer[] outgoing = new ByteBuffer[2];
    private @Nullable IOException broken;
    private boolean closing;
    private volatile long lastReplyNanos;

    /** One request under way. */
    private static final class Slot {
        private final int index;
        private int generation;
        private int type;
        private long offset;
        private long length;
        private long received;
        private @Nullable ByteBuffer target;
        private @Nullable ExtentRuns runs;
        private @Nullable Operation operation;
        private @Nullable IOException failure;
        private long sentNanos;

        Slot(int index) {
            this.index = index;
        }

        long cookie() {
            return (long) generation << 32 | index;
        }
    }

    ClientExchange(ClientSession session, NbdClientOptions options) {
        this.session = session;
        this.requestLimitNanos = TimeUnit.MILLISECONDS.toNanos(options.requestLimitMillis());
        this.slots = new Slot[options.requestsInFlight()];
        for (int index = 0; index < slots.length; index++) {
            slots[index] = new Slot(index);
            free.add(slots[index]);
        }
    }

    void start(String name) {
        Thread receiver = new Thread(this::receiveAll, "nbd-replies-" + name);
        receiver.setDaemon(true);
        receiver.start();
        if (requestLimitNanos > 0) {
            Thread watch = new Thread(this::watch, "nbd-watch-" + name);
            watch.setDaemon(true);
            watch.start();
        }
    }

    /** Sends a request without waiting for its reply. The buffer is a write's payload or a read's target, used from its position. */
    void submit(Operation operation, int type, long offset, long length, @Nullable ByteBuffer buffer,
            @Nullable ExtentRuns runs) throws IOException {
        Slot slot = take(operation, type, offset, length);
        slot.target = type == CMD_READ ? buffer : null;
        slot.runs = runs;
        sendLock.lock();
        try {
            header.clear().putInt(REQUEST_MAGIC).putShort((short) 0).putShort((short) type).putLong(slot.cookie())
                    .putLong(offset).putInt((int) length).flip();
            outgoing[0] = header;
            int count = 1;
            if (type == CMD_WRITE && buffer != null) {
                outgoing[1] = buffer;
                count = 2;
            }
            session.socket().write(outgoing, count);
        } catch (IOException failure) {
            fail(failure);
        } finally {
            sendLock.unlock();
        }
    }

    /** Says goodbye and ends the connection; requests under way fail. */
    void close() {
        lock.lock();
        try {
            if (closing) {
                return;
            }
            closing = true;
        } finally {
            lock.unlock();
        }
        if (sendLock.tryLock()) {
            try {
                header.clear().putInt(REQUEST_MAGIC).putShort((short) 0).putShort((short) CMD_DISC).putLong(0)
                        .putLong(0).putInt(0).flip();
                outgoing[0] = header;
                session.socket().write(outgoing, 1);
            } catch (IOException ignored) {
                // the server notices anyway
            } finally {
                sendLock.unlock();
            }
        }
        fail(new IOException("the NBD client was closed"));
    }

    private Slot take(Operation operation, int type, long offset, long length) throws IOException {
        lock.lock();
        try {
            while (free.isEmpty() && broken == null) {
                changed.awaitUninterruptibly();
            }
            if (broken != null) {
                throw new IOException("the NBD connection has failed: " + broken.getMessage(), broken);
            }
            Slot slot = free.removeFirst();
            operation.begun();
            slot.generation++;
            slot.operation = operation;
            slot.type = type;
            slot.offset = offset;
            slot.length = length;
            slot.received = 0;
            slot.failure = null;
            slot.sentNanos = System.nanoTime();
            return slot;
        } finally {
            lock.unlock();
        }
    }

    private void receiveAll() {
        try {
            NbdInput input = session.input();
            while (input.await(SIMPLE_REPLY_BYTES)) {
                int magic = input.getInt();
                lastReplyNanos = System.nanoTime();
                if (magic == SIMPLE_REPLY_MAGIC) {
                    simple(input);
                } else if (magic == STRUCTURED_REPLY_MAGIC && session.structured()) {
                    chunk(input);
                } else {
                    throw new IOException("the server sent " + Integer.toHexString(magic) + ", which is no NBD reply");
                }
            }
            fail(new IOException("the server ended the connection"));
        } catch (IOException failure) {
            fail(failure);
        } catch (RuntimeException bug) {
            fail(new IOException("receiving NBD replies failed: " + bug, bug));
        } finally {
            endAll();
        }
    }

    private void simple(NbdInput input) throws IOException {
        int error = input.getInt();
        Slot slot = slot(input.getLong());
        if (slot.type == CMD_READ && session.structured()) {
            throw new IOException("the server answered a read with a simple reply, which was not agreed");
        }
        if (error != 0) {
            note(slot, NbdFailure.of(error, what(slot), ""));
        } else if (slot.type == CMD_READ) {
            receiveInto(input, slot, slot.offset, slot.length);
        }
        done(slot);
    }

    private void chunk(NbdInput input) throws IOException {
        input.need(CHUNK_HEADER_BYTES - Integer.BYTES);
        int flags = input.getUnsignedShort();
        int type = input.getUnsignedShort();
        Slot slot = slot(input.getLong());
        long length = Integer.toUnsignedLong(input.getInt());
        switch (type) {
            case CHUNK_NONE -> require(length == 0);
            case CHUNK_OFFSET_DATA -> {
                require(length > Long.BYTES && slot.type == CMD_READ);
                receiveInto(input, slot, input.nextLong(), length - Long.BYTES);
            }
            case CHUNK_OFFSET_HOLE -> {
                require(length == Long.BYTES + Integer.BYTES && slot.type == CMD_READ);
                fillZeroes(slot, input.nextLong(), Integer.toUnsignedLong(input.nextInt()));
            }
            case CHUNK_BLOCK_STATUS -> {
                require(length >= Integer.BYTES && length % Long.BYTES == Integer.BYTES && length <= STATUS_LIMIT_BYTES
                        && slot.type == CMD_BLOCK_STATUS);
                receiveStatus(input, slot, (int) length - Integer.BYTES);
            }
            default -> {
                require((type & CHUNK_ERROR_BIT) != 0 && length <= ERROR_TEXT_LIMIT_BYTES
                        && length >= Integer.BYTES + Short.BYTES);
                receiveError(input, slot, (int) length);
            }
        }
        if ((flags & CHUNK_FLAG_DONE) != 0) {
            if (slot.type == CMD_READ && slot.failure == null && slot.received != slot.length) {
                throw new IOException("the server answered a read of " + slot.length + " bytes with " + slot.received);
            }
            done(slot);
        }
    }

    private void receiveInto(NbdInput input, Slot slot, long offset, long length) throws IOException {
        input.readFully(part(slot, offset, length));
    }

    private void fillZeroes(Slot slot, long offset, long length) throws IOException {
        ByteBuffer part = part(slot, offset, length);
        while (part.hasRemaining()) {
            ByteBuffer zeroes = ZEROES.duplicate();
            part.put(zeroes.limit(Math.min(zeroes.capacity(), part.remaining())));
        }
    }

    /** The piece of a read's target that a chunk is for. */
    private static ByteBuffer part(Slot slot, long offset, long length) throws IOException {
        ByteBuffer target = slot.target;
        long start = offset - slot.offset;
        require(target != null && start >= 0 && length <= slot.length && start <= slot.length - length);
        if (target == null) {
            throw new IOException("the server sent data that nobody asked for");
        }
        slot.received += length;
        return target.slice(target.position() + (int) start, (int) length);
    }

    private void receiveStatus(NbdInput input, Slot slot, int length) throws IOException {
        long context = Integer.toUnsignedLong(input.nextInt());
        ByteBuffer descriptors = ByteBuffer.wrap(input.bytes(length));
        ExtentRuns runs = slot.runs;
        if (context == session.allocationContextId() && runs != null) {
            while (descriptors.hasRemaining()) {
                long run = Integer.toUnsignedLong(descriptors.getInt());
                runs.add(run, (descriptors.getInt() & STATE_ZERO) != 0);
            }
        }
    }

    private void receiveError(NbdInput input, Slot slot, int length) throws IOException {
        ByteBuffer data = ByteBuffer.wrap(input.bytes(length));
        int error = data.getInt();
        int textLength = Short.toUnsignedInt(data.getShort());
        require(textLength <= data.remaining());
        String text = new String(data.array(), data.position(), textLength, StandardCharsets.UTF_8);
        note(slot, NbdFailure.of(error, what(slot), text));
    }

    private static String what(Slot slot) {
        Operation operation = slot.operation;
        return (operation == null ? "request" : operation.what()) + " of " + slot.length + " bytes at " + slot.offset;
    }

    private static void note(Slot slot, IOException failure) {
        if (slot.failure == null) {
            slot.failure = failure;
        }
    }

    private Slot slot(long cookie) throws IOException {
        int index = (int) cookie;
        lock.lock();
        try {
            if (index < 0 || index >= slots.length || slots[index].cookie() != cookie
                    || slots[index].operation == null) {
                throw new IOException("the server answered a request that was never made");
            }
            return slots[index];
        } finally {
            lock.unlock();
        }
    }

    private void done(Slot slot) {
        IOException failure = slot.failure;
        Operation operation = released(slot);
        if (operation != null) {
            operation.ended(failure);
        }
    }

    private @Nullable Operation released(Slot slot) {
        lock.lock();
        try {
            Operation operation = slot.operation;
            slot.operation = null;
            slot.target = null;
            slot.runs = null;
            free.addLast(slot);
            changed.signal();
            return operation;
        } finally {
            lock.unlock();
        }
    }

    /** Ends the connection; the receiver, and it alone, then ends what is under way, so that no buffer is written later. */
    private void fail(IOException failure) {
        lock.lock();
        try {
            if (broken == null) {
                broken = failure;
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        session.socket().close();
    }

    private void endAll() {
        lock.lock();
        try {
            IOException cause = broken;
            for (Slot slot : slots) {
                Operation operation = slot.operation;
                if (operation != null) {
                    slot.operation = null;
                    operation.ended(new IOException(operation.what() + ": the NBD connection has failed: "
                            + (cause == null ? "" : cause.getMessage()), cause));
                }
            }
        } finally {
            lock.unlock();
        }
    }

    /** Gives the connection up when the server owes a reply and says nothing for too long. */
    private void watch() {
        lock.lock();
        try {
            while (broken == null) {
                long now = System.nanoTime();
                for (Slot slot : slots) {
                    if (slot.operation != null && now - slot.sentNanos > requestLimitNanos
                            && now - lastReplyNanos > requestLimitNanos) {
                        fail(new IOException("the server has not answered for "
                                + TimeUnit.NANOSECONDS.toMillis(requestLimitNanos) + " ms"));
                        return;
                    }
                }
                long ignored = changed.awaitNanos(requestLimitNanos / 4 + 1);
            }
        } catch (InterruptedException stopped) {
            fail(new IOException("the watch over the NBD connection was stopped", stopped));
        } finally {
            lock.unlock();
        }
    }

    private static void require(boolean sane) throws IOException {
        if (!sane) {
            throw new IOException("the server sent a reply that breaks the NBD protocol");
        }
    }
}
