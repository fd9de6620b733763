package io.backhaul.mastertarget;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** The base disks of a machine, by index; never changes once made. */
final class BaseSet implements DiskSink, AutoCloseable {
    private final SortedMap<Integer, BaseDisk> disks = new TreeMap<>();

    private BaseSet() {}

    /**
     * Opens all, or none.
     *
     * @param areNew
     *            whether they are being made part of the machine
     */
    static BaseSet open(BaseDisks source, List<PlacedDisk> placed, BaseSums sums, boolean areNew) throws IOException {
        BaseSet set = new BaseSet();
        try {
            for (PlacedDisk each : placed) {
                set.disks.put(each.index(), BaseDisk.open(source, each, sums, areNew));
            }
            return set;
        } catch (IOException failed) {
            set.close();
            throw failed;
        }
    }

    /** Disks that belong to others, until they are mended. */
    static BaseSet closed(BaseDisks source, List<PlacedDisk> placed, BaseSums sums) {
        BaseSet set = new BaseSet();
        placed.forEach(each -> set.disks.put(each.index(), BaseDisk.closed(source, each, sums)));
        return set;
    }

    /** The seals of all of them, in rising order of their indexes; they are closed. */
    List<Long> seals() throws IOException {
        List<Long> seals = new ArrayList<>();
        for (BaseDisk disk : disks.values()) {
            seals.add(disk.seal());
        }
        return seals;
    }

    Collection<BaseDisk> all() {
        return disks.values();
    }

    /** The indexes, rising. */
    int[] indexes() {
        return disks.keySet().stream().mapToInt(Integer::intValue).toArray();
    }

    /** The disk of that index, which exists. */
    BaseDisk disk(int index) {
        BaseDisk disk = disks.get(index);
        if (disk == null) {
            throw new IllegalArgumentException("disk " + index + " of " + disks.keySet());
        }
        return disk;
    }

    boolean has(int index) {
        return disks.containsKey(index);
    }

    /** Whether the bytes are inside a disk of the machine. */
    boolean contains(int index, long offset, long lengthBytes) {
        BaseDisk disk = disks.get(index);
        return disk != null && offset <= disk.placed().disk().sizeBytes() - lengthBytes;
    }

    @Override
    public void write(int disk, long offset, ByteBuffer data) throws IOException {
        disk(disk).write(offset, data);
    }

    @Override
    public void zero(int disk, long offset, long lengthBytes) throws IOException {
        disk(disk).zero(offset, lengthBytes);
    }

    void flush() throws IOException {
        for (BaseDisk disk : disks.values()) {
            disk.flush();
        }
    }

    void mend() throws IOException {
        for (BaseDisk disk : disks.values()) {
            disk.mend();
        }
    }

    @Override
    public void close() throws IOException {
        List<IOException> failures = new ArrayList<>();
        for (BaseDisk disk : disks.values()) {
            try {
                disk.close();
            } catch (IOException failed) {
                failures.add(failed);
            }
        }
        if (!failures.isEmpty()) {
            throw failures.getFirst();
        }
    }
}
