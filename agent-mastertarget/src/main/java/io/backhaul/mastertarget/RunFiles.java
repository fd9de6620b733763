package io.backhaul.mastertarget;

import io.backhaul.blockio.volume.StoredFile;
import io.backhaul.blockio.volume.Volume;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The files of the runs: opened when they are read, and at most {@link #MAX_OPEN} kept open. Safe for any thread. */
final class RunFiles implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(RunFiles.class);
    private static final int MAX_OPEN = 64;

    private final Volume volume;
    private final Map<String, Held> open = new LinkedHashMap<>(16, 0.75f, true);

    private static final class Held {
        private final StoredFile file;
        private int readers;
        private boolean forgotten;

        Held(StoredFile file) {
            this.file = file;
        }
    }

    RunFiles(Volume volume) {
        this.volume = volume;
    }

    Volume volume() {
        return volume;
    }

    /** Fills the target from the offset. */
    void read(String name, long offset, ByteBuffer target) throws IOException {
        Held held = acquire(name);
        try {
            int start = target.position();
            while (target.hasRemaining()) {
                if (held.file.read(offset + target.position() - start, target) <= 0) {
                    throw new EOFException(volume.describe() + "/" + name + " is too short");
                }
            }
        } finally {
            release(held);
        }
    }

    private synchronized Held acquire(String name) throws IOException {
        Held held = open.get(name);
        if (held == null) {
            held = new Held(volume.open(name));
            open.put(name, held);
            closeIdle();
        }
        held.readers++;
        return held;
    }

    private synchronized void release(Held held) {
        held.readers--;
        closeUnread(held);
    }

    /** The next reading opens the file anew. */
    synchronized void forget(String name) {
        Held held = open.remove(name);
        if (held != null) {
            held.forgotten = true;
            closeUnread(held);
        }
    }

    private static void closeUnread(Held held) {
        if (held.forgotten && held.readers == 0) {
            try {
                held.file.close();
            } catch (IOException ignored) {
                LOG.debug("closing a run: {}", ignored.getMessage());
            }
        }
    }

    private void closeIdle() {
        Iterator<Held> eldest = open.values().iterator();
        while (open.size() > MAX_OPEN && eldest.hasNext()) {
            Held held = eldest.next();
            if (held.readers == 0) {
                eldest.remove();
                held.forgotten = true;
                closeUnread(held);
            }
        }
    }

    /** Deletes a run's file, where there is one. */
    void delete(String name) throws IOException {
        forget(name);
        if (volume.exists(name)) {
            volume.delete(name);
        }
    }

    @Override
    public synchronized void close() {
        new ArrayList<>(open.keySet()).forEach(this::forget);
    }
}
