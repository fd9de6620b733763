package io.backhaul.source.ebpf;

import io.backhaul.source.Losses;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * The ring of observed writes and what belongs to it; it lives longer than the agent. Positions are counts of bytes since the
 * ring was made, and rise.
 *
 * <p>
 * Promises: a write that is submitted when another has completed stands behind it; a write that did not fit is counted and
 * its blocks are marked before it goes to its disk; what stands in the ring stays there until it is released.
 */
public interface CaptureRing extends AutoCloseable {
    /** How much memory there is for {@link #notes}. */
    int NOTES_BYTES = 65536;

    /** What a record is. */
    enum Kind {
        /** Bytes were written. */
        DATA,
        /** The range reads as zeroes from now on. */
        ZERO,
        /** The range was given back: nobody knows what it reads as. */
        UNKNOWN,
        /** Nothing: whoever reserved it has given it up. */
        NOTHING
    }

    /** One record; filled anew by each {@link #read}. */
    final class Cursor {
        Kind kind = Kind.NOTHING;
        int disk;
        long offset;
        long lengthBytes;
        /** The count of losses before this write was submitted. */
        long losses;
        /** Where the next record begins. */
        long next;
        ByteBuffer data = ByteBuffer.allocate(0);

        /** A record with bytes; {@code data} stays valid until it is released. */
        public void data(int inDisk, long atOffset, ByteBuffer bytes) {
            set(Kind.DATA, inDisk, atOffset, bytes.remaining());
            data = bytes;
        }

        /** A record without bytes. */
        public void extent(Kind what, int inDisk, long atOffset, long bytes) {
            set(what, inDisk, atOffset, bytes);
            data = ByteBuffer.allocate(0);
        }

        public long lengthBytes() {
            return lengthBytes;
        }

        public long nextPosition() {
            return next;
        }

        private void set(Kind what, int inDisk, long atOffset, long bytes) {
            kind = what;
            disk = inDisk;
            offset = atOffset;
            lengthBytes = bytes;
        }

        /** Where it stands among losses and records. */
        public void place(long lossesBefore, long nextPosition) {
            losses = lossesBefore;
            next = nextPosition;
        }
    }

    /** Behind the last record that has a place. */
    long head();

    /** Before the first record that is not released. */
    long tail();

    /** Reads the record at a position below {@link #head}; false while it is being written. */
    boolean read(long position, Cursor cursor);

    /** Gives the room before a position back. */
    void release(long position);

    /** How often something was lost so far. */
    long losses() throws IOException;

    /** Hands over all that is marked as lost, and forgets it; answers with a count of losses that are all handed over. */
    long takeLosses(Losses.Visitor visitor);

    /** How often a disk has failed to make durable what it said was written, so far. */
    long undurable();

    /** Returns when every write that was submitted before the call has been completed by its disk. */
    void settle() throws IOException;

    /** Memory that lives as long as the ring, of {@link #NOTES_BYTES}; zeroes when it is new. */
    ByteBuffer notes();

    /** Lets go of the ring, which lives on. */
    @Override
    void close() throws IOException;
}
