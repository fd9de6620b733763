package io.backhaul.mastertarget;

import io.backhaul.engine.log.StoreException;
import io.backhaul.engine.log.StoreException.Kind;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.FrameType;
import io.backhaul.protocol.MalformedBodyException;
import io.backhaul.protocol.WriteBatch;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Puts frames straight into the base disks, record by record, neighbours together. */
final class BaseWriter {
    private BaseWriter() {}

    /** Writes what the frame holds; nothing is durable before the disks are flushed. Doing it again changes nothing. */
    static void apply(Frame frame, BaseSet disks) throws IOException {
        if (frame.type() != FrameType.WRITES) {
            return;
        }
        try {
            WriteBatch batch = WriteBatch.open(frame);
            ByteBuffer payload = Payloads.expand(batch, frame);
            int record = 0;
            while (record < batch.records()) {
                record = batch.isZero(record) ? zero(batch, record, disks) : write(batch, record, payload, disks);
            }
        } catch (MalformedBodyException malformed) {
            throw new StoreException(Kind.CORRUPT, frame + ": " + malformed.getMessage(), malformed);
        }
    }

    private static int zero(WriteBatch batch, int record, BaseSet disks) throws IOException {
        disks.disk(batch.disk(record)).zero(batch.offset(record), batch.lengthBytes(record));
        return record + 1;
    }

    /** Writes a run of records that follow each other on the disk as in the payload; answers the record behind it. */
    private static int write(WriteBatch batch, int first, ByteBuffer payload, BaseSet disks) throws IOException {
        int record = first;
        int length = 0;
        while (record < batch.records() && !batch.isZero(record) && batch.disk(record) == batch.disk(first)
                && batch.offset(record) == batch.offset(first) + length) {
            length += batch.lengthBytes(record++);
        }
        disks.disk(batch.disk(first)).write(batch.offset(first), payload.slice(payload.position(), length));
        payload.position(payload.position() + length);
        return record;
    }
}
