package io.backhaul.engine.proof;

import io.backhaul.blockio.volume.MappedRegion;
import io.backhaul.blockio.volume.StoredFile;
import io.backhaul.blockio.volume.Volume;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.NoSuchFileException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A folder whose files are arrays, to be damaged; it can fail to make anything durable. */
final class ArrayVolume implements Volume {
    final Map<String, byte[]> files = new TreeMap<>();
    boolean failsToSync;

    @Override
    public StoredFile create(String name) {
        files.put(name, new byte[0]);
        return new ArrayFile(name);
    }

    @Override
    public StoredFile open(String name) throws IOException {
        if (!files.containsKey(name)) {
            throw new NoSuchFileException(name);
        }
        return new ArrayFile(name);
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
        files.put(to, files.remove(from));
    }

    @Override
    public void syncFolder(String folder) throws IOException {
        if (failsToSync) {
            throw new IOException("as told");
        }
    }

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

    private final class ArrayFile implements StoredFile {
        private final String name;

        ArrayFile(String name) {
            this.name = name;
        }

        private byte[] bytes() {
            return files.getOrDefault(name, new byte[0]);
        }

        @Override
        public long length() {
            return bytes().length;
        }

        @Override
        public void write(long offset, ByteBuffer source) {
            int end = (int) offset + source.remaining();
            if (end > bytes().length) {
                truncate(end);
            }
            source.get(bytes(), (int) offset, source.remaining());
        }

        @Override
        public void write(long offset, ByteBuffer[] sources) {
            throw new UnsupportedOperationException(name);
        }

        @Override
        public int read(long offset, ByteBuffer target) {
            int length = Math.min(target.remaining(), (int) Math.max(0, bytes().length - offset));
            target.put(bytes(), (int) offset, length);
            return length == 0 ? -1 : length;
        }

        @Override
        public void sync() {}

        @Override
        public void truncate(long lengthBytes) {
            files.put(name, Arrays.copyOf(bytes(), (int) lengthBytes));
        }

        @Override
        public void preallocate(long lengthBytes) {}

        @Override
        public MappedRegion map(long offset, long lengthBytes) {
            throw new UnsupportedOperationException(name);
        }

        @Override
        public void close() {}
    }
}
