package io.backhaul.source;

import io.backhaul.blockio.volume.Volume;
import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.link.Dialler;
import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.proof.ProofHeader;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Mark;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.WriteBatchBuilder;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * One protected machine on its ports: the assembly that the door and the simulation share. Everything but {@link #open},
 * {@link #stream} and {@link #abandon} is called on the loop.
 */
public final class SourceMachine {
    /** What a machine stands on. */
    public record Ports(Loop loop, Lanes lanes, Dialler dialler, Volume volume, RandomGenerator random, Host host) {}

    /** The lanes of a machine: for packing, for reading its disks, and for its state. They may be one. */
    public record Lanes(Lane packer, Lane reader, Lane state) {}

    /**
     * What the process and the system give.
     *
     * @param bootId
     *            of the running system
     */
    public record Host(UUID bootId, ByteBufAllocator allocator, WriteBatchBuilder.Compressor compressor,
            FaultLog faults) {}

    /** How an answer comes that takes a while. On the loop. */
    public interface Answer<T> {
        void done(T result);

        /** {@code why} is a sentence for the operator. */
        void failed(String why);
    }

    /** How a proof comes. On the loop. */
    public interface ProofAnswer extends Answer<ProofHeader> {
        /** The mark that will be proved has been placed. */
        default void marked(Position position) {}
    }

    private final Ports ports;
    private final List<SourceDisk> disks;
    private final Capture capture;
    private final SourceOptions options;
    private final StateFile stateFile;
    private final DirtyMap dirty;
    private final Room room;
    private final ChangeStream stream;
    private final Packer packer;
    private final SendWindow window;
    private final SourceSession session;
    private final StartRule rule;
    private final boolean tracking;
    private @Nullable Proving proving;

    private SourceMachine(SourceOptions options, Ports ports, List<SourceDisk> disks, Capture capture, Found found) {
        this.ports = ports;
        this.disks = List.copyOf(disks);
        this.capture = capture;
        this.options = options;
        this.stateFile = found.stateFile();
        this.dirty = found.dirty();
        this.rule = found.rule();
        this.tracking = found.tracking();
        this.room = new Room(options.buffering().bufferBytes());
        CompressionPolicy policy = new CompressionPolicy(options.compression());
        // The packer is made first and hands its frames to the session, which is made last.
        Late late = new Late();
        this.packer = new Packer(new Packer.Ports(ports.loop(), ports.lanes().packer(), room, policy,
                ports.host().compressor()), late);
        var streamPorts = new ChangeStream.Ports(ports.loop(), ports.host().allocator(), room, dirty, packer,
                capture.observation());
        var batching = new ChangeStream.Batching(options.buffering().batchBytes(),
                options.buffering().batchAge().toNanos());
        this.stream = new ChangeStream(options.machine().id(), streamPorts, batching);
        this.window = new SendWindow(room);
        var sessionPorts = new SourceSession.Ports(ports.loop(), ports.lanes().state(), ports.dialler(), ports.random(),
                ports.host().allocator(), ports.host().faults());
        this.session = new SourceSession(options, this.disks, sessionPorts,
                new SourceSession.Hands(stream, packer, window, policy, stateFile, dirty,
                        new VerificationFile(ports.volume(), options.machine().id())),
                new Reconciler.Ports(ports.loop(), ports.lanes().reader(), stream, room, ports.random(),
                        new ReadPace(options.comparison().bytesPerSecond(), ports.loop().clock())),
                new SourceSession.Opening(found.state(), capture, found.verification()));
        late.sink = session;
        capture.attach(stream);
    }

    /** Lets two things be made that know each other. */
    private static final class Late implements Packer.Sink {
        private Packer.@Nullable Sink sink;

        @Override
        public void packed(List<Packer.Packed> frames) {
            if (sink == null) {
                throw new IllegalStateException("a frame before the session stands");
            }
            sink.packed(frames);
        }
    }

    /** What the state folder holds, put in order for this start. */
    private record Found(StateFile stateFile, DirtyMap dirty, SourceState state, StartRule rule, boolean tracking,
            @Nullable Verification verification) {}

    /**
     * Opens the state folder and puts everything together; nothing runs yet but the capture may be used. Blocks.
     *
     * @param tracking
     *            whether all writes pass through the capture while it runs
     * @throws IOException
     *             in one clear line, where the state folder cannot be used
     */
    public static SourceMachine open(SourceOptions options, Ports ports, List<SourceDisk> disks, Capture capture,
            boolean tracking) throws IOException {
        Found found = find(options, ports, disks, capture.observation(), tracking);
        return new SourceMachine(options, ports, disks, capture, found);
    }

    private static Found find(SourceOptions options, Ports ports, List<SourceDisk> disks, Observation observation,
            boolean tracking) throws IOException {
        UUID machine = options.machine().id();
        FaultLog faults = ports.host().faults();
        List<DiskInfo> infos = disks.stream().map(SourceDisk::info).toList();
        List<String> fingerprints = new ArrayList<>();
        for (SourceDisk disk : disks) {
            fingerprints.add(disk.fingerprint().take());
        }
        StateFile stateFile = openState(ports.volume(), machine, faults);
        try {
            DirtyMap whole = stateFile.found() == null ? null : openMap(options, ports.volume(), infos, faults);
            if (whole != null && whole.differingWords() > 0 && tracking && isClean(stateFile.found())) {
                faults.report(FaultCode.STORE_CORRUPT, "dirty map", whole.differingWords()
                        + " words of its two copies differ; what is marked in one of them is sent");
            }
            var findings = new StartRule.Findings(stateFile.found(), whole != null, ports.host().bootId(), infos,
                    fingerprints);
            StartRule rule = observation.outlivesProcess()
                    ? StartRule.judge(findings, observation, whole != null && whole.isAnyPending())
                    : StartRule.judge(findings, tracking);
            SourceState before = stateFile.found();
            boolean goesOn = rule instanceof StartRule.GoOn || rule instanceof StartRule.Resume;
            if (before != null && !goesOn) {
                before = before.forgetful(infos);
                // Before any mark goes: an empty map must not pass for one of disks that nobody has written to.
                stateFile.save(before, true);
            }
            if (!goesOn) {
                observation.forget();
            }
            DirtyMap dirty = whole != null
                    ? whole
                    : DirtyMap.create(ports.volume(), machine, infos, options.granularityBytes());
            if (before == null) {
                before = SourceState.unborn(ports.host().bootId(), infos);
                // Nobody may know any more which generations there were.
                before = stateFile.replacesDamaged()
                        ? before.withGeneration(Generations.beyondWhatIsKnown(ports.random(), 0))
                        : before;
            } else if (!goesOn) {
                dirty.clearAll();
            }
            SourceState state = before.opened(ports.host().bootId());
            state = observation.outlivesProcess() ? state.observed() : state;
            if (state.run().doubted()) {
                faults.report(FaultCode.DISK_UNDURABLE, "disks", SourceState.DOUBT);
            }
            // Where writes are not seen, nothing that comes after these fingerprints is vouched for, however the run ends.
            state = tracking ? state : state.stopped(fingerprints);
            stateFile.save(state, true);
            return new Found(stateFile, dirty, state, rule, tracking,
                    new VerificationFile(ports.volume(), machine).load());
        } catch (IOException | RuntimeException failed) {
            stateFile.close();
            throw failed;
        }
    }

    /** Whether nothing was being changed when the last process ended. */
    private static boolean isClean(@Nullable SourceState state) {
        return state != null && state.run().clean();
    }

    private static StateFile openState(Volume volume, UUID machine, FaultLog faults) throws IOException {
        try {
            return StateFile.open(volume, machine);
        } catch (StateFileException wrong) {
            if (wrong.defect() != StateFileException.Defect.CORRUPT) {
                throw wrong;
            }
            faults.report(FaultCode.STORE_CORRUPT, "state", String.valueOf(wrong.getMessage()));
            return StateFile.replace(volume, machine);
        }
    }

    private static @Nullable DirtyMap openMap(SourceOptions options, Volume volume, List<DiskInfo> disks,
            FaultLog faults)
            throws IOException {
        try {
            return DirtyMap.open(volume, options.machine().id(), disks, options.granularityBytes());
        } catch (StateFileException wrong) {
            if (!DirtyMap.isLoss(wrong)) {
                throw wrong;
            }
            faults.report(FaultCode.STORE_CORRUPT, "dirty map", String.valueOf(wrong.getMessage()));
            return null;
        }
    }

    /** Begins to stream. */
    public void start() {
        session.start(rule);
    }

    /** Where captured writes go. Safe from any thread. */
    public ChangeStream stream() {
        return stream;
    }

    /** Whom it protects. */
    public UUID id() {
        return options.machine().id();
    }

    /** What people call it. */
    public String name() {
        return options.machine().name();
    }

    public SourceStatus status() {
        return session.status();
    }

    /**
     * Places a mark behind everything that was captured before the call. Answers with its position.
     *
     * @param journaled
     *            whether to answer only once it is journaled
     */
    public void mark(Mark.Kind kind, String label, boolean journaled, Answer<Position> answer) {
        ports.lanes().reader().submit(() -> {
            capture.barrier();
            return label;
        }, ports.loop(), new Lane.Outcome<String>() {
            @Override
            public void done(String same) {
                placeMark(kind, label, journaled, answer);
            }

            @Override
            public void failed(IOException cause) {
                answer.failed(String.valueOf(cause.getMessage()));
            }
        });
    }

    private void placeMark(Mark.Kind kind, String label, boolean journaled, Answer<Position> answer) {
        Position position = stream.mark(kind, label, placed -> {});
        if (position == null) {
            answer.failed("a mark needs an ORDERED stream, and this one is " + stream.snapshot(disks.size()).fidelity()
                    + ": wait until baseline or catch-up is complete, then mark again");
        } else if (!journaled) {
            answer.done(position);
        } else {
            session.waits().whenJournaled(position, new SourceWaits.Arrival() {
                @Override
                public void journaled() {
                    answer.done(position);
                }

                @Override
                public void lost() {
                    answer.failed("the mark was lost with the records around it before it was journaled, and the stream"
                            + " has begun anew: mark again");
                }

                @Override
                public void ended(String why) {
                    answer.failed(why);
                }
            });
        }
    }

    /**
     * Places a mark and records the digests of what the disks held there, in a file that is complete when it has its name. Goes
     * on while the machine writes; one at a time.
     */
    public void prove(ProofRequest request, ProofAnswer answer) {
        if (isProving()) {
            answer.failed("another proof is being recorded: wait until it is complete, and ask again");
            return;
        }
        if (disks.stream().anyMatch(disk -> disk.info().sizeBytes() > ChunkWatch.MAX_DISK_BYTES)) {
            answer.failed("a disk is larger than " + ChunkWatch.MAX_DISK_BYTES + " bytes, and too large to be proved");
            return;
        }
        Proving next = new Proving(options.machine(), disks,
                new Proving.Ports(ports.loop(), ports.lanes().reader(), stream, capture, room),
                new Waits(), request, answer);
        proving = next;
        next.begin();
    }

    private boolean isProving() {
        return proving != null && !proving.hasEnded();
    }

    /** Ends the recording of a proof, if there is one: nobody waits for it any more. */
    public void endProof(String why) {
        if (proving != null) {
            proving.fail(why);
        }
    }

    /** How far the recording of a proof is; null where there is none. */
    Proving.@Nullable Progress proofProgress() {
        return proving != null && isProving() ? proving.progress() : null;
    }

    private final class Waits implements Proving.Waits {
        @Override
        public void whenOrdered(Consumer<String> told) {
            session.waits().whenOrdered(told);
        }

        @Override
        public void whenJournaled(Position position, SourceWaits.Arrival arrival) {
            if (session.stored().journaled().isAtLeast(position)) {
                arrival.journaled();
            } else {
                session.waits().whenJournaled(position, arrival);
            }
        }
    }

    /** Answers once the stream is {@code ORDERED} and all that the disks had taken before the call is journaled. */
    public void drain(Answer<Position> answer) {
        if (!stream.isOrdered()) {
            session.waits().whenOrdered(why -> {
                if (why.isEmpty()) {
                    drain(answer);
                } else {
                    answer.failed(why);
                }
            });
            return;
        }
        ports.lanes().reader().submit(() -> {
            capture.barrier();
            return true;
        }, ports.loop(), new Lane.Outcome<Boolean>() {
            @Override
            public void done(Boolean captured) {
                if (stream.isOrdered()) {
                    drainCaptured(answer);
                } else {
                    drain(answer);
                }
            }

            @Override
            public void failed(IOException cause) {
                answer.failed(String.valueOf(cause.getMessage()));
            }
        });
    }

    private void drainCaptured(Answer<Position> answer) {
        Position captured = stream.captured();
        if (session.stored().journaled().isAtLeast(captured)) {
            answer.done(captured);
            return;
        }
        session.waits().whenJournaled(captured, new SourceWaits.Arrival() {
            @Override
            public void journaled() {
                if (stream.isOrdered()) {
                    answer.done(captured);
                } else {
                    drain(answer);
                }
            }

            @Override
            public void lost() {
                drain(answer);
            }

            @Override
            public void ended(String why) {
                answer.failed(why);
            }
        });
    }

    /** Compares all disks again; answers when it has begun. Progress stands in the status. */
    public void resync(Answer<Position> answer) {
        String why = session.resync();
        if (why == null) {
            answer.done(stream.captured());
        } else {
            answer.failed(why);
        }
    }

    /** Compares the disks with the replica at once, as is else done on a schedule. What comes of it stands in the status. */
    public void verify() {
        session.verifier().request();
    }

    /** Finds out how many bytes a resync would read and send, without sending any. */
    public void plan(Answer<Long> answer) {
        String why = session.plan(new SourceWaits.Plan() {
            @Override
            public void done(long differingBytes) {
                answer.done(differingBytes);
            }

            @Override
            public void failed(String reason) {
                answer.failed(reason);
            }
        });
        if (why != null) {
            answer.failed(why);
        }
    }

    /**
     * Ends in order, after the capture's last write: what is not journaled stays marked. Answers with the last position known
     * journaled when the files are closed; the disks are the caller's.
     */
    public void stop(Answer<Position> answer) {
        endProof("the agent is being stopped");
        session.close();
        stream.relax();
        capture.end();
        // Reads in flight first, then packing, then the state: each lane is serial.
        then(ports.lanes().reader(),
                () -> then(ports.lanes().packer(), () -> ports.lanes().state().submit(this::closeFiles,
                        ports.loop(), new Lane.Outcome<SourceState>() {
                            @Override
                            public void done(SourceState stopped) {
                                release();
                                answer.done(stopped.journaled());
                            }

                            @Override
                            public void failed(IOException cause) {
                                release();
                                answer.failed("the state could not be stored: " + cause.getMessage());
                            }
                        })));
    }

    private void then(Lane lane, Runnable next) {
        lane.submit(() -> "", ports.loop(), new Lane.Outcome<String>() {
            @Override
            public void done(String nothing) {
                next.run();
            }

            @Override
            public void failed(IOException closed) {
                next.run();
            }
        });
    }

    private SourceState closeFiles() throws IOException {
        SourceState last = session.stored();
        for (int round = 0; round < 2; round++) {
            Epochs epochs = stream.advanceEpochs(last.journaled());
            if (!epochs.numbers().isEmpty()) {
                stateFile.save(last, false);
                epochs.numbers().forEach(dirty::clear);
                stream.epochsDone(epochs, true);
            }
        }
        List<String> fingerprints = new ArrayList<>();
        try {
            for (SourceDisk disk : disks) {
                disk.device().flush();
                fingerprints.add(disk.fingerprint().take());
            }
        } catch (IOException failed) {
            stateFile.save(last.doubted(), true);
            throw failed;
        }
        dirty.force();
        SourceState sure = capture.isDoubted() ? last.doubted() : last;
        SourceState stopped = tracking ? sure.stopped(fingerprints) : sure;
        stateFile.save(stopped, true);
        dirty.close();
        stateFile.close();
        return stopped;
    }

    private void release() {
        stream.suspend();
        packer.close();
        window.begin(0);
    }

    /** Lets go of everything as a killed process would: nothing is written. The loop and lanes must be dead already. */
    public void abandon() throws IOException {
        release();
        if (proving != null) {
            proving.abandon();
        }
        dirty.close();
        stateFile.close();
    }

    /** Whether a block is marked as not known journaled; for checks. */
    boolean isDirty(int disk, long block) {
        return dirty.isDirty(disk, block);
    }

    /** How far a disk is compared: what lies behind needs no marks. For checks. */
    long comparedBytes(int disk) {
        SourceState stored = session.stored();
        return stored.comparing() ? stored.disks().get(disk).comparedBytes() : disks.get(disk).info().sizeBytes();
    }

    int granularityBytes() {
        return options.granularityBytes();
    }

    long heldBytes() {
        return room.heldBytes();
    }
}
