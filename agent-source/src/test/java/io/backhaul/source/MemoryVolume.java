package io.backhaul.source;

import io.backhaul.blockio.volume.MappedRegion;
import io.backhaul.blockio.volume.StoredFile;
import io.backhaul.blockio.volume.Volume;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A folder in memory that outlives the agent, as the page cache does; writes fail when it is told so. */
final class MemoryVolume implements Volume {
    private final Map<String, Content> files = new TreeMap<>();
    boolean failing;
    /** How many writes go well before all fail. */
    long goodWrites = Long.MAX_VALUE;

    /** The bytes of a file, shared by all who have it open. */
    private static final class Content {
        byte[] bytes = new byte[0];

        void reach(long length) {
            if (length > bytes.length) {
                bytes = Arrays.copyOf(bytes, (int) length);
            }
        }
    }

    /** The bytes of a file, to be damaged. */
    byte[] bytes(String name) {
        Content content = files.get(name);
        if (content == null) {
            throw new IllegalArgumentException(name);
        }
        return content.bytes;
    }

    @Override
    public StoredFile create(String name) throws IOException {
        if (files.containsKey(name)) {
            throw new FileAlreadyExistsException(name);
        }
        Content content = new Content();
        files.put(name, content);
        return new Open(content);
    }

    @Override
    public StoredFile open(String name) throws IOException {
        Content content = files.get(name);
        if (content == null) {
            throw new NoSuchFileException(name);
        }
        return new Open(content);
    }

    @Override
    public boolean exists(String name) {
        return files.containsKey(name);
    }

    @Override
    public List<String> list(String folder) {
        return List.copyOf(files.keySet());
    }

    @Override
    public void delete(String name) {
        files.remove(name);
    }

    @Override
    public void rename(String from, String to) {
        Content moved = files.remove(from);
        if (moved != null) {
            files.put(to, moved);
        }
    }

    @Override
    public void syncFolder(String folder) {}

    @Override
    public Volume folder(String name) {
        throw new UnsupportedOperationException(name);
    }

    @Override
    public long freeBytes() {
        return Long.MAX_VALUE;
    }

    @Override
    public String describe() {
        return "memory";
    }

    private final class Open implements StoredFile {
        private final Content content;
        private boolean poisoned;

        Open(Content content) {
            this.content = content;
        }

        @Override
        public long length() {
            return content.bytes.length;
        }

        @Override
        public void write(long offset, ByteBuffer source) throws IOException {
            failing |= --goodWrites < 0;
            poisoned |= failing;
            if (poisoned) {
                throw new IOException("no space left");
            }
            content.reach(offset + source.remaining());
            source.get(content.bytes, (int) offset, source.remaining());
        }

        @Override
        public void write(long offset, ByteBuffer[] sources) throws IOException {
            long at = offset;
            for (ByteBuffer source : sources) {
                int length = source.remaining();
                write(at, source);
                at += length;
            }
        }

        @Override
        public int read(long offset, ByteBuffer target) {
            int length = (int) Math.min(target.remaining(), content.bytes.length - offset);
            if (length <= 0) {
                return -1;
            }
            target.put(content.bytes, (int) offset, length);
            return length;
        }

        @Override
        public void sync() throws IOException {
            if (poisoned) {
                throw new IOException("poisoned");
            }
        }

        @Override
        public void truncate(long lengthBytes) {
            content.bytes = Arrays.copyOf(content.bytes, (int) lengthBytes);
        }

        @Override
        public void preallocate(long lengthBytes) {}

        @Override
        public MappedRegion map(long offset, long lengthBytes) {
            content.reach(offset + lengthBytes);
            return new Region(content, (int) offset, lengthBytes);
        }

        @Override
        public void close() {}
    }

    /** Sees the shared bytes themselves. */
    private record Region(Content content, int start, long lengthBytes) implements MappedRegion {
        private ByteBuffer at() {
            return ByteBuffer.wrap(content.bytes).order(ByteOrder.LITTLE_ENDIAN);
        }

        @Override
        public byte getByte(long offset) {
            return content.bytes[start + (int) offset];
        }

        @Override
        public void putByte(long offset, byte value) {
            content.bytes[start + (int) offset] = value;
        }

        @Override
        public long getLong(long offset) {
            return at().getLong(start + (int) offset);
        }

        @Override
        public void putLong(long offset, long value) {
            at().putLong(start + (int) offset, value);
        }

        @Override
        public long getAndSetBits(long offset, long mask) {
            long before = getLong(offset);
            putLong(offset, before | mask);
            return before;
        }

        @Override
        public long getAndClearBits(long offset, long mask) {
            long before = getLong(offset);
            putLong(offset, before & ~mask);
            return before;
        }

        @Override
        public void force() {}

        @Override
        public void close() {}
    }
}
