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
    private long waitingBytes;
    private boolean writing;
    private @Nullable IOException failure;

    ReplyWriter(NbdSocket socket, Lender lender) {
        this.socket = socket;
        this.lender = lender;
    }

    /** Adds a simple reply without payload. May write, if there is no room. */
    void addSimple(long cookie, int error) throws IOException {
        lock.lock();
        try {
            while (shortReplies.remaining() < NbdNumbers.SIMPLE_REPLY_BYTES && failure == null) {
                if (writing) {
                    idle.awaitUninterruptibly();
                } else {
                    writeWaiting();
                }
            }
            if (failure != null) {
                throw failure;
            }
            shortReplies.putInt(NbdNumbers.SIMPLE_REPLY_MAGIC).putInt(error).putLong(cookie);
            waitingBytes += NbdNumbers.SIMPLE_REPLY_BYTES;
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
        lock.lock();
        try {
            while (!writing && waitingBytes > 0 && failure == null) {
                writeWaiting();
            }
            if (failure != null) {
                throw failure;
            }
        } finally {
            lock.unlock();
        }
    }

    /** Returns when everything that was added is written, or dropped. */
    void drain() {
        lock.lock();
        try {
            while (writing || (waitingBytes > 0 && failure == null)) {
                if (writing) {
                    idle.awaitUninterruptibly();
                } else {
                    writeWaiting();
                }
            }
        } finally {
            lock.unlock();
        }
    }

    /** Writes one batch with the lock let go meanwhile. Called with the lock held and nobody writing. */
    private void writeWaiting() {
        writing = true;
        ByteBuffer shorts = shortReplies;
        shortReplies = shortSpare;
        shortSpare = shorts;
        int count = 0;
        if (shorts.position() > 0) {
            gather[count++] = shorts.flip();
        }
        int firstLong = count;
        while (count < GATHER_LIMIT && !longReplies.isEmpty()) {
            gather[count++] = longReplies.removeFirst();
        }
        for (int index = 0; index < count; index++) {
            waitingBytes -= gather[index].remaining();
        }
        lock.unlock();
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
        lock.lock();
        shorts.clear();
        writing = false;
        if (broken != null) {
            failure = broken;
            socket.close();
            while (!longReplies.isEmpty()) {
                lender.giveBack(longReplies.removeFirst());
            }
        }
        idle.signalAll();
    }
}
