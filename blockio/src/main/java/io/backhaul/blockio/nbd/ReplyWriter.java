package io.backhaul.blockio.nbd;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The replies of one connection on their way out. Whoever has a reply adds it, then flushes; one thread at a time writes, and
 * takes along in one call what others added meanwhile. Short replies are collected in a buffer of their own, long ones
 * are lent until written. After a failure everything is dropped and given back.
 */
final class ReplyWriter {
    private static final int SHORT_BUFFER_BYTES = 64 * 1024;
    private static final int GATHER_LIMIT = 64;

    /** Gets a long reply's buffer back when it is written or dropped. */
    interface Lender {
        void giveBack(ByteBuffer buffer);
    }

    private final NbdSocket socket;
    private final Lender lender;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition idle = lock.newCondition();
    private final ArrayDeque<ByteBuffer> longReplies = new ArrayDeque<>();
    private final ByteBuffer[] gather = new ByteBuffer[GATHER_LIMIT];
    private ByteBuffer shortReplies = ByteBuffer.allocateDirect(SHORT_BUFFER_BYTES);
    private ByteBuffer shortSpare = ByteBuffer.allocateDirect(SHORT_BUFFER_BYTES);
    private int firstLong;
    private long waitingBytes;
    private boolean writing;
    private @Nullable IOException failure;

    ReplyWriter(NbdSocket socket, Lender lender) {
        this.socket = socket;
        this.lender = lender;
    }

    /** Adds a simple reply without payload. Writes or waits if there is no room. */
    void addSimple(long cookie, int error) throws IOException {
        while (!tryAddSimple(cookie, error)) {
            writeBatch();
        }
    }

    private boolean tryAddSimple(long cookie, int error) throws IOException {
        lock.lock();
        try {
            while (failure == null && writing && shortReplies.remaining() < NbdNumbers.SIMPLE_REPLY_BYTES) {
                idle.awaitUninterruptibly();
            }
            if (failure != null) {
                throw failure;
            }
            if (shortReplies.remaining() < NbdNumbers.SIMPLE_REPLY_BYTES) {
                return false;
            }
            shortReplies.putInt(NbdNumbers.SIMPLE_REPLY_MAGIC).putInt(error).putLong(cookie);
            waitingBytes += NbdNumbers.SIMPLE_REPLY_BYTES;
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Adds a reply that is ready to be written as it is; the buffer goes back to the lender in every case. */
    void addLong(ByteBuffer reply) throws IOException {
        lock.lock();
        try {
            if (failure == null) {
                longReplies.addLast(reply);
                waitingBytes += reply.remaining();
                return;
            }
        } finally {
            lock.unlock();
        }
        lender.giveBack(reply);
        throw new IOException("the connection has failed");
    }

    /** True if so much waits that it is better written before more is added. */
    boolean full() {
        lock.lock();
        try {
            return waitingBytes >= 1 << 20;
        } finally {
            lock.unlock();
        }
    }

    /** Writes what waits, unless another thread is writing, which then writes this too. */
    void flush() throws IOException {
        while (writeBatch()) {
            // until nothing waits
        }
        lock.lock();
        try {
            if (failure != null) {
                throw failure;
            }
        } finally {
            lock.unlock();
        }
    }

    /** Returns when everything that was added is written, or dropped. */
    void drain() {
        while (writeBatch() || anotherWrote()) {
            // until nothing waits
        }
    }

    /** Waits while another thread writes; false if none did. */
    private boolean anotherWrote() {
        lock.lock();
        try {
            boolean waited = false;
            while (writing) {
                idle.awaitUninterruptibly();
                waited = true;
            }
            return waited;
        } finally {
            lock.unlock();
        }
    }

    /** Writes once; false if there is nothing to write or another thread does it. */
    private boolean writeBatch() {
        int count = takeBatch();
        if (count == 0) {
            return false;
        }
        IOException broken = null;
        try {
            socket.write(gather, count);
        } catch (IOException caught) {
            broken = caught;
        } catch (RuntimeException caught) {
            broken = new IOException("writing a reply failed", caught);
        }
        for (int index = firstLong; index < count; index++) {
            lender.giveBack(gather[index]);
        }
        conclude(broken);
        return true;
    }

    /** Becomes the writer and collects what waits in {@link #gather}; returns how many buffers. */
    private int takeBatch() {
        lock.lock();
        try {
            if (writing || waitingBytes == 0 || failure != null) {
                return 0;
            }
            writing = true;
            int count = 0;
            if (shortReplies.position() > 0) {
                ByteBuffer filled = shortReplies;
                shortReplies = shortSpare;
                shortSpare = filled;
                gather[count++] = filled.flip();
            }
            firstLong = count;
            while (count < GATHER_LIMIT && !longReplies.isEmpty()) {
                gather[count++] = longReplies.removeFirst();
            }
            for (int index = 0; index < count; index++) {
                waitingBytes -= gather[index].remaining();
            }
            return count;
        } finally {
            lock.unlock();
        }
    }

    /** Stops being the writer. */
    private void conclude(@Nullable IOException broken) {
        lock.lock();
        try {
            shortSpare.clear();
            writing = false;
            if (broken != null) {
                failure = broken;
                socket.close();
                while (!longReplies.isEmpty()) {
                    lender.giveBack(longReplies.removeFirst());
                }
            }
            idle.signalAll();
        } finally {
            lock.unlock();
        }
    }
}
