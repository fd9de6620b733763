package io.backhaul.source.ebpf;

import io.backhaul.blockio.bpf.BpfHandle;
import io.backhaul.blockio.bpf.BpfObject;
import io.backhaul.blockio.bpf.KnownPage;
import io.backhaul.blockio.bpf.SharedMemory;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * Finds out where the kernel has all memory, and the descriptors of its pages: both begin at another place after each
 * start. A page of this process, with a number written in it that nobody guesses, is read from a disk once; a program looks
 * on as the read is submitted, and searches until it finds the number. What was found is proved by another page and another
 * number; nothing is believed that is not. The disk is only read.
 *
 * @param pageOffset
 *            where memory begins
 * @param vmemmap
 *            where the descriptors begin
 */
record Calibration(long pageOffset, long vmemmap) {
    /** Each looks at 64 GiB of addresses. */
    private static final int MAX_READS = 4096;
    private static final long ALIGNMENT = (1L << 30) - 1;
    /** {@code sizeof(struct page)}, as on every x86-64 kernel that has no extra debugging compiled in. */
    private static final int PAGE_DESCRIPTOR_BYTES = 64;

    /** Reads the disk. On a platform thread; blocks. */
    static Calibration find(byte[] program, Path disk, RandomGenerator random) throws IOException {
        try (BpfObject object = BpfObject.open(program)) {
            EbpfPins.keepOnly(object, List.of(EbpfPins.CALIBRATE));
            object.load();
            try (BpfHandle map = object.openMap("calibration");
                    SharedMemory memory = map.map(0, KernelLayout.CALIBRATION_BYTES, true)) {
                object.attach(EbpfPins.CALIBRATE, "block_bio_queue").close();
                memory.setVolatile(KernelLayout.CALIBRATION_THREAD, KnownPage.caller());
                return find(memory, disk, random);
            }
        }
    }

    private static Calibration find(SharedMemory memory, Path disk, RandomGenerator random) throws IOException {
        Calibration found = search(memory, disk, random);
        if (!isProved(memory, found, disk, random)) {
            throw new IOException(
                    "where the kernel has its memory could not be found out for sure: this kernel is not known");
        }
        return found;
    }

    private static Calibration search(SharedMemory memory, Path disk, RandomGenerator random) throws IOException {
        for (int i = 0; i < MAX_READS; i++) {
            long frame = observe(memory, disk, random);
            if (memory.getVolatile(KernelLayout.CALIBRATION_SEEN) == 0) {
                throw new IOException("a read of " + disk + " was not seen by the kernel's tracepoint");
            }
            var told = new Calibration(memory.getVolatile(KernelLayout.CALIBRATION_SYMBOL_PAGE_OFFSET),
                    memory.getVolatile(KernelLayout.CALIBRATION_SYMBOL_VMEMMAP));
            if (told.isLikely() && isProved(memory, told, disk, random)) {
                return told;
            }
            long pageOffset = memory.getVolatile(KernelLayout.CALIBRATION_PAGE_OFFSET);
            if (pageOffset != 0) {
                return new Calibration(pageOffset,
                        memory.getVolatile(KernelLayout.CALIBRATION_PAGE) - frame * PAGE_DESCRIPTOR_BYTES);
            }
        }
        throw new IOException("where the kernel has its memory was not found: this kernel is not known");
    }

    private static boolean isProved(SharedMemory memory, Calibration found, Path disk, RandomGenerator random)
            throws IOException {
        if (!found.isLikely()) {
            return false;
        }
        memory.setVolatile(KernelLayout.CALIBRATION_CHECK_VMEMMAP, found.vmemmap);
        memory.setVolatile(KernelLayout.CALIBRATION_CHECK_PAGE_OFFSET, found.pageOffset);
        memory.setVolatile(KernelLayout.CALIBRATION_PROVED, 0);
        observe(memory, disk, random);
        memory.setVolatile(KernelLayout.CALIBRATION_CHECK_PAGE_OFFSET, 0);
        return memory.getVolatile(KernelLayout.CALIBRATION_PROVED) == 1;
    }

    /** Both lie in the upper half, at whole GiB. */
    private boolean isLikely() {
        return pageOffset < 0 && vmemmap < 0 && (pageOffset & ALIGNMENT) == 0 && (vmemmap & ALIGNMENT) == 0;
    }

    /** Has a page read while the program looks on; answers with its number. */
    private static long observe(SharedMemory memory, Path disk, RandomGenerator random) throws IOException {
        try (KnownPage page = KnownPage.take()) {
            long magic = random.nextLong();
            page.write(magic);
            long frame = page.frame();
            memory.setVolatile(KernelLayout.CALIBRATION_MAGIC, magic);
            memory.setVolatile(KernelLayout.CALIBRATION_FRAME, frame);
            page.readFrom(disk);
            return frame;
        }
    }
}
