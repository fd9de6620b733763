package io.backhaul.engine.log;

import io.backhaul.blockio.DeviceFullException;
import io.backhaul.blockio.volume.MappedRegion;
import io.backhaul.blockio.volume.StoredFile;
import io.backhaul.blockio.volume.Volume;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * A volume in memory that forgets at a crash what was not synced, whole or in part and in any order of sectors, and fails
 * when told to.
 */
public final class CrashVolume implements Volume {
    private static final int SECTOR_BYTES = 512;

    /** One file: what is seen, and what is durable. */
    private static final class Content {
        private byte[] seen = new byte[0];
        private byte[] durable = new byte[0];
        /** Sectors that a failed sync was for: they count as clean until they are written again. */
        private final BitSet stuck = new BitSet();
    }

    private final String name;
    private TreeMap<String, Content> seen = new TreeMap<>();
    private TreeMap<String, Content> durable = new TreeMap<>();
    private final TreeMap<String, CrashVolume> folders = new TreeMap<>();
    private long capacityBytes = Long.MAX_VALUE;
    private int failIn = -1;
    private @Nullable IOException failure;
    private int epoch;
    private int syncs;
    private boolean sticky;

    public CrashVolume(String name) {
        this.name = name;
    }

    /** The power fails: what was not synced may be lost. Files that were open are dead. */
    public synchronized void crash(RandomGenerator random) {
        epoch++;
        TreeMap<String, Content> left = new TreeMap<>(random.nextBoolean() ? seen : durable);
        for (Content content : left.values()) {
            content.seen = tear(content, random);
            content.durable = content.seen.clone();
            content.stuck.clear();
        }
        seen = left;
        durable = new TreeMap<>(left);
        failIn = -1;
        folders.values().forEach(folder -> folder.crash(random));
    }

    private static byte[] tear(Content content, RandomGenerator random) {
        int longer = Math.max(content.seen.length, content.durable.length);
        int shorter = Math.min(content.seen.length, content.durable.length);
        int length = random.nextInt(3) == 0 ? content.durable.length
                : random.nextBoolean() ? content.seen.length : random.nextInt(shorter, longer + 1);
        byte[] left = Arrays.copyOf(content.durable, length);
        for (int at = 0; at < length; at += SECTOR_BYTES) {
            int to = Math.min(length, at + SECTOR_BYTES);
            if (random.nextBoolean() && at < content.seen.length && !content.stuck.get(at / SECTOR_BYTES)) {
                System.arraycopy(content.seen, at, left, at, Math.min(to, content.seen.length) - at);
            }
        }
        return left;
    }

    /** The process is killed: files that were open are dead, everything written stays. */
    public synchronized void kill() {
        epoch++;
        failIn = -1;
    }

    /** The n-th change from now, counted from 0, and all after it, fail until {@link #mend}. */
    public synchronized void failIn(int changes, IOException cause) {
        failIn = changes;
        failure = cause;
    }

    public synchronized void mend() {
        failIn = -1;
    }

    /** All files together cannot grow beyond this. */
    public synchronized void capacity(long bytes) {
        capacityBytes = bytes;
    }

    /** How many syncs of files there were. */
    public synchronized int syncs() {
        return syncs;
    }

    /** A file's bytes as they are seen. */
    public synchronized byte[] bytes(String file) {
        return content(file).seen.clone();
    }

    /** Replaces a file's bytes, durably. */
    public synchronized void put(String file, byte[] bytes) {
        Content content = seen.getOrDefault(file, new Content());
        content.seen = bytes.clone();
        content.durable = bytes.clone();
        seen.put(file, content);
        durable.put(file, content);
    }

    private Content content(String file) {
        Content content = seen.get(file);
        if (content == null) {
            throw new IllegalArgumentException("no file " + file);
        }
        return content;
    }

    private void change(long growth) throws IOException {
        IOException cause = failure;
        if (failIn == 0 && cause != null) {
            throw cause;
        }
        failIn = failIn > 0 ? failIn - 1 : failIn;
        if (growth > 0 && growth > freeBytes()) {
            throw new DeviceFullException("No space left on device");
        }
    }

    @Override
    public synchronized StoredFile create(String file) throws IOException {
        change(0);
        if (seen.containsKey(file)) {
            throw new FileAlreadyExistsException(file);
        }
        Content content = new Content();
        seen.put(file, content);
        return new Open(content);
    }

    @Override
    public synchronized StoredFile open(String file) throws IOException {
        Content content = seen.get(file);
        if (content == null) {
            throw new NoSuchFileException(file);
        }
        return new Open(content);
    }

    @Override
    public synchronized boolean exists(String file) {
        return seen.containsKey(file) || folders.containsKey(file);
    }

    @Override
    public synchronized List<String> list(String folder) {
        return new ArrayList<>(seen.keySet());
    }

    /** The names of the folders in this one. */
    public synchronized List<String> folderNames() {
        return new ArrayList<>(folders.keySet());
    }

