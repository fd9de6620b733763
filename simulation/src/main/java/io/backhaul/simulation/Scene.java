package io.backhaul.simulation;

import io.backhaul.engine.stream.OfferedLinks;
import io.backhaul.protocol.Identity;
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
import io.backhaul.simulation.world.SimRing;
import io.backhaul.simulation.world.Tally;
import io.backhaul.source.SourceOptions;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The system as a plan describes it: hosts, their disks, and the roles on them. */
final class Scene {
    static final UUID MACHINE = new UUID(0x6d61_6368_696e_4531L, 0x8000_0000_0000_0001L);

    private static final String CHECKPOINT = "machine.state";

    private final Plan plan;
    private final Dice dice;
    private final Tally tally = new Tally();
    private final Scheduler scheduler;
    private final SimNetwork network;
    private final SimHost sourceHost;
    private final List<Station<RelayPart>> relays = new ArrayList<>();
    private final List<SimDrive> spools = new ArrayList<>();
    private final List<SimDisk> disks = new ArrayList<>();
    private final SimDrive sourceState;
    private final Config config;
    private final List<Store> stores = new ArrayList<>();
    private final Station<SourcePart> source;
    private final List<Station<TargetPart>> targets = new ArrayList<>();
    private final Set<String> rotten = new TreeSet<>();
    private final Set<String> unread = new TreeSet<>();
    private final Set<String> baseRotten = new TreeSet<>();
    private final Oracle oracle;
    private final Witness witness;
    private final Guest guest;
    private final @Nullable KernelDoor kernel;
    private final Verifications verifications;
    private int sourceBoots;

    /** Where a master target keeps things. */
    private record Store(SimDrive volume, SimBaseDisks disks) {}

    Scene(Plan plan, EventLog log) {
        this.plan = plan;
        this.dice = new Dice(plan.seed(), "scene");
        this.scheduler = new Scheduler(log);
        this.network = new SimNetwork(scheduler, dice, tally);
        this.sourceHost = host("source");
        Plan.Shape shape = plan.shape();
        for (int i = 0; i < shape.disks(); i++) {
            disks.add(new SimDisk(sourceHost, "disk" + i, shape.diskBytes() * (i == 0 ? 1 : 1 + i % 2),
                    shape.sectorBytes(),
                    tally));
        }
        this.sourceState = new SimDrive(sourceHost, "state", 8 << 20, tally);
        this.config = new Config(shape, new SourceOptions.Machine(MACHINE, "guest"), dice.fork("config"));
        this.oracle = new Oracle(disks);
        this.witness = new Witness(scheduler, this::roleOf, this::namesDamage, tally);
        network.tap(witness);
        if (shape.isObserved()) {
            witness.framesMayRegroup();
        }
        SimRing ring = shape.isObserved() ? new SimRing(sourceHost, disks, shape.ringBytes(), tally) : null;
        SourcePart.Site sourceSite = new SourcePart.Site(config::source,
                new SourcePart.Seen(shape.scans(), ring, this::agentDied), disks,
                sourceState, network, dice);
        this.source = new Station<>(sourceHost,
                process -> SourcePart.start(process, sourceSite, new UUID(7, sourceBoots)), dice, tally);
        for (int i = 0; i < shape.processServers(); i++) {
            addRelay(i);
        }
        for (int i = 0; i < shape.masterTargets(); i++) {
            addTarget(i);
        }
        this.kernel = ring == null ? null
                : new KernelDoor(scheduler, ring, disks, source, new KernelDoor.Told(oracle, tally));
        this.guest = new Guest(scheduler, dice.fork("guest"), tally, oracle, plan.habits(), new Disks());
        sourceHost.onDeath(dead -> {
            if (kernel == null) {
                guest.agentDied();
            }
        });
        this.verifications = new Verifications(plan, source, oracle, tally);
        disks.getLast().onPowerLost(this::sourceLostPower);
    }

