package io.backhaul.simulation.world;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Bytes behind a page cache. A write changes the cached page; a sync makes durable what was written before it; when the
 * power fails each unsynced sector is, by chance, as it was last made durable or as it was last written. A page whose sync
 * failed is an orphan: it reads as written, no later sync makes it durable, and only another write brings it back, as on
 * Linux since 4.16.
 */
final class PagedBytes {
    static final int PAGE_BYTES = 4096;
    static final int SECTOR_BYTES = 512;
    private static final byte[] ZEROES = new byte[PAGE_BYTES];
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private final List<byte @Nullable []> pages = new ArrayList<>();
    private final TreeMap<Integer, Shadow> dirty = new TreeMap<>();
    private final TreeMap<Integer, Shadow> orphans = new TreeMap<>();
    private final Usage usage;
    private int pagesInUse;

    /** Counts the pages that many files take together. */
    static final class Usage {
        private long pages;

        long bytes() {
            return pages * PAGE_BYTES;
        }

        /** Only these are left. */
        void recount(List<PagedBytes> left) {
            pages = left.stream().mapToLong(each -> each.pagesInUse).sum();
        }
    }

    PagedBytes(Usage usage) {
        this.usage = usage;
    }

    private void use(int pagesMore) {
        pagesInUse += pagesMore;
        usage.pages += pagesMore;
    }

    /** Nobody can name these bytes any more: their pages are free. */
    void unlink() {
        usage.pages -= pagesInUse;
    }

    /** What of a dirty page is durable, and which of its sectors differ from that. */
    private static final class Shadow {
        private final byte @Nullable [] durable;
        private int sectors;

        Shadow(byte @Nullable [] durable) {
            this.durable = durable;
        }
    }

    long bytesInUse() {
        return (long) pagesInUse * PAGE_BYTES;
    }

    /** Bytes that a write there would take in addition. */
    long bytesNeeded(long offset, long lengthBytes) {
        long needed = 0;
        for (long page = offset / PAGE_BYTES; page * PAGE_BYTES < offset + lengthBytes; page++) {
            needed += page(page) == null ? PAGE_BYTES : 0;
        }
        return needed;
    }

    boolean isDirty() {
        return !dirty.isEmpty();
    }

    private byte @Nullable [] page(long index) {
        return index < pages.size() ? pages.get((int) index) : null;
    }

    /** Eight bytes that lie in one page, little-endian. */
    long getLong(long offset) {
        byte[] page = page(offset / PAGE_BYTES);
        return page == null ? 0 : (long) LONG.get(page, (int) (offset % PAGE_BYTES));
    }

    void read(long offset, ByteBuffer target) {
        long at = offset;
        while (target.hasRemaining()) {
            int within = (int) (at % PAGE_BYTES);
            int length = Math.min(target.remaining(), PAGE_BYTES - within);
            byte[] page = page(at / PAGE_BYTES);
            target.put(page == null ? ZEROES : page, within, length);
            at += length;
        }
    }

    void write(long offset, ByteBuffer source) {
        long at = offset;
        while (source.hasRemaining()) {
            int within = (int) (at % PAGE_BYTES);
            int length = Math.min(source.remaining(), PAGE_BYTES - within);
            source.get(touch((int) (at / PAGE_BYTES), within, length), within, length);
            at += length;
        }
    }

    /** Makes a range read as zeroes; whole pages take no space any more. */
    void zero(long offset, long lengthBytes) {
        long at = offset;
        long end = offset + lengthBytes;
        while (at < end) {
            int within = (int) (at % PAGE_BYTES);
            int length = (int) Math.min(end - at, PAGE_BYTES - within);
            int index = (int) (at / PAGE_BYTES);
            if (page(index) != null || orphans.containsKey(index)) {
                byte[] page = touch(index, within, length);
                if (length == PAGE_BYTES) {
                    pages.set(index, null);
                    use(-1);
                } else {
                    Arrays.fill(page, within, within + length, (byte) 0);
                }
            }
            at += length;
        }
    }

