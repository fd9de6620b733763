package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.engine.control.ControlFault;
import io.backhaul.engine.time.SystemClock;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.SplittableRandom;
import picocli.CommandLine.Command;

/**
 * A process server is lost for good, with its disk, while it holds what no master target has: the source goes another way
 * by itself, and sends what was lost with it and little else.
 */
final class LossCheck {
    /** What one bit of the source's dirty map stands for. */
    private static final int BLOCK_BYTES = 64 << 10;
    private static final double FACTOR = 1.05;

    private final LossScale scale;
    private final Findings findings;
    private final Scene scene;
    private final SplittableRandom random;

    private LossCheck(LossScale scale, Findings findings, Scene scene) {
        this.scale = scale;
        this.findings = findings;
        this.scene = scene;
        this.random = new SplittableRandom(findings.seed());
    }

    /** Runs everything. What is wrong ends it with an {@link AssertionError}. */
    static void run(LossScale scale, Findings findings) throws Exception {
        // Sockets need a short path, and spools more room than memory has.
        Workplace place = Scene.place(Path.of("/var/tmp"));
        Path disk = place.resolve("source.img");
        try (var file = new RandomAccessFile(disk.toFile(), "rw")) {
            file.setLength(scale.diskBytes());
        }
        SpareRelay[] spare = new SpareRelay[1];
        try (Scene scene = Scene.on(place, List.of(disk));
                Line toFirst = Line.to(() -> scene.fleet().listen(Part.PROCESS_SERVER).orElseThrow());
                Line toSecond = Line.to(() -> spare[0].address());
                Line toTarget = Line.to(() -> scene.fleet().listen(Part.MASTER_TARGET).orElseThrow())) {
            Fleet fleet = scene.fleet();
            fleet.configure(Part.SOURCE, "process-servers = [\"%s\", \"%s\"]".formatted(toFirst.address(),
                    toSecond.address()));
            fleet.configure(Part.PROCESS_SERVER,
                    "targets = [{ address = \"" + toTarget.address() + "\", machines = [\"*\"] }]");
            fleet.start();
            try (SpareRelay second = SpareRelay.start(fleet, scene.resolve("spare"), toTarget.address())) {
                spare[0] = second;
                new LossCheck(scale, findings, scene).run(toFirst, toSecond, toTarget);
            } catch (AssertionError | Exception wrong) {
                System.err.println(scene.logs());
                throw wrong;
            }
        }
    }

    private void run(Line toFirst, Line toSecond, Line toTarget)
            throws IOException, InterruptedException, ControlFault {
        findings.put("diskBytes", scale.diskBytes());
        scene.awaitOrdered();
        scene.awaitJournaled();
        findings.say("in order, by the first process server");
        toTarget.refuse(true);
        toTarget.cut();
        long questionable = write();
        awaitSpooled();
        findings.put("undeliveredBytes", questionable);
        findings.say("written, spooled and not delivered");
        assertThat(toSecond.passedBytes()).as("bytes by way of the second process server").isZero();
        toFirst.refuse(true);
        scene.fleet().child(Part.PROCESS_SERVER).kill();
        Workplace.remove(scene.fleet().folder(Part.PROCESS_SERVER).resolve("spool"));
        toTarget.refuse(false);
        long lostNanos = SystemClock.INSTANCE.nanos();
        scene.await(Part.SOURCE, "the loss is noticed", machine -> !machine.text("fidelity").equals("ORDERED"));
        scene.awaitOrdered();
        scene.awaitJournaled();
        findings.put("secondsUntilOrdered", Math.round((SystemClock.INSTANCE.nanos() - lostNanos) / 1e8) / 10.0);
        long sent = toSecond.passedBytes();
        findings.put("sentBytes", sent);
        findings.put("sentToUndelivered", Math.round(sent * 1000.0 / questionable) / 1000.0);
        findings.say("in order again, by the second one");
        assertThat((double) sent).as("bytes sent for %d that were lost", questionable)
                .isLessThan(FACTOR * questionable);
        assertThat(scene.comparisons()).as("comparisons of the whole disk, with the first one").isEqualTo(1);
        scene.assertIdentical();
        findings.say("identical");
    }

    /** Whole blocks at random places, none twice; what does not shrink. Says how many bytes. */
    private long write() throws IOException {
        int blocks = (int) (scale.diskBytes() / BLOCK_BYTES);
        BitSet written = new BitSet(blocks);
        byte[] content = new byte[BLOCK_BYTES];
        try (BlockDevice disk = scene.connect()) {
            while ((long) written.cardinality() * BLOCK_BYTES < scale.undeliveredBytes()) {
                int block = random.nextInt(blocks);
                if (!written.get(block)) {
                    written.set(block);
                    random.nextBytes(content);
                    disk.write((long) block * BLOCK_BYTES, ByteBuffer.wrap(content));
                }
            }
            disk.flush();
        }
        return (long) written.cardinality() * BLOCK_BYTES;
    }

    /** Waits until the process server alone holds what was written: the source keeps it no more. */
    private void awaitSpooled() throws ControlFault {
        Position captured = Scene.position(scene.fleet().machine(Part.SOURCE), "captured");
        Answer machine = scene.await(Part.SOURCE, "everything is spooled",
                each -> Scene.position(each, "spooled").isAtLeast(captured));
        assertThat(Scene.position(machine, "journaled")).as("what the master target has").isLessThan(captured);
    }

    /** {@code ./check loss}. */
    @Command(name = "./check loss",
            description = "What is sent again when a process server is lost with its disk, which held what nobody else has.")
    static final class Program extends CheckProgram {
        @Override
        void check(Findings findings) throws Exception {
            LossCheck.run(isShort() ? LossScale.SHORT : LossScale.LONG, findings);
        }
    }

    public static void main(String[] arguments) {
        CheckProgram.main(new Program(), arguments);
    }
}