    private void addRelay(int index) {
        SimHost host = host("ps" + index);
        SimDrive spool = new SimDrive(host, "spool", plan.shape().sizes().spoolBytes(), tally);
        Set<UUID> dialIn = isDialledIn(index)
                ? IntStream.range(0, plan.shape().masterTargets()).mapToObj(Scene::targetId).collect(Collectors.toSet())
                : Set.of();
        RelayPart.Site site = new RelayPart.Site(new Identity(Role.PROCESS_SERVER, new UUID(8, index)),
                Config.relayAddress(index), () -> dialIn.isEmpty() ? Config.targetAddress(config.target())
                        : OfferedLinks.address(targetId(config.target())),
                spool, network, () -> config.relay(index), dialIn, dice);
        spools.add(spool);
        relays.add(new Station<>(host, process -> RelayPart.start(process, site), dice, tally));
    }

    private void addTarget(int index) {
        SimHost host = host(targetHost(index));
        Store store = new Store(new SimDrive(host, "volume", plan.shape().sizes().journalBytes(), tally),
                new SimBaseDisks(host, tally));
        TargetPart.Site site = new TargetPart.Site(MACHINE, new Identity(Role.MASTER_TARGET, targetId(index)),
                Config.targetAddress(index), store.volume(), store.disks(), network, config::targetSetup,
                IntStream.range(0, plan.shape().processServers()).filter(this::isDialledIn)
                        .mapToObj(Config::relayAddress).toList(),
                dice);
        stores.add(store);
        targets.add(new Station<>(host, process -> TargetPart.start(process, site), dice, tally));
    }

    private static UUID targetId(int index) {
        return new UUID(9, index);
    }

    /** Whether a process server does not dial master targets, but is dialled by them. */
    private boolean isDialledIn(int relay) {
        return plan.shape().dialledIn().contains(relay);
    }

    static String targetHost(int index) {
        return index == 0 ? "target" : "target" + index;
    }

    private SimHost host(String name) {
        SimHost host = new SimHost(name, scheduler, dice);
        host.interleave(plan.shape().interleaved());
        return host;
    }

    private Role roleOf(SimProcess process) {
        String host = process.host().name();
        return host.equals("source") ? Role.SOURCE
                : host.startsWith("target") ? Role.MASTER_TARGET : Role.PROCESS_SERVER;
    }

    /** A sync mark that a failed write or a loss of power took with it vouches for nothing: then nobody can know. */
    private boolean namesDamage(String host) {
        return plan.mayLoseMarks() || stations().stream()
                .anyMatch(station -> station.host().name().equals(host) && station.namesDamage());
    }

    /** How the guest gets at its disks: through the agent, or where that only scans past it, mostly while it does not run. */
    private final class Disks implements Guest.Door {
        @Override
        public Guest.@Nullable Served served() {
            SourcePart part = source.part();
            return kernel != null ? kernel : part != null && part.serves() ? part : null;
        }

        @Override
        public List<SimDisk> bare(Dice with) {
            return plan.shape().scans() && (!source.host().isUp() || with.chance(0.01)) ? disks : List.of();
        }

        @Override
        public void wroteBare() {
            witness.writtenUnseen();
        }
    }

    private void agentDied(SourcePart last) {
        if (kernel != null && last.isStreaming()) {
            kernel.killed(last.mayGoOn() ? last.captured() : null);
        }
    }

    private void sourceLostPower() {
        sourceBoots++;
        witness.allowBaseline("the source lost power");
        if (kernel != null) {
            kernel.lostPower();
            guest.agentDied();
        }
        oracle.reconcile();
    }

