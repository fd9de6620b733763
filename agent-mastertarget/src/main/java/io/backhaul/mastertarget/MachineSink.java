package io.backhaul.mastertarget;

import io.backhaul.engine.stream.FrameSink;
import io.backhaul.engine.stream.StreamReceiver;
import io.backhaul.mastertarget.MachineState.Broken;
import io.backhaul.mastertarget.MachineState.Committed;
import io.backhaul.mastertarget.MachineState.Parts;
import io.backhaul.mastertarget.MachineState.Promoted;
import io.backhaul.mastertarget.MachineState.Promoting;
import io.backhaul.mastertarget.MachineState.Serving;
import io.backhaul.protocol.DigestRequest;
import io.backhaul.protocol.Digests;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.FidelityChange;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.GenerationStart;
import io.backhaul.protocol.Hello;
import io.backhaul.protocol.MalformedBodyException;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Positions;
import io.backhaul.protocol.Refusal;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** What the sessions of a machine's links speak to. Owned by the machine's loop. */
final class MachineSink implements FrameSink {
    private final MasterTargetMachine machine;

    MachineSink(MasterTargetMachine machine) {
        this.machine = machine;
    }

    @Override
    public Position accepted() {
        Parts parts = machine.parts();
        return parts == null ? Position.NONE : parts.intake().accepted();
    }

    @Override
    public Positions positions() {
        return machine.positions();
    }

    @Override
    public void whenSettled(Runnable task) {
        machine.whenOpen(() -> {
            if (machine.state() instanceof Serving(Parts parts)) {
                parts.intake().whenSettled(task);
            } else {
                task.run();
            }
        });
    }

    @Override
    public @Nullable Refusal admit(Hello hello) {
        return switch (machine.state()) {
            case Serving serving -> null;
            case Promoting promoting -> fenced(promoting.target());
            case Promoted promoted -> fenced(promoted.at());
            case Committed committed -> fenced(committed.at());
            case Broken broken -> refusal(broken.cause().code(), String.valueOf(broken.cause().getMessage()));
            case MachineState.Opening opening -> refusal(FaultCode.BUSY, "the machine is being opened");
            case MachineState.Closed closed -> refusal(FaultCode.SHUTTING_DOWN, "the master target is being stopped");
        };
    }

    private Refusal fenced(Position at) {
        return refusal(FaultCode.FENCED, "the machine was promoted to " + at);
    }

    private Refusal refusal(FaultCode code, String text) {
        return new Refusal(machine.machine(), code, text);
    }

    @Override
    public @Nullable Refusal judge(GenerationStart start) {
        if (!(machine.state() instanceof Serving(Parts parts))) {
            return refusal(FaultCode.FENCED, "the machine is " + machine.state().label());
        }
        List<DiskInfo> known = parts.replica().checkpoint().disks().stream().map(PlacedDisk::disk).toList();
        if (!known.isEmpty() && !shapes(known).equals(shapes(start.disks()))) {
            return refusal(FaultCode.DISK_MISMATCH, "disks " + shapes(start.disks()) + ", replicated so far "
                    + shapes(known));
        }
        Position basis = start.basis();
        Position origin = parts.replica().beginnings().upTo(parts.intake().accepted());
        if (!basis.equals(Position.NONE) && basis.isBefore(origin)) {
            return refusal(FaultCode.BASIS_UNKNOWN,
                    "basis " + basis + ", but the stream began anew at " + origin + ", on nothing");
        }
        if (!parts.intake().journaled().isAtLeast(basis)) {
            return refusal(FaultCode.BASIS_UNKNOWN,
                    "basis " + basis + ", journaled " + parts.intake().journaled());
        }
        return null;
    }

    /** What was alike on the replica that the source's disks were compared with is in no record: only that one is whole. */
    @Override
    public @Nullable Refusal judge(FidelityChange change) {
        if (!(machine.state() instanceof Serving(Parts parts))) {
            return refusal(FaultCode.FENCED, "the machine is " + machine.state().label());
        }
        UUID ours = parts.replica().checkpoint().replica();
        if (change.fidelity() == Fidelity.ORDERED && !change.replica().equals(ours)) {
            return refusal(FaultCode.BASIS_UNKNOWN,
                    change.position() + " orders replica " + change.replica() + ", this one is " + ours);
        }
        return null;
    }

    private static List<String> shapes(List<DiskInfo> disks) {
        return disks.stream().sorted(Comparator.comparingInt(DiskInfo::index))
                .map(disk -> disk.index() + ":" + disk.sizeBytes()).toList();
    }

    @Override
    public void accept(Frame frame, Runnable released) {
        if (machine.state() instanceof Serving(Parts parts)) {
            parts.intake().accept(frame, released);
        } else {
            frame.release();
            released.run();
        }
    }

    @Override
    public void control(Frame frame) {
        StreamReceiver asker = machine.session();
        try {
            DigestRequest request = DigestRequest.read(frame);
            if (machine.state() instanceof Serving(Parts parts)) {
                parts.digester().ask(request, answer -> send(asker, answer));
            } else {
                send(asker, Digests.none(request, Digests.Status.UNAVAILABLE));
            }
        } catch (MalformedBodyException malformed) {
            if (asker != null) {
                asker.refuse(FaultCode.BAD_FRAME, String.valueOf(malformed.getMessage()));
            }
        } finally {
            frame.release();
        }
    }

    private void send(@Nullable StreamReceiver asker, Digests answer) {
        if (asker != null && asker == machine.session()) {
            asker.send(answer.frame(machine.allocator()));
        }
    }
}
