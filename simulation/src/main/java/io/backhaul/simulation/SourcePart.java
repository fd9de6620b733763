package io.backhaul.simulation;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.volume.Volume;
import io.backhaul.engine.codec.Lz4;
import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.loop.Loop;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Identity;
import io.backhaul.protocol.Mark;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Role;
import io.backhaul.simulation.world.Dice;
import io.backhaul.simulation.world.SimDisk;
import io.backhaul.simulation.world.SimDrive;
import io.backhaul.simulation.world.SimNetwork;
import io.backhaul.simulation.world.SimProcess;
import io.backhaul.simulation.world.SimRing;
import io.backhaul.source.Capture;
import io.backhaul.source.ProofRequest;
import io.backhaul.source.ScanCapture;
import io.backhaul.source.SourceDisk;
import io.backhaul.source.SourceMachine;
import io.backhaul.source.SourceOptions;
import io.backhaul.source.SourceStatus;
import io.backhaul.source.WriteThroughCapture;
import io.backhaul.source.ebpf.EbpfCapture;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** A source agent on simulated ports. */
final class SourcePart implements Station.Part, Guest.Served {
    private final SimProcess process;
    private final Loop loop;
    private final SourceMachine machine;
    private final Capture capture;
    private final FaultLog faults;
    private final List<BlockDevice> served;
    private final Volume volume;
    private boolean stopping;
    private int calls;

    /** What is there before the agent starts. */
    record Site(Supplier<SourceOptions> options, Seen seen, List<SimDisk> disks, SimDrive state, SimNetwork network,
            Dice dice) {}

    /**
     * How the agent sees writes: it does not, by the kernel's ring, or as they pass through.
     *
     * @param ring
     *            null where there is none
     * @param died
     *            hears of an agent that was killed
     */
    record Seen(boolean scans, @Nullable SimRing ring, Consumer<SourcePart> died) {}

    private record Made(Loop loop, SourceMachine machine, Capture capture, FaultLog faults, Volume volume) {}

    private SourcePart(SimProcess process, Made made, List<BlockDevice> served) {
        this.process = process;
        this.loop = made.loop();
        this.machine = made.machine();
        this.capture = made.capture();
        this.faults = made.faults();
        this.volume = made.volume();
        this.served = served;
    }

    static SourcePart start(SimProcess process, Site site, UUID bootId) throws IOException {
        Loop loop = process.newLoop();
        List<SourceDisk> disks = new ArrayList<>();
        for (SimDisk disk : site.disks()) {
            DiskInfo info = new DiskInfo(disks.size(), disk.name(), disk.shownBytes(), disk.sectorSizeBytes());
            disks.add(new SourceDisk(info, disk.name(), disk.open(process), () -> "change " + disk.changes()));
        }
        SimRing ring = site.seen().ring();
        WriteThroughCapture through = site.seen().scans() || ring != null ? null
                : new WriteThroughCapture(disks, WriteThroughCapture.OnFull.OVERFLOW, Duration.ZERO,
                        process.newMonitor());
        Capture capture = through != null ? through
                : ring == null ? new ScanCapture(disks)
                        : new EbpfCapture(new EbpfCapture.Ports(loop, process.newLane(), process.newMonitor()),
                                ring.open(process));
        SourceOptions options = site.options().get();
        UUID id = options.machine().id();
        FaultLog faults = new FaultLog(process.clock());
        Volume volume = site.state().mount(process);
        var ports = new SourceMachine.Ports(loop,
                new SourceMachine.Lanes(process.newLane(), process.newLane(), process.newLane()),
                site.network().dialler(process, new Identity(Role.SOURCE, id)), volume,
                site.dice().fork(process.name()),
                new SourceMachine.Host(bootId, process.allocator(), Lz4.compressor(), faults));
        SourceMachine machine = SourceMachine.open(options, ports, disks, capture, through != null);
        loop.execute(machine::start);
        List<BlockDevice> served = through == null ? List.of()
                : IntStream.range(0, disks.size()).<BlockDevice>mapToObj(through::device).toList();
        SourcePart part = new SourcePart(process, new Made(loop, machine, capture, faults, volume), served);
        process.host().onNextDeath(() -> site.seen().died().accept(part));
        return part;
    }

    @Override
    public void call(Runnable request, Runnable ended) {
        calls++;
        process.call(request, () -> {
            calls--;
            ended.run();
        });
    }

    @Override
    public List<BlockDevice> disks() {
        return served;
    }

    @Override
    public @Nullable Position captured() {
        Position captured = machine.stream().captured();
        return captured.equals(Position.NONE) ? null : captured;
    }

    @Override
    public FaultLog faults() {
        return faults;
    }

    /** Whether there is a stream that takes what is written. */
    boolean isStreaming() {
        return machine.stream().isOpen();
    }

    /** Whether the stream is ORDERED and the next process may go on with it, by what the capture has kept. */
    boolean mayGoOn() {
        return isOrdered() && capture.observation().continuation() != null;
    }

    @Override
    public boolean isOrdered() {
        return machine.stream().isOrdered();
    }

    /** Asks for a mark; {@code answered} hears its position, or null and why there is none. */
    void mark(String label, boolean journaled, BiConsumer<@Nullable Position, String> answered) {
        loop.execute(() -> machine.mark(Mark.Kind.USER, label, journaled, answer(answered)));
    }

    /** Asks for a proof in a file beside the agent's state. */
    void prove(String name, SourceMachine.ProofAnswer answer) {
        loop.execute(() -> machine.prove(new ProofRequest(name, volume, name), answer));
    }

    /** Where the agent keeps files; to be used in a {@link #call}. */
    Volume volume() {
        return volume;
    }

    void resync(BiConsumer<@Nullable Position, String> answered) {
        loop.execute(() -> machine.resync(answer(answered)));
    }

    void plan(BiConsumer<@Nullable Long, String> answered) {
        loop.execute(() -> machine.plan(answer(answered)));
    }

    /** Tells how verification stands, on the agent's loop. */
    void askVerified(Consumer<SourceStatus.Verified> told) {
        loop.execute(() -> told.accept(machine.status().verified()));
    }

    /** Only from a task of its own loop. */
    SourceStatus status() {
        return machine.status();
    }

    /** Whether the agent has given up, for this reason, until somebody starts it again. */
    void askWhetherHalted(FaultCode why, Runnable halted) {
        loop.execute(() -> {
            SourceStatus.State state = machine.status().state();
            if (state.session().equals("halted") && state.trouble().startsWith(why.label())) {
                halted.run();
            }
        });
    }

    private static <T> SourceMachine.Answer<T> answer(BiConsumer<@Nullable T, String> answered) {
        return new SourceMachine.Answer<>() {
            @Override
            public void done(T result) {
                answered.accept(result, "");
            }

            @Override
            public void failed(String why) {
                answered.accept(null, why);
            }
        };
    }

    /** Whether the guest may use the disks: not any more once the agent is being stopped. */
    boolean serves() {
        return !stopping && !served.isEmpty();
    }

    /** The guest's requests end first, as the door of the real agent sees to. */
    @Override
    public void stop(Runnable stopped) {
        stopping = true;
        if (calls > 0) {
            process.host().scheduler().after(1_000_000, process, () -> stop(stopped));
            return;
        }
        loop.execute(() -> machine.stop(answer((state, why) -> stopped.run())));
    }
}
