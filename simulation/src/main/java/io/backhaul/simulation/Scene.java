package io.backhaul.simulation;

import io.backhaul.engine.log.SegmentLimits;
import io.backhaul.engine.stream.HopTiming;
import io.backhaul.mastertarget.MasterTargetMachine;
import io.backhaul.mastertarget.RetentionPolicy;
import io.backhaul.protocol.Identity;
import io.backhaul.processserver.RelayLimits;
import io.backhaul.protocol.Limits;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Role;
import io.backhaul.simulation.world.Cable;
import io.backhaul.simulation.world.Dice;
import io.backhaul.simulation.world.EventLog;
import io.backhaul.simulation.world.Scheduler;
import io.backhaul.simulation.world.SimDisk;
import io.backhaul.simulation.world.SimDrive;
import io.backhaul.simulation.world.SimHost;
import io.backhaul.simulation.world.SimNetwork;
import io.backhaul.simulation.world.SimProcess;
import io.backhaul.simulation.world.Tally;
import io.backhaul.source.Compression;
import io.backhaul.source.SourceOptions;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The system as a plan describes it: hosts, their disks, and the roles on them. */
final class Scene {
    private static final UUID MACHINE = new UUID(0x6d61_6368_696e_4531L, 0x8000_0000_0000_0001L);
    private static final String TARGET_ADDRESS = "target:9443";
    private static final HopTiming TIMING = HopTiming.DEFAULT;

    private final Plan plan;
    private final Dice dice;
    private final Tally tally = new Tally();
    private final Scheduler scheduler;
    private final SimNetwork network;
    private final SimHost sourceHost;
    private final SimHost targetHost;
    private final List<Station<RelayPart>> relays = new ArrayList<>();
    private final List<SimDrive> spools = new ArrayList<>();
    private final List<SimDisk> disks = new ArrayList<>();
    private final SimDrive sourceState;
    private final SimDrive targetVolume;
    private final SimBaseDisks baseDisks;
    private final Station<SourcePart> source;
    private final Station<TargetPart> target;
    private final Oracle oracle;
    private final Witness witness;
    private final Guest guest;
    private int sourceBoots;

    Scene(Plan plan, EventLog log) {
        this.plan = plan;
        this.dice = new Dice(plan.seed(), "scene");
        this.scheduler = new Scheduler(log);
        this.network = new SimNetwork(scheduler, dice, tally);
        this.sourceHost = host("source");
        this.targetHost = host("target");
        Plan.Shape shape = plan.shape();
        for (int i = 0; i < shape.disks(); i++) {
            disks.add(new SimDisk(sourceHost, "disk" + i, shape.diskBytes() * (i == 0 ? 1 : 1 + i % 2),
                    shape.sectorBytes(),
                    tally));
        }
        this.sourceState = new SimDrive(sourceHost, "state", 8 << 20, tally);
        this.targetVolume = new SimDrive(targetHost, "volume", shape.sizes().journalBytes(), tally);
        this.baseDisks = new SimBaseDisks(targetHost, tally);
        this.oracle = new Oracle(disks);
        this.witness = new Witness(scheduler, this::roleOf, tally);
        network.tap(witness);
        SourcePart.Site sourceSite = new SourcePart.Site(sourceOptions(), disks, sourceState, network, dice);
        this.source = new Station<>(sourceHost,
                process -> SourcePart.start(process, sourceSite, new UUID(7, sourceBoots)), dice, tally);
        for (int i = 0; i < shape.processServers(); i++) {
            addRelay(i);
        }
        TargetPart.Site targetSite = targetSite();
        this.target = new Station<>(targetHost, process -> TargetPart.start(process, targetSite), dice, tally);
        this.guest = new Guest(scheduler, dice.fork("guest"), tally, oracle, plan.habits(), this::served);
        sourceHost.onDeath(dead -> guest.agentDied());
        disks.getLast().onPowerLost(this::sourceLostPower);
    }

    private void addRelay(int index) {
        SimHost host = host("ps" + index);
        Plan.Sizes sizes = plan.shape().sizes();
        SimDrive spool = new SimDrive(host, "spool", sizes.spoolBytes(), tally);
        RelayLimits limits = new RelayLimits(2L * Limits.MAX_FRAME_BYTES, 4L * Limits.MAX_FRAME_BYTES,
                dice.scaled(sizes.spoolBytes() / 2, 2 * sizes.spoolBytes()), 4 * sizes.spoolBytes(),
                sizes.segmentBytes(),
                TIMING);
        RelayPart.Site site = new RelayPart.Site(new Identity(Role.PROCESS_SERVER, new UUID(8, index)), address(index),
                TARGET_ADDRESS, spool, network, limits, dice);
        spools.add(spool);
        relays.add(new Station<>(host, process -> RelayPart.start(process, site), dice, tally));
    }

    private static String address(int relay) {
        return "ps" + relay + ":9443";
    }

    private SimHost host(String name) {
        SimHost host = new SimHost(name, scheduler, dice);
        host.interleave(plan.shape().interleaved());
        return host;
    }

    private Role roleOf(SimProcess process) {
        String host = process.host().name();
        return host.equals("source") ? Role.SOURCE : host.equals("target") ? Role.MASTER_TARGET : Role.PROCESS_SERVER;
    }