    /** Puts something on the disks, and starts everything. */
    void begin() {
        // A machine that is set up just now has nothing yet.
        boolean isEmpty = kernel != null && dice.fork("emptiness").chance(0.5);
        for (int disk = 0; disk < disks.size(); disk++) {
            int sectors = (int) (disks.get(disk).sizeBytes() / SectorContent.SECTOR_BYTES);
            for (int i = 0; i < 3 && !isEmpty; i++) {
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
        for (Station<?> station : stations()) {
            if (station == source && kernel != null) {
                install(kernel, 1 + dice.fork("installed").nextInt(10_000));
            } else {
                station.start();
            }
        }
        guest.begin();
    }

    /** Who only observes is installed on a machine that has long been at work, and has a write under way just then. */
    private void install(KernelDoor door, int patienceMillis) {
        if (door.isIdle() && patienceMillis > 0) {
            scheduler.after(1_000_000, () -> install(door, patienceMillis - 1));
        } else {
            source.start();
        }
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
            targets.forEach(target -> cables.add(network.cable(relay.host(), target.host())));
        }
        return cables;
    }

    List<Station<?>> stations() {
        List<Station<?>> stations = new ArrayList<>(relays);
        stations.addAll(targets);
        stations.add(source);
        return stations;
    }

    Station<SourcePart> source() {
        return source;
    }

    /** The master target that is responsible just now. */
    Station<TargetPart> target() {
        return targets.get(config.target());
    }

    List<Station<TargetPart>> targets() {
        return targets;
    }

    List<Station<RelayPart>> relays() {
        return relays;
    }

    /** Who goes on with a stream has gone on with the right one. */
    void lookAtTheSource() {
        SourcePart part = source.part();
        Position at = part == null || !part.isStreaming() ? null : part.captured();
        if (kernel != null && at != null) {
            kernel.streams(at, plan.shape().processServers() == 1 && plan.isHarmlessToOrder());
        }
    }

    /** What the guest writes through where the capture observes; null where it does not. */
    @Nullable
    KernelDoor kernel() {
        return kernel;
    }

    Config config() {
        return config;
    }

    List<SimDrive> drives() {
        List<SimDrive> drives = new ArrayList<>(spools);
        drives.add(sourceState);
        stores.forEach(store -> drives.add(store.volume()));
        return drives;
    }

    /** All disks there are, protected and base. */
    List<SimDisk> allDisks() {
        List<SimDisk> all = new ArrayList<>(disks);
        stores.forEach(store -> all.addAll(store.disks().all()));
        return all;
    }

    /** The disks that a master target writes. */
    List<SimDisk> baseDisks(String host) {
        return stores.get(indexOf(host)).disks().all();
    }

    private int indexOf(String targetHost) {
        return IntStream.range(0, targets.size()).filter(i -> targetHost(i).equals(targetHost)).findFirst()
                .orElseThrow();
    }

    /** The protected disks. */
    List<SimDisk> protectedDisks() {
        return disks;
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

    /** What is known of verifications. */
    Verifications verifications() {
        return verifications;
    }

    /** Somebody writes to a protected disk past the capture. */
    boolean writePastCapture(Dice with) {
        boolean written = guest.writePast(disks, with);
        if (written) {
            verifications.struck();
        }
        return written;
    }

    /** A process server's disk is replaced by an empty one. */
    void loseSpool(Dice with) {
        int index = with.nextInt(relays.size());
        Station<RelayPart> relay = relays.get(index);
        relay.kill(false);
        Position held = witness.durableAt(relay.host().name());
        wipeSpool(index);
        tally.add("spool lost while undelivered", witness.journaledAt(target().host().name()).isBefore(held) ? 1 : 0);
    }

    /** Everything that a process server has stored is gone; it must not run. */
    void wipeSpool(int index) {
        spools.get(index).wipe();
        witness.diskLost(relays.get(index).host());
    }

    /** A master target loses all it has stored; it is started again without. */
    void loseJournal(Station<TargetPart> target) {
        target.kill(false);
        Store store = stores.get(indexOf(target.host().name()));
        store.volume().wipe();
        store.disks().wipe();
        rotten.remove(target.host().name());
        unread.remove(target.host().name());
        baseRotten.remove(target.host().name());
        witness.diskLost(target.host());
        continuityIsLost("a master target lost its journal");
    }

    /** What the process servers counted as safe, because the master target had it, is not. */
    void continuityIsLost(String why) {
        relays.forEach(relay -> witness.diskLost(relay.host()));
        witness.continuityIsLost(why);
    }

    /** A bit flips in a spool; false where there is none. */
    boolean flipBit(Dice with) {
        int index = with.nextInt(relays.size());
        if (!spools.get(index).flipBit(".seg")) {
            return false;
        }
        witness.damaged(relays.get(index).host());
        dieOfDamage(relays.get(index), with);
        return true;
    }

    /** What is damaged is often found out by who has to read it anew. */
    private static void dieOfDamage(Station<?> station, Dice with) {
        if (with.chance(0.4)) {
            station.kill(false);
        }
    }

    /** A bit flips in the journal; false where there is none. */
    boolean rotJournal(Dice with) {
        String host = target().host().name();
        if (!stores.get(config.target()).volume().flipBit(".seg")) {
            return false;
        }
        rotten.add(host);
        unread.add(host);
        witness.damaged(target().host());
        if (plan.faults().containsKey(FaultKind.KILL)) {
            dieOfDamage(target(), with);
        }
        return true;
    }

    /** A bit flips on a base disk; false where there is none. */
    boolean rotBase(Dice with) {
        String host = target().host().name();
        List<SimDisk> base = baseDisks(host);
        if (base.isEmpty() || !with.pick(base).flipBit()) {
            return false;
        }
        rotten.add(host);
        unread.add(host);
        baseRotten.add(host);
        return true;
    }

    /** Whether bits have flipped on the base disks of a master target. */
    boolean isBaseRotten(String host) {
        return baseRotten.contains(host);
    }

    /** A bit flips in one of the small files that say what is valid; says in which. */
    String rotState(Dice with) {
        if (with.nextBoolean()) {
            return rotCheckpoint(with.nextInt(targets.size()));
        }
        String file = with.pick(List.of("state.bks", "dirty-"));
        Runnable rots = () -> {
            if (!source.host().isUp() && rot(sourceState, file)) {
                witness.allowBaseline("a bit flipped in " + file);
            }
        };
        if (with.nextBoolean()) {
            source.restart(rots);
        } else {
            source.kill(false);
            rots.run();
        }
        return "the source's " + file;
    }

    private boolean rot(SimDrive drive, String file) {
        boolean rots = drive.flipBit(file);
        tally.add("state rot: " + file, rots ? 1 : 0);
        return rots;
    }

    /**
     * The first of the two copies of a checkpoint rots, while the second one is whole. Where both are lost the machine has to be
     * set up anew, which is no simulation's.
     */
    private String rotCheckpoint(int index) {
        TargetPart target = targets.get(index).part();
        boolean serves = target != null && Set.of("BASELINE", "LIVE").contains(target.status().state());
        boolean rots = serves && !plan.mayLeaveWritesUndone()
                && stores.get(index).volume().flipBitOfFirstCopy(CHECKPOINT);
        tally.add("state rot: " + CHECKPOINT, rots ? 1 : 0);
        return rots ? targetHost(index) : "nothing";
    }

    /** Whether bits have flipped in a master target's journal or on its disks, so that some points of it can never be opened again. */
    boolean isRotten(String host) {
        return rotten.contains(host);
    }

    /** Whether some of them may not be known: what it stores has not been read back since. */
    boolean isRottenUnread(String host) {
        return unread.contains(host);
    }

    /** A master target has read back all it stores. */
    void readBack(String host) {
        unread.remove(host);
    }

    /** How many bytes of buffers a process may hold. */
    long memoryBoundBytes(String host) {
        long frame = Limits.MAX_FRAME_BYTES;
        return host.equals("source") ? 4 * config.largestBufferBytes() + 8 * frame : 16 * frame;
    }

    /** Where everything stands, in words. */
    String standing() {
        SourcePart sourcePart = source.part();
        TargetPart targetPart = target().part();
        return "source " + (sourcePart == null ? "is down" : sourcePart.status().toString()) + "; "
                + target().host().name() + " "
                + (targetPart == null ? "is down" : targetPart.status().toString());
    }

    /** Ends all processes. */
    void close() {
        stations().forEach(station -> station.host().kill());
        scheduler.close();
    }
}
