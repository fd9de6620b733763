package io.backhaul.blockio.vmdk;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.file.RawDevice;
import io.backhaul.blockio.file.RawDevice.Preallocation;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A flat VMDK: {@code NAME.vmdk}, a text descriptor, and {@code NAME-flat.vmdk}, the bytes of the disk: thin as a sparse
 * file, or thick. The descriptor is written once; its content id does not change with the disk's content.
 */
public final class FlatVmdk implements BlockDevice {
    private static final byte[] SPARSE_MAGIC = {'K', 'D', 'M', 'V'};

    private final Path path;
    private final VmdkDescriptor descriptor;
    private final RawDevice flat;

    private FlatVmdk(Path path, VmdkDescriptor descriptor, RawDevice flat) {
        this.path = path;
        this.descriptor = descriptor;
        this.flat = flat;
    }

    /**
     * Makes a thin disk that is all zero, durably, and opens it for writing.
     *
     * @param path      the descriptor's path, which ends in {@code .vmdk}; neither file may exist
     * @param sizeBytes the size, a multiple of 512
     */
    public static FlatVmdk create(Path path, long sizeBytes) throws IOException {
        return create(path, sizeBytes, Preallocation.THIN);
    }

    /**
     * As {@link #create(Path, long)}, thin or thick. A flat file without a descriptor that nothing was ever written to, as a crash
     * leaves it here, is replaced.
     *
     * @throws io.backhaul.blockio.DeviceFullException if it is to be thick and there is no room for it
     */
    public static FlatVmdk create(Path path, long sizeBytes, Preallocation preallocation) throws IOException {
        return create(path, sizeBytes, VmdkDescriptor.Layout.MONOLITHIC_FLAT, preallocation);
    }

    /** As {@link #create}, with the descriptor that an ESXi datastore expects. */
    public static FlatVmdk createForDatastore(Path path, long sizeBytes) throws IOException {
        return create(path, sizeBytes, VmdkDescriptor.Layout.VMFS, Preallocation.THIN);
    }

    private static FlatVmdk create(Path path, long sizeBytes, VmdkDescriptor.Layout layout,
            Preallocation preallocation) throws IOException {
        Path file = path.getFileName();
        String name = file == null ? "" : file.toString();
        if (!name.endsWith(".vmdk") || name.length() == ".vmdk".length()) {
            throw new IOException(path + ": the name of a VMDK ends in .vmdk");
        }
        if (name.contains("\"") || name.contains("\n")) {
            throw new IOException(path + ": the name of a VMDK cannot have quotes or line breaks");
        }
        if (sizeBytes <= 0 || sizeBytes % VmdkDescriptor.SECTOR_BYTES != 0) {
            throw new IOException(path + ": a VMDK has whole sectors of " + VmdkDescriptor.SECTOR_BYTES + " bytes, not "
                    + sizeBytes + " bytes");
        }
        if (Files.exists(path)) {
            throw new FileAlreadyExistsException(path.toString());
        }
        String flatName = name.substring(0, name.length() - ".vmdk".length()) + "-flat.vmdk";
        SecureRandom random = new SecureRandom();
        VmdkDescriptor descriptor = new VmdkDescriptor(layout, sizeBytes / VmdkDescriptor.SECTOR_BYTES, flatName,
                random.nextInt() & 0xfffffffe, newDiskId(), preallocation == Preallocation.THIN);
        removeLeftBehind(path.resolveSibling(flatName));
        RawDevice flat = RawDevice.create(path.resolveSibling(flatName), sizeBytes, preallocation);
        try {
            try (FileChannel channel = FileChannel.open(path, StandardOpenOption.CREATE_NEW,
                    StandardOpenOption.WRITE)) {
                ByteBuffer text = ByteBuffer.wrap(descriptor.text().getBytes(StandardCharsets.UTF_8));
                while (text.hasRemaining()) {
                    channel.write(text);
                }
                channel.force(true);
            }
            syncFolder(path);
            return new FlatVmdk(path, descriptor, flat);
        } catch (IOException failure) {
            flat.close();
            Files.deleteIfExists(path.resolveSibling(flatName));
            throw failure;
        }
    }

    private static void removeLeftBehind(Path flat) throws IOException {
        if (!Files.isRegularFile(flat)) {
            return;
        }
        boolean[] written = new boolean[1];
        try (RawDevice device = RawDevice.open(flat, true)) {
            device.extents(0, device.sizeBytes(), (offset, lengthBytes, zero) -> written[0] |= !zero);
        }
        if (written[0]) {
            throw new FileAlreadyExistsException(flat.toString(), null,
                    "there is data in it, but no descriptor beside it; put that there, or move the file away");
        }
        Files.delete(flat);
    }

    /** Opens an existing flat VMDK by its descriptor. */
    public static FlatVmdk open(Path path, boolean readOnly) throws IOException {
        return open(path, readOnly, Preallocation.THIN);
    }

