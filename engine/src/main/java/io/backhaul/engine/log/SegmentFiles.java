package io.backhaul.engine.log;

import io.backhaul.blockio.volume.StoredFile;
import io.backhaul.blockio.volume.Volume;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The open files of a log, by segment number. Opens on demand, keeps at most {@link #MAX_IDLE} idle ones open, and closes
 * a file only when nobody reads it. Safe from any thread.
 */
final class SegmentFiles implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(SegmentFiles.class);
    private static final int MAX_IDLE = 16;

    private final Volume volume;
    private final Map<Long, Lease> open = new LinkedHashMap<>(16, 0.75f, true);

    SegmentFiles(Volume volume) {
        this.volume = volume;
    }

    /** An open file, held until {@link #close}. */
    final class Lease implements AutoCloseable {
        private final StoredFile file;
        private int holders;
        private boolean forgotten;

        private Lease(StoredFile file) {
            this.file = file;
        }

        StoredFile file() {
            return file;
        }

        @Override
        public void close() {
            release(this);
        }
    }

    /** The file of a segment, opened where it is not yet. */
    synchronized Lease acquire(long number) throws IOException {
        Lease lease = open.get(number);
        if (lease == null) {
            lease = new Lease(volume.open(Segment.fileName(number)));
            open.put(number, lease);
            closeIdle();
        }
        lease.holders++;
        return lease;
    }

    /** Makes the file of a new segment. */
    synchronized Lease create(long number) throws IOException {
        Lease lease = new Lease(volume.create(Segment.fileName(number)));
        forget(number);
        open.put(number, lease);
        lease.holders++;
        return lease;
    }

    /** The next {@link #acquire} opens the file anew; who holds it now keeps what he has. */
    synchronized void forget(long number) {
        Lease lease = open.remove(number);
        if (lease != null) {
            lease.forgotten = true;
            closeUnheld(lease);
        }
    }

    private synchronized void release(Lease lease) {
        lease.holders--;
        closeUnheld(lease);
    }

    private static void closeUnheld(Lease lease) {
        if (lease.forgotten && lease.holders == 0) {
            try {
                lease.file.close();
            } catch (IOException ignored) {
                // What had to be durable was synced before; closing tells nothing about it.
                LOG.debug("closing a segment: {}", ignored.getMessage());
            }
        }
    }

    private void closeIdle() {
        Iterator<Lease> eldest = open.values().iterator();
        while (open.size() > MAX_IDLE && eldest.hasNext()) {
            Lease lease = eldest.next();
            if (lease.holders == 0) {
                eldest.remove();
                lease.forgotten = true;
                closeUnheld(lease);
            }
        }
    }

    @Override
    public synchronized void close() {
        new ArrayList<>(open.keySet()).forEach(this::forget);
    }
}
