package io.backhaul.mastertarget;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.log.CrashVolume;
import io.backhaul.engine.log.SegmentLimits;
import io.backhaul.engine.stream.HopTiming;
import io.backhaul.mastertarget.RetentionPolicy.Stand;
import io.backhaul.protocol.DigestRequest;
import io.backhaul.protocol.Digests;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.Limits;
import io.backhaul.protocol.Position;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.UUID;
import java.util.random.RandomGenerator;

/** A machine on a world that can fail: its volume, its disks, and one life of it after the other. */
final class TargetFixture {
    static final int DISKS = 2;
    static final int DISK_BYTES = 64 << 10;
    private static final long SECOND = 1_000_000_000L;
    private static final int POINTS = 12;

    final RandomGenerator random;
    final World world;
    final CrashVolume volume = new CrashVolume("retention");
    final Map<Integer, CrashDisk> disks = new TreeMap<>();
    final SourceModel source;
    final FaultLog faults;
    RetentionPolicy policy = new RetentionPolicy(Stand.OLDEST, Duration.ofDays(365), Long.MAX_VALUE);
    int segmentBytes = 64 << 10;
    IndexLimits index = new IndexLimits(64, 64 << 10);
    ScrubPace scrub = ScrubPace.ON_DEMAND;
    MasterTargetMachine machine;

    TargetFixture(RandomGenerator random) {
        this.random = random;
        this.world = new World(random);
        this.source = new SourceModel(world, random, DISKS, DISK_BYTES);
        this.faults = new FaultLog(world.clock);
        this.machine = make();
    }

    private MasterTargetMachine make() {
        var ports = new MasterTargetMachine.Ports(world.loop, world.lanes(), volume, new Shelf(),
                () -> SourceModel.REPLICA_BITS,
                ByteBufAllocator.DEFAULT, faults);
        var timing = new HopTiming(Duration.ofDays(1), Duration.ofDays(1), Duration.ofMillis(1), Duration.ofMillis(1),
                Duration.ofMillis(1));
        return new MasterTargetMachine(source.machine, ports, new MasterTargetMachine.Setup(policy, timing, 16 << 20,
                SegmentLimits.ofSegments(segmentBytes), 1 << 20, index, scrub));
    }

    /** Starts the machine, in a new life. */
    void start() {
        machine = make();
        machine.begin();
        source.connect(machine);
    }

    /** Ends its life at once. */
    void crash(boolean power) {
        world.crash();
        source.disconnect();
        if (power) {
            volume.crash(random);
        } else {
            volume.folder("journal").kill();
            volume.folder("index").kill();
            volume.folder("undo").kill();
            volume.folder("base").kill();
            volume.kill();
            volume.mend();
        }
        disks.values().forEach(disk -> disk.crash(power));
    }

    void mend() {
        volume.mend();
        volume.folder("journal").mend();
        volume.folder("index").mend();
        volume.folder("undo").mend();
        volume.folder("base").mend();
        disks.values().forEach(CrashDisk::mend);
    }

    /** A base disk that has been made. */
    CrashDisk disk(int index) {
        CrashDisk found = disks.get(index);
        if (found == null) {
            throw new IllegalStateException("no disk " + index);
        }
        return found;
    }

    /** Reads all disks of a view, checking that what is said to be zero is. */
    static byte[][] read(View view) throws IOException {
        byte[][] contents = new byte[DISKS][DISK_BYTES];
        for (View.Disk disk : view.disks()) {
            byte[] content = contents[disk.index()];
            disk.device().read(0, ByteBuffer.wrap(content));
            long[] next = new long[1];
            disk.device().extents(0, DISK_BYTES, (offset, length, zero) -> {
                if (offset != next[0]) {
                    throw new IllegalStateException("extents leave out " + next[0] + " to " + offset);
                }
                next[0] = offset + length;
                for (long at = offset; zero && at < offset + length; at++) {
                    if (content[(int) at] != 0) {
                        throw new IllegalStateException("told as zero at " + at);
                    }
                }
            });
        }
        return contents;
    }

    /** Opens a view, letting the world go on until it is open. */
    View view(PointName name) {
        if (tryView(name) instanceof View view) {
            return view;
        }
        throw new IllegalStateException("no view of " + name);
    }

    /** A view, or the text that says why there is none. */
    Object tryView(PointName name) {
        Object[] answer = new Object[1];
        machine.openView(name, "test", new MasterTargetMachine.ViewOutcome() {
            @Override
            public void opened(View view) {
                answer[0] = view;
            }

            @Override
            public void failed(String why) {
                answer[0] = why;
            }
        });
        while (answer[0] == null && world.step()) {
            // until it is open
        }
        return answer[0];
    }