    /** As {@link #open(Path, boolean)}; the room of a thick one is kept when it is zeroed. */
    public static FlatVmdk open(Path path, boolean readOnly, Preallocation preallocation) throws IOException {
        VmdkDescriptor descriptor = VmdkDescriptor.parse(path, start(path));
        Path flatPath = path.resolveSibling(descriptor.extentFile());
        if (!Files.isRegularFile(flatPath)) {
            throw new IOException(path + ": its flat file " + flatPath + " is missing");
        }
        RawDevice flat = RawDevice.open(flatPath, readOnly, preallocation);
        if (flat.sizeBytes() != descriptor.sizeBytes()) {
            flat.close();
            throw new IOException(
                    flatPath + " has " + flat.sizeBytes() + " bytes, but the descriptor says " + descriptor.sizeBytes()
                            + ": the disk is damaged or was resized by hand");
        }
        return new FlatVmdk(path, descriptor, flat);
    }

    /**
     * True if the file is a VMDK of any kind: a descriptor, or a sparse one that {@link #open} will refuse. A large file that
     * merely starts like a descriptor is a raw disk whose owner can write there what he likes.
     */
    public static boolean isVmdk(Path path) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            ByteBuffer start = ByteBuffer.allocate(64);
            while (start.hasRemaining() && channel.read(start) >= 0) {
                // until it is full or the file ends
            }
            start.flip();
            return isSparse(start)
                    || (channel.size() <= VmdkDescriptor.LENGTH_LIMIT_BYTES && VmdkDescriptor.looksLikeOne(start));
        }
    }

    /** The disk's stable id, {@code ddb.uuid}; null if the descriptor has none. */
    public @Nullable UUID uuid() {
        return descriptor.uuid();
    }

    /** Reserves, durably, the room for every byte; what it holds stays. */
    public void reserve() throws IOException {
        flat.reserve();
    }

    /** The file that holds the bytes. */
    public Path flatFile() {
        return path.resolveSibling(descriptor.extentFile());
    }

    @Override
    public long sizeBytes() {
        return flat.sizeBytes();
    }

    @Override
    public int sectorSizeBytes() {
        return flat.sectorSizeBytes();
    }

    @Override
    public boolean readOnly() {
        return flat.readOnly();
    }

    @Override
    public void read(long offset, ByteBuffer target) throws IOException {
        flat.read(offset, target);
    }

    @Override
    public void write(long offset, ByteBuffer source) throws IOException {
        flat.write(offset, source);
    }

    @Override
    public void zero(long offset, long lengthBytes) throws IOException {
        flat.zero(offset, lengthBytes);
    }

    @Override
    public boolean zeroIsFast() {
        return flat.zeroIsFast();
    }

    @Override
    public void flush() throws IOException {
        flat.flush();
    }

    @Override
    public void extents(long offset, long lengthBytes, ExtentVisitor visitor) throws IOException {
        flat.extents(offset, lengthBytes, visitor);
    }

    @Override
    public void close() throws IOException {
        flat.close();
    }

    @Override
    public String toString() {
        return path.toString();
    }

    private static byte[] start(Path path) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            ByteBuffer start = ByteBuffer
                    .allocate((int) Math.min(channel.size(), VmdkDescriptor.LENGTH_LIMIT_BYTES + 1L));
            while (start.hasRemaining() && channel.read(start) >= 0) {
                // until it is full or the file ends
            }
            start.flip();
            if (isSparse(start)) {
                throw new IOException(path + " is a sparse or stream-optimised VMDK; only flat ones are supported: "
                        + "convert it with qemu-img convert -O vmdk -o subformat=monolithicFlat");
            }
            if (start.remaining() > VmdkDescriptor.LENGTH_LIMIT_BYTES) {
                throw new IOException(
                        path + " is too large for a VMDK descriptor: name the descriptor, not the flat file");
            }
            byte[] bytes = new byte[start.remaining()];
            start.get(bytes);
            return bytes;
        }
    }

    private static boolean isSparse(ByteBuffer start) {
        return start.remaining() >= SPARSE_MAGIC.length
                && start.slice(start.position(), SPARSE_MAGIC.length).equals(ByteBuffer.wrap(SPARSE_MAGIC));
    }

    /** A random id in VMware's own range, {@code 60 00 c2 9...}, as virtual disks have. */
    private static UUID newDiskId() {
        UUID random = UUID.randomUUID();
        return new UUID((random.getMostSignificantBits() & 0x0000_000f_ffff_ffffL) | 0x6000_c290_0000_0000L,
                random.getLeastSignificantBits());
    }

    private static void syncFolder(Path path) throws IOException {
        Path folder = path.toAbsolutePath().getParent();
        if (folder != null) {
            try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
                channel.force(true);
            }
        }
    }
}