    @Override
    public synchronized void delete(String file) throws IOException {
        change(0);
        if (folders.remove(file) == null && seen.remove(file) == null) {
            throw new NoSuchFileException(file);
        }
    }

    @Override
    public synchronized void rename(String from, String to) throws IOException {
        change(0);
        Content content = content(from);
        seen.remove(from);
        seen.put(to, content);
    }

    @Override
    public synchronized void syncFolder(String folder) throws IOException {
        change(0);
        durable = new TreeMap<>(seen);
    }

    @Override
    public synchronized CrashVolume folder(String folder) {
        return folders.computeIfAbsent(folder, each -> new CrashVolume(name + "/" + each));
    }

    @Override
    public synchronized long freeBytes() {
        return capacityBytes - seen.values().stream().mapToLong(each -> each.seen.length).sum();
    }

    @Override
    public String describe() {
        return name;
    }

    /** From now on a sync that fails leaves its pages clean, as Linux does: they read as written, and no sync writes them. */
    public synchronized void failedSyncsLeavePagesClean() {
        sticky = true;
    }

    private void stick(Content content) {
        for (int at = 0; sticky && at < content.seen.length; at += SECTOR_BYTES) {
            int to = Math.min(content.seen.length, at + SECTOR_BYTES);
            byte[] before = Arrays.copyOf(content.durable, content.seen.length);
            if (!Arrays.equals(before, at, to, content.seen, at, to)) {
                content.stuck.set(at / SECTOR_BYTES);
            }
        }
    }

    private static byte[] synced(Content content) {
        byte[] next = content.seen.clone();
        content.stuck.stream().map(sector -> sector * SECTOR_BYTES).filter(at -> at < next.length).forEach(at -> {
            byte[] before = Arrays.copyOf(content.durable, next.length);
            System.arraycopy(before, at, next, at, Math.min(SECTOR_BYTES, next.length - at));
        });
        return next;
    }

    private final class Open implements StoredFile {
        private final Content content;
        private final int bornIn = epoch;
        private @Nullable IOException poison;
        private boolean closed;

        private Open(Content content) {
            this.content = content;
        }

        private void check() throws IOException {
            if (closed || bornIn != epoch) {
                throw new IOException("the file is closed");
            }
        }

        private void change(long end) throws IOException {
            check();
            IOException before = poison;
            if (before != null) {
                throw new IOException("an earlier write failed", before);
            }
            try {
                CrashVolume.this.change(Math.max(0, end - content.seen.length));
            } catch (IOException failed) {
                poison = failed;
                throw failed;
            }
        }

        @Override
        public long length() throws IOException {
            synchronized (CrashVolume.this) {
                check();
                return content.seen.length;
            }
        }

        @Override
        public void write(long offset, ByteBuffer source) throws IOException {
            write(offset, new ByteBuffer[]{source});
        }

        @Override
        public void write(long offset, ByteBuffer[] sources) throws IOException {
            synchronized (CrashVolume.this) {
                int length = Arrays.stream(sources).mapToInt(ByteBuffer::remaining).sum();
                int end = (int) offset + length;
                try {
                    change(end);
                } catch (IOException failed) {
                    if (failed.equals(poison)) {
                        put((int) offset, sources, length / 2);
                    }
                    throw failed;
                }
                put((int) offset, sources, length);
            }
        }

        private void put(int offset, ByteBuffer[] sources, int length) {
            byte[] joined = new byte[length];
            ByteBuffer target = ByteBuffer.wrap(joined);
            for (ByteBuffer source : sources) {
                int taken = Math.min(source.remaining(), target.remaining());
                target.put(source.slice(source.position(), taken));
                source.position(source.position() + taken);
            }
            content.seen = Arrays.copyOf(content.seen, Math.max(content.seen.length, offset + length));
            System.arraycopy(joined, 0, content.seen, offset, length);
            content.stuck.clear(offset / SECTOR_BYTES, (offset + length + SECTOR_BYTES - 1) / SECTOR_BYTES);
        }

        @Override
        public int read(long offset, ByteBuffer target) throws IOException {
            synchronized (CrashVolume.this) {
                check();
                int length = Math.min(target.remaining(), content.seen.length - (int) offset);
                if (length <= 0) {
                    return -1;
                }
                target.put(content.seen, (int) offset, length);
                return length;
            }
        }

        @Override
        public void sync() throws IOException {
            synchronized (CrashVolume.this) {
                try {
                    change(0);
                } catch (IOException failed) {
                    stick(content);
                    throw failed;
                }
                content.durable = synced(content);
                syncs++;
            }
        }

        @Override
        public void truncate(long lengthBytes) throws IOException {
            synchronized (CrashVolume.this) {
                change(0);
                content.seen = Arrays.copyOf(content.seen, (int) lengthBytes);
            }
        }

        @Override
        public void preallocate(long lengthBytes) {
            // Nothing to do in memory.
        }

        @Override
        public MappedRegion map(long offset, long lengthBytes) {
            throw new UnsupportedOperationException("logs map nothing");
        }

        @Override
        public void close() {
            closed = true;
        }
    }
}
