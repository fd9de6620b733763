package io.backhaul.benchmarks;

import io.backhaul.blockio.bpf.BpfHandle;
import io.backhaul.blockio.system.BlockDevices;
import io.backhaul.source.ebpf.CaptureRing;
import io.backhaul.source.ebpf.EbpfPins;
import io.backhaul.source.ebpf.EbpfTarget;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import tools.jackson.databind.json.JsonMapper;

/**
 * Captures what is written to a device, and gives the ring back as soon as it has been read: what the capture costs by
 * itself, without anyone who takes what it captures. {@code checks/capture} runs it.
 */
public final class CaptureAlone {
    private static final int RING_BYTES = 64 << 20;
    private static final int BLOCK_BYTES = 64 << 10;
    private static final long PAUSE_MICROS = 500;

    private final CaptureRing ring;
    private final CaptureRing.Cursor cursor = new CaptureRing.Cursor();
    private final CountDownLatch ended = new CountDownLatch(1);
    private long at;
    private long bytes;
    private long records;

    private CaptureAlone(CaptureRing ring) {
        this.ring = ring;
        this.at = ring.tail();
    }

    /** {@code DEVICE}: says {@code ready} when it captures, ends with its stdin, and says then what there was as JSON. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        Path device = Path.of(arguments[0]);
        UUID machine = new UUID(0x6265_6e63_6800_4000L, 0x8000_0000_0000_0000L | ProcessHandle.current().pid());
        List<EbpfTarget> targets = List.of(EbpfTarget.of(0, device, BlockDevices.read()));
        try (CaptureRing ring = EbpfPins.attach(machine, targets, new EbpfPins.Bounds(RING_BYTES, BLOCK_BYTES), device,
                new SplittableRandom(machine.getLeastSignificantBits())).ring();
                BpfHandle program = BpfHandle.open(EbpfPins.folder(machine).resolve("program-queue"))) {
            var capture = new CaptureAlone(ring);
            Thread stdin = Thread.ofPlatform().daemon().start(capture::awaitEnd);
            System.out.println("ready");
            long cpuNanos = capture.run();
            stdin.join();
            System.out.println(new JsonMapper().writeValueAsString(Map.of("bytes", capture.bytes, "records",
                    capture.records, "losses", ring.losses(), "readerCpuNanos", cpuNanos, "programNanos",
                    program.runNanos())));
        } finally {
            EbpfPins.detach(machine);
        }
    }

    private void awaitEnd() {
        try {
            while (System.in.read() >= 0) {
                // Only the end of it says anything.
            }
        } catch (IOException broken) {
            System.err.println("capture: " + broken.getMessage());
        }
        ended.countDown();
    }

    /** Answers the processor time of the reader. */
    private long run() throws InterruptedException {
        boolean last = false;
        while (!last) {
            last = ended.await(PAUSE_MICROS, TimeUnit.MICROSECONDS);
            drain();
        }
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }

    private void drain() {
        for (long head = ring.head(); at < head && ring.read(at, cursor); head = ring.head()) {
            at = cursor.nextPosition();
            bytes += cursor.lengthBytes();
            records++;
            if (records % 64 == 0) {
                ring.release(at);
            }
        }
        ring.release(at);
    }
}
