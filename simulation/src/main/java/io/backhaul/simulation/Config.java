package io.backhaul.simulation;

import io.backhaul.engine.log.SegmentLimits;
import io.backhaul.engine.stream.HopTiming;
import io.backhaul.mastertarget.IndexLimits;
import io.backhaul.mastertarget.MasterTargetMachine;
import io.backhaul.mastertarget.RetentionPolicy;
import io.backhaul.mastertarget.ScrubPace;
import io.backhaul.processserver.RelayLimits;
import io.backhaul.protocol.Limits;
import io.backhaul.simulation.world.Dice;
import io.backhaul.source.Compression;
import io.backhaul.source.SourceOptions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.IntStream;

/** What the configuration files say just now: a part reads its own when it starts. */
final class Config {
    private static final HopTiming TIMING = HopTiming.DEFAULT;
    private final Plan.Shape shape;
    private final SourceOptions.Machine machine;
    private final TreeSet<Integer> route = new TreeSet<>();
    private final List<RelayLimits> relays = new ArrayList<>();
    private SourceOptions.Buffering buffering;
    private Compression compression = Compression.LZ4;
    private int granularityBytes;
    private MasterTargetMachine.Setup setup;
    private int target;
    private long largestBufferBytes;

    Config(Plan.Shape shape, SourceOptions.Machine machine, Dice dice) {
        this.shape = shape;
        this.machine = machine;
        Plan.Sizes sizes = shape.sizes();
        this.buffering = new SourceOptions.Buffering(sizes.bufferBytes(), sizes.batchBytes(),
                Duration.ofMillis(sizes.batchMillis()), release(dice));
        this.granularityBytes = sizes.granularityBytes();
        this.largestBufferBytes = sizes.bufferBytes();
        this.setup = setup(dice, sizes.segmentBytes());
        for (int i = 0; i < shape.processServers(); i++) {
            route.add(i);
            relays.add(limits(dice, sizes.segmentBytes()));
        }
    }

    static String relayAddress(int relay) {
        return "ps" + relay + ":9443";
    }

    static String targetAddress(int target) {
        return Scene.targetHost(target) + ":9443";
    }

    private static SourceOptions.Release release(Dice dice) {
        return dice.chance(0.75) ? SourceOptions.Release.SPOOLED : SourceOptions.Release.JOURNALED;
    }

    private MasterTargetMachine.Setup setup(Dice dice, int segmentBytes) {
        RetentionPolicy retention = new RetentionPolicy(
                dice.chance(0.5) ? RetentionPolicy.Stand.OLDEST : RetentionPolicy.Stand.NEWEST,
                Duration.ofSeconds(dice.scaled(5, 3600)), dice.scaled(256 << 10, shape.sizes().journalBytes() / 2));
        return new MasterTargetMachine.Setup(retention, TIMING, Limits.MAX_FRAME_BYTES * dice.between(1, 2),
                new SegmentLimits(segmentBytes, 4096), 1 << 20, new IndexLimits(128, 256 << 10),
                ScrubPace.ON_DEMAND);
    }

    private RelayLimits limits(Dice dice, int segmentBytes) {
        long spool = shape.sizes().spoolBytes();
        long credit = (1L + dice.nextInt(2)) * 2 * Limits.MAX_FRAME_BYTES;
        return new RelayLimits(credit, credit * (1 + dice.nextInt(2)), dice.scaled(spool / 2, 2 * spool), 4 * spool,
                segmentBytes, TIMING);
    }

    /** Other settings for the source, but for what would make it a different machine. */
    void changeSource(Dice dice) {
        buffering = new SourceOptions.Buffering(dice.scaled(128 << 10, 24 << 20), (int) dice.scaled(4 << 10, 512 << 10),
                Duration.ofMillis(dice.scaled(1, 50)), release(dice));
        compression = dice.pick(List.of(Compression.values()));
        largestBufferBytes = Math.max(largestBufferBytes, buffering.bufferBytes());
    }

    /** Another granularity, which the dirty map that there is does not fit. */
    void changeGranularity(Dice dice) {
        granularityBytes = 4096 << dice.nextInt(5);
    }

    /** Other settings for the master targets. */
    void changeTarget(Dice dice) {
        setup = setup(dice, (int) dice.scaled(16 << 10, 1 << 20));
    }

    /** Other settings for a process server. */
    void changeRelay(int relay, Dice dice) {
        relays.set(relay, limits(dice, (int) dice.scaled(16 << 10, 1 << 20)));
    }

    /** The process servers give the machine to another master target. */
    void moveTo(int next) {
        target = next;
    }

    /** The source does not use the process server any more. */
    void leave(int relay) {
        route.remove(relay);
    }

    /** The source uses the process server again. */
    void join(int relay) {
        route.add(relay);
    }

    /** Whether the source uses the process server. */
    boolean uses(int relay) {
        return route.contains(relay);
    }

    int relaysUsed() {
        return route.size();
    }

    int granularityBytes() {
        return granularityBytes;
    }

    /** Which master target is responsible. */
    int target() {
        return target;
    }

    long largestBufferBytes() {
        return largestBufferBytes;
    }

    SourceOptions source() {
        Plan.Shape.Verifies verifies = shape.verifies();
        var comparison = new SourceOptions.Comparison(0, Duration.ofSeconds(verifies.periodSeconds()),
                verifies.bytesPerSecond(), verifies.percent());
        return new SourceOptions(machine, buffering, compression, granularityBytes, comparison,
                new SourceOptions.Route(route.stream().map(Config::relayAddress).toList(), TIMING));
    }

    MasterTargetMachine.Setup targetSetup() {
        return setup;
    }

    RelayLimits relay(int relay) {
        return relays.get(relay);
    }

    /** All process servers there are, used or not. */
    IntStream relays() {
        return IntStream.range(0, relays.size());
    }
}