    private SourceOptions sourceOptions() {
        Plan.Sizes sizes = plan.shape().sizes();
        var buffering = new SourceOptions.Buffering(sizes.bufferBytes(), sizes.batchBytes(),
                Duration.ofMillis(sizes.batchMillis()),
                dice.chance(0.75) ? SourceOptions.Release.SPOOLED : SourceOptions.Release.JOURNALED);
        return new SourceOptions(new SourceOptions.Machine(MACHINE, "guest"), buffering, Compression.LZ4,
                sizes.granularityBytes(),
                new SourceOptions.Route(
                        IntStream.range(0, plan.shape().processServers()).mapToObj(Scene::address).toList(),
                        TIMING));
    }

    private TargetPart.Site targetSite() {
        Plan.Sizes sizes = plan.shape().sizes();
        RetentionPolicy retention = new RetentionPolicy(
                dice.chance(0.7) ? RetentionPolicy.Stand.OLDEST : RetentionPolicy.Stand.NEWEST,
                Duration.ofSeconds(dice.scaled(5, 3600)), dice.scaled(256 << 10, sizes.journalBytes() / 2));
        var setup = new MasterTargetMachine.Setup(retention, TIMING, Limits.MAX_FRAME_BYTES,
                new SegmentLimits(sizes.segmentBytes(), 4096), 1 << 20);
        return new TargetPart.Site(MACHINE, new Identity(Role.MASTER_TARGET, new UUID(9, 9)), TARGET_ADDRESS,
                targetVolume,
                baseDisks, network, setup);
    }

    private Guest.@Nullable Served served() {
        SourcePart part = source.part();
        return part != null && part.serves() ? part : null;
    }

    private void sourceLostPower() {
        sourceBoots++;
        witness.allowBaseline("the source lost power");
        oracle.reconcile();
    }

    /** Puts something on the disks, and starts everything. */
    void begin() {
        for (int disk = 0; disk < disks.size(); disk++) {
            int sectors = (int) (disks.get(disk).sizeBytes() / SectorContent.SECTOR_BYTES);
            for (int i = 0; i < 3; i++) {
                int first = dice.nextInt(sectors);
                long[] ids = new long[Math.min(sectors - first, (int) dice.scaled(1, sectors))];
                int state = oracle.nextState();
                ByteBuffer bytes = ByteBuffer.allocate(ids.length * SectorContent.SECTOR_BYTES);
                for (int each = 0; each < ids.length; each++) {
                    ids[each] = SectorContent.id(state, disk, first + each);
                    SectorContent.expand(ids[each], bytes);
                }
                disks.get(disk).poke((long) first * SectorContent.SECTOR_BYTES, bytes.flip());
                oracle.change(disk, first, ids);
            }
        }
        stations().forEach(Station::start);
        guest.begin();
    }

    Plan plan() {
        return plan;
    }

    Dice dice() {
        return dice;
    }

    Tally tally() {
        return tally;
    }

    Scheduler scheduler() {
        return scheduler;
    }

    SimNetwork network() {
        return network;
    }

    List<Cable> cables() {
        List<Cable> cables = new ArrayList<>();
        for (Station<RelayPart> relay : relays) {
            cables.add(network.cable(sourceHost, relay.host()));
            cables.add(network.cable(relay.host(), targetHost));
        }
        return cables;
    }

    List<Station<?>> stations() {
        List<Station<?>> stations = new ArrayList<>(relays);
        stations.add(target);
        stations.add(source);
        return stations;
    }

    Station<SourcePart> source() {
        return source;
    }

    Station<TargetPart> target() {
        return target;
    }

    List<SimDrive> drives() {
        List<SimDrive> drives = new ArrayList<>(spools);
        drives.add(sourceState);
        drives.add(targetVolume);
        return drives;
    }

    /** All disks there are, protected and base. */
    List<SimDisk> allDisks() {
        List<SimDisk> all = new ArrayList<>(disks);
        all.addAll(baseDisks.all());
        return all;
    }

    List<SimDisk> baseDisks() {
        return baseDisks.all();
    }

    Oracle oracle() {
        return oracle;
    }

    Witness witness() {
        return witness;
    }

    Guest guest() {
        return guest;
    }

    SimDrive targetVolume() {
        return targetVolume;
    }

    /** A process server's disk is replaced by an empty one. */
    void loseSpool(Dice with) {
        int index = with.nextInt(relays.size());
        Station<RelayPart> relay = relays.get(index);
        relay.kill(false);
        spools.get(index).wipe();
        Position held = witness.durableAt(relay.host().name());
        witness.diskLost(relay.host());
        tally.add("spool lost while undelivered", witness.durableAt("target").isBefore(held) ? 1 : 0);
    }

    /** A bit flips in a file at rest; false where there is none. */
    boolean flipBit(Dice with) {
        int index = with.nextInt(relays.size());
        if (!spools.get(index).flipBit(".seg")) {
            return false;
        }
        witness.damaged(relays.get(index).host());
        return true;
    }

    /** How many bytes of buffers a process may hold. */
    long memoryBoundBytes(String host) {
        long frame = Limits.MAX_FRAME_BYTES;
        return host.equals("source") ? 4 * plan.shape().sizes().bufferBytes() + 8 * frame : 16 * frame;
    }

    /** Where everything stands, in words. */
    String standing() {
        SourcePart sourcePart = source.part();
        TargetPart targetPart = target.part();
        return "source " + (sourcePart == null ? "is down" : sourcePart.status().toString()) + "; target "
                + (targetPart == null ? "is down" : targetPart.status().toString());
    }

    /** Ends all processes. */
    void close() {
        stations().forEach(station -> station.host().kill());
        scheduler.close();
    }
}
