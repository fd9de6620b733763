package io.backhaul.blockio.volume;

import io.backhaul.blockio.DeviceFullException;
import io.backhaul.blockio.file.NativeFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** A file of a {@link DirectoryVolume}. */
final class ChannelFile implements StoredFile {
    private final Path path;
    private final FileChannel channel;
    private final Object gathering = new Object();
    private final AtomicReference<@Nullable IOException> poison = new AtomicReference<>();

    ChannelFile(Path path, FileChannel channel) {
        this.path = path;
        this.channel = channel;
    }

    @Override
    public long length() throws IOException {
        return channel.size();
    }

    @Override
    public void write(long offset, ByteBuffer source) throws IOException {
        healthy();
        try {
            long next = offset;
            while (source.hasRemaining()) {
                next += channel.write(source, next);
            }
        } catch (IOException failure) {
            throw poisoned("write", failure);
        }
    }

    @Override
    public void write(long offset, ByteBuffer[] sources) throws IOException {
        healthy();
        try {
            // the channel's gathering write goes to its own position, so it must be the only one that moves it
            synchronized (gathering) {
                long remaining = 0;
                for (ByteBuffer source : sources) {
                    remaining += source.remaining();
                }
                channel.position(offset);
                while (remaining > 0) {
                    remaining -= channel.write(sources);
                }
            }
        } catch (IOException failure) {
            throw poisoned("write", failure);
        }
    }

    @Override
    public int read(long offset, ByteBuffer target) throws IOException {
        return channel.read(target, offset);
    }

    @Override
    public void sync() throws IOException {
        healthy();
        try {
            channel.force(false);
        } catch (IOException failure) {
            throw poisoned("sync", failure);
        }
    }

    @Override
    public void truncate(long lengthBytes) throws IOException {
        healthy();
        try {
            long length = channel.size();
            if (lengthBytes < length) {
                channel.truncate(lengthBytes);
            } else if (lengthBytes > length) {
                channel.write(ByteBuffer.allocate(1), lengthBytes - 1);
            }
        } catch (IOException failure) {
            throw poisoned("truncate", failure);
        }
    }

    @Override
    public void preallocate(long lengthBytes) throws IOException {
        healthy();
        if (NativeFile.available() && lengthBytes > 0) {
            try (NativeFile file = NativeFile.open(path, true, false)) {
                file.preallocate(lengthBytes);
            }
        }
    }

    @Override
    @SuppressWarnings("MustBeClosedChecker") // the region closes it
    public MappedRegion map(long offset, long lengthBytes) throws IOException {
        if (offset % Long.BYTES != 0 || lengthBytes % Long.BYTES != 0) {
            throw new IllegalArgumentException("a mapped range starts and ends at multiples of " + Long.BYTES);
        }
        if (channel.size() < offset + lengthBytes) {
            truncate(offset + lengthBytes);
        }
        Arena arena = Arena.ofShared();
        try {
            MemorySegment memory = channel.map(FileChannel.MapMode.READ_WRITE, offset, lengthBytes, arena);
            return new MappedMemory(path.toString(), arena, memory);
        } catch (IOException | RuntimeException failure) {
            arena.close();
            throw failure;
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }

    @Override
    public String toString() {
        return path.toString();
    }

    private void healthy() throws IOException {
        IOException first = poison.get();
        if (first != null) {
            throw new IOException(path + " is not used any more after a failure: " + first.getMessage(), first);
        }
    }

    private IOException poisoned(String what, IOException failure) {
        poison.compareAndSet(null, failure);
        return DeviceFullException.orSame(path + ": " + what, failure);
    }
}