    /** The page for writing; what was durable of it is remembered. */
    private byte[] touch(int index, int within, int length) {
        while (pages.size() <= index) {
            pages.add(null);
        }
        byte[] page = pages.get(index);
        Shadow shadow = dirty.get(index);
        if (shadow == null) {
            Shadow orphan = orphans.remove(index);
            shadow = orphan != null ? orphan : new Shadow(page == null ? null : page.clone());
            dirty.put(index, shadow);
        }
        for (int sector = within / SECTOR_BYTES; sector * SECTOR_BYTES < within + length; sector++) {
            shadow.sectors |= 1 << sector;
        }
        if (page == null) {
            page = new byte[PAGE_BYTES];
            pages.set(index, page);
            use(1);
        }
        return page;
    }

    /** Everything from there on is gone, durably: a shorter length is what makes it unreadable. */
    void cut(long lengthBytes) {
        zero(lengthBytes, Math.max(0, (long) pages.size() * PAGE_BYTES - lengthBytes));
    }

    /** Everything written so far is durable, but for orphans. */
    void sync() {
        dirty.clear();
    }

    /** A sync has failed: what was to be made durable never will be by a later one. */
    void failSync() {
        dirty.forEach(orphans::putIfAbsent);
        dirty.clear();
    }

    /** The system writes some pages back by itself. */
    void writeBack(Dice dice, double probability) {
        dirty.keySet().removeIf(index -> dice.chance(probability));
    }

    /** The power has failed: each unsynced sector survives with the given probability. */
    void losePower(Dice dice, double survival) {
        dirty.forEach((index, shadow) -> revert(index, shadow, dice, survival));
        orphans.forEach((index, shadow) -> revert(index, shadow, dice, 0));
        dirty.clear();
        orphans.clear();
    }

    private void revert(int index, Shadow shadow, Dice dice, double survival) {
        byte[] page = pages.get(index);
        byte[] mixed = page == null ? new byte[PAGE_BYTES] : page;
        byte[] durable = shadow.durable == null ? ZEROES : shadow.durable;
        for (int sector = 0; sector < PAGE_BYTES / SECTOR_BYTES; sector++) {
            if ((shadow.sectors & 1 << sector) != 0 && !dice.chance(survival)) {
                System.arraycopy(durable, sector * SECTOR_BYTES, mixed, sector * SECTOR_BYTES, SECTOR_BYTES);
            }
        }
        boolean zero = Arrays.equals(mixed, ZEROES);
        use((zero ? 0 : 1) - (page == null ? 0 : 1));
        pages.set(index, zero ? null : mixed);
    }

    /** Flips one bit of a page that is clean and in use; false where there is none. */
    boolean flipBit(Dice dice) {
        return flipBit(dice, (long) pages.size() * PAGE_BYTES);
    }

    /** The same in the pages before {@code end}. */
    boolean flipBit(Dice dice, long end) {
        List<Integer> clean = new ArrayList<>();
        for (int index = 0; index < Math.min(pages.size(), end / PAGE_BYTES); index++) {
            if (pages.get(index) != null && !dirty.containsKey(index)) {
                clean.add(index);
            }
        }
        if (clean.isEmpty()) {
            return false;
        }
        byte[] page = Objects.requireNonNull(pages.get(dice.pick(clean)));
        int at = dice.nextInt(PAGE_BYTES);
        if (dice.chance(0.8)) {
            // Where something is written: most of a small file is not.
            for (int tries = 0; tries < PAGE_BYTES && page[at] == 0; tries++) {
                at = (at + 1) % PAGE_BYTES;
            }
        }
        page[at] ^= (byte) (1 << dice.nextInt(8));
        return true;
    }

    /** Whether the page at the offset takes space; the end of the run of alike pages is the result's absolute value. */
    boolean isHole(long offset) {
        return page(offset / PAGE_BYTES) == null;
    }

    /** Sectors that are not durable as they read, for assertions of tests. */
    Map<Integer, Integer> unsyncedSectors() {
        Map<Integer, Integer> sectors = new TreeMap<>();
        dirty.forEach((index, shadow) -> sectors.put(index, shadow.sectors));
        return sectors;
    }
}
