package io.backhaul.mastertarget;

import io.backhaul.engine.log.SegmentLog.Placement;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * The frames of a unit that are no writes, at the end of its run: offset (4), length (4), position before (16), time there (8).
 * With them what a journal offers is known without reading it.
 */
final class RunEvents {
    static final int EVENT_BYTES = 32;

    private RunEvents() {}

    static void put(ByteBuffer events, IndexUnit.Event event) {
        events.putInt(event.at().offset()).putInt(event.at().lengthBytes()).putLong(event.before().generation())
                .putLong(event.before().sequence()).putLong(event.beforeMicros());
    }

    /**
     * Reads them.
     *
     * @throws DamagedRunException
     *             where they are not what was written
     */
    static List<IndexUnit.Event> read(RunFiles files, RunHeader header) throws IOException {
        RunHeader.Content content = header.content();
        ByteBuffer bytes = RunHeader.allocate(Math.multiplyExact(EVENT_BYTES, content.events()));
        ExtentRun.fill(files, header.span(), new RunShape(content.leaves()).eventsOffset(), bytes);
        if (RunHeader.crc(bytes, 0, bytes.limit()) != content.eventsCrc()) {
            throw new DamagedRunException(header.span(), header.span().fileName() + ": its events do not match their"
                    + " checksum");
        }
        List<IndexUnit.Event> events = new ArrayList<>();
        while (bytes.hasRemaining()) {
            Placement at = new Placement(header.reach().firstSegment(), bytes.getInt(), bytes.getInt());
            events.add(new IndexUnit.Event(at, new Position(bytes.getLong(), bytes.getLong()), bytes.getLong()));
        }
        return events;
    }
}