    /** Sends what there is, in several strokes with time between. */
    void send() {
        for (int i = 0; i < 5; i++) {
            source.send();
            world.pass(SECOND);
        }
    }

    void write() {
        for (int i = 0; i < 10; i++) {
            source.writes(8);
        }
    }

    /** Begins a machine's life with its baseline, and some ordered writes. */
    void begin() {
        start();
        world.pass(SECOND);
        source.generation(Position.NONE, Position.NONE, Fidelity.BASELINE);
        source.everything();
        source.fidelity(Fidelity.ORDERED);
        write();
        send();
        assertThat(source.told()).isEqualTo(source.last());
    }

    /** Reads everything back; answers what is damaged. */
    List<MachineStatus.Damage> scrub() {
        List<MachineStatus.Damage> found = new ArrayList<>();
        List<String> ended = new ArrayList<>();
        machine.scrub(new MasterTargetMachine.ScrubOutcome() {
            @Override
            public void done(long bytes, List<MachineStatus.Damage> damaged) {
                assertThat(bytes).isPositive();
                found.addAll(damaged);
                ended.add("done");
            }

            @Override
            public void failed(String why) {
                ended.add(why);
            }
        });
        world.pass(60 * SECOND);
        assertThat(ended).containsExactly("done");
        return found;
    }

    /** Every position that is offered. */
    List<Position> offered() {
        List<Position> offered = new ArrayList<>();
        for (RecoveryPoints.Interval interval : machine.points().intervals()) {
            for (Position at = interval.from(); interval.to().isAtLeast(at); at = at.plus(1)) {
                offered.add(at);
            }
        }
        return offered;
    }

    /** All that is offered are points; of some, the first and the last among them, the content is right. */
    void assertOfferedPointsAreTrue(String when) throws IOException {
        List<Position> offered = offered();
        assertThat(source.oracle.points(source.last())).as(when).containsAll(offered);
        Random some = new Random(offered.size());
        for (int i = 0; i < Math.min(offered.size(), POINTS); i++) {
            Position point = i == 0 ? offered.getFirst()
                    : i == 1 ? offered.getLast() : offered.get(some.nextInt(offered.size()));
            assertThat(Oracle.same(readAt(point), source.oracle.stateAt(point))).as("%s: %s", when, point).isTrue();
        }
    }

    /** By disk and number, the chunks of 4 KiB of which the machine's digests say that they are damaged. */
    List<String> damagedChunks() {
        List<String> damaged = new ArrayList<>();
        for (int disk = 0; disk < DISKS; disk++) {
            int chunks = DISK_BYTES / 4096;
            source.ask(new DigestRequest(source.machine, source.last(), 1, disk, 4096,
                    List.of(new DigestRequest.Run(0, chunks))).frame(ByteBufAllocator.DEFAULT));
            world.pass(SECOND);
            Digests answer = source.digests().getLast();
            assertThat(answer.status()).isIn(Digests.Status.SOME, Digests.Status.ALL_ZERO);
            for (int i = 0; i < chunks && answer.status() == Digests.Status.SOME; i++) {
                byte[] digest = new byte[Limits.DIGEST_BYTES];
                answer.digests().slice(i * Limits.DIGEST_BYTES, Limits.DIGEST_BYTES).get(digest);
                byte[] nothing = new byte[Limits.DIGEST_BYTES];
                Arrays.fill(nothing, (byte) 0xff);
                if (Arrays.equals(digest, nothing)) {
                    damaged.add("%d:%02d".formatted(disk, i));
                }
            }
        }
        return damaged;
    }

    /** The disks' bytes at a position, read back. */
    byte[][] readAt(Position position) throws IOException {
        try (View view = view(new PointName.At(position))) {
            return read(view);
        }
    }

    /** The base disks' bytes. */
    byte[][] base() {
        byte[][] contents = new byte[DISKS][];
        disks.forEach((index, disk) -> contents[index] = disk.bytes());
        return contents;
    }

    private final class Shelf implements BaseDisks {
        @Override
        public List<PlacedDisk> prepare(UUID machineId, String machineName, List<DiskInfo> wanted) {
            wanted.forEach(disk -> disks.computeIfAbsent(disk.index(),
                    index -> new CrashDisk((int) disk.sizeBytes(), random)));
            return wanted.stream().map(disk -> new PlacedDisk(disk, DiskFormat.RAW, "disk-" + disk.index())).toList();
        }

        @Override
        public BlockDevice open(PlacedDisk disk) throws IOException {
            CrashDisk found = disks.get(disk.index());
            if (found == null) {
                throw new IOException("no disk " + disk.path());
            }
            return found.open();
        }

        @Override
        public long seal(PlacedDisk disk) {
            return disk(disk.index()).changes();
        }
    }
}
