package io.backhaul.mastertarget;

import io.backhaul.engine.codec.Lz4;
import io.backhaul.engine.log.SegmentLog;
import io.backhaul.engine.log.SegmentLog.Placement;
import io.backhaul.engine.log.StoreException;
import io.backhaul.engine.log.StoreException.Kind;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.MalformedBodyException;
import io.backhaul.protocol.WriteBatch;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The expanded payloads of journaled frames. Every frame is verified whole before a byte of it is believed; the last ones
 * read are kept, up to a number of bytes. Safe for any thread; nothing is read under the lock.
 */
final class Payloads {
    private final SegmentLog log;
    private final long limitBytes;
    private final Damages damages;
    private final Map<Placement, ByteBuffer> kept = new LinkedHashMap<>(16, 0.75f, true);
    private long keptBytes;

    /**
     * @param damages
     *            is told of every frame that is not what was written
     */
    Payloads(SegmentLog log, long limitBytes, Damages damages) {
        this.log = log;
        this.limitBytes = limitBytes;
        this.damages = damages;
    }

    /**
     * The payload of a WRITES frame, a buffer of the caller's own on shared bytes.
     *
     * @throws StoreException
     *             of kind CORRUPT where the frame is not what was written there
     */
    ByteBuffer get(Placement at) throws IOException {
        ByteBuffer known = known(at);
        if (known == null) {
            known = read(at);
            keep(at, known);
        }
        return known.duplicate();
    }

    private synchronized @Nullable ByteBuffer known(Placement at) {
        return kept.get(at);
    }

    private synchronized void keep(Placement at, ByteBuffer payload) {
        if (payload.capacity() <= limitBytes && kept.put(at, payload) == null) {
            keptBytes += payload.capacity();
        }
        var eldest = kept.entrySet().iterator();
        while (keptBytes > limitBytes) {
            keptBytes -= eldest.next().getValue().capacity();
            eldest.remove();
        }
    }

    /** Keeps nothing of what was read so far. */
    synchronized void forget() {
        kept.clear();
        keptBytes = 0;
    }

    /** Reads a payload without keeping it. */
    ByteBuffer read(Placement at) throws IOException {
        try {
            return readVerified(at);
        } catch (StoreException failed) {
            if (failed.kind() == Kind.CORRUPT) {
                damages.frame(log, at, failed);
            }
            throw failed;
        }
    }

    private ByteBuffer readVerified(Placement at) throws IOException {
        Frame frame = log.read(at);
        try {
            return expand(WriteBatch.open(frame), frame);
        } catch (MalformedBodyException malformed) {
            throw new StoreException(Kind.CORRUPT, log.describe() + " segment " + at.segment() + " at " + at.offset()
                    + ": " + malformed.getMessage() + "; check the volume's hardware", malformed);
        } finally {
            frame.release();
        }
    }

    /** The bytes of the data records of a batch, one behind the other. */
    static ByteBuffer expand(WriteBatch batch, Frame frame) throws IOException {
        ByteBuffer plain = ByteBuffer.allocate(frame.plainLengthBytes());
        if (frame.isCompressed()) {
            try {
                Lz4.expand(batch.storedPayload().nioBuffer(), plain);
            } catch (IOException malformed) {
                throw new StoreException(Kind.CORRUPT, frame + ": " + malformed.getMessage(), malformed);
            }
        } else {
            batch.storedPayload().readBytes(plain);
        }
        return plain.flip();
    }
}
