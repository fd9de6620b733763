package io.backhaul.simulation.defect;

import static io.backhaul.simulation.defect.Edit.alwaysTrue;
import static io.backhaul.simulation.defect.Edit.believing;
import static io.backhaul.simulation.defect.Edit.calling;
import static io.backhaul.simulation.defect.Edit.emptied;
import static io.backhaul.simulation.defect.Edit.flipped;
import static io.backhaul.simulation.defect.Edit.keeping;
import static io.backhaul.simulation.defect.Edit.leaving;
import static io.backhaul.simulation.defect.Edit.slipping;
import static io.backhaul.simulation.defect.Edit.straight;
import static io.backhaul.simulation.defect.Edit.without;

import java.util.List;
import java.util.stream.Stream;

/**
 * A mistake that somebody might make, as changes of the classes when they are loaded.
 *
 * @param sentence
 *            what the mistake is
 */
record Defect(String name, String sentence, List<Edit> edits) {
    private static Defect of(String name, String sentence, Edit... edits) {
        return new Defect(name, sentence, List.of(edits));
    }

    /** All there are. */
    static List<Defect> all() {
        return Stream
                .of(inTheLog(), onTheHops(), inTheRelay(), inTheStream(), inTheProofs(), inTheRing(), inTheDirtyMap(),
                        inTheJournal(), inTheBase(), inTheVerification())
                .flatMap(List::stream).toList();
    }

    private static List<Defect> inTheLog() {
        return List.of(
                of("log-no-sync", "the segment log does not sync what it appends",
                        without("engine.log.SegmentLog.sync", "StoredFile", "sync")),
                of("log-no-folder-sync", "the segment log does not sync the folder of a new segment",
                        without("engine.log.SegmentLog.make", "Volume", "syncFolder")),
                of("log-keeps-failed", "the segment log believes what a failed commit had appended",
                        emptied("engine.log.Segment.cutToSynced")),
                of("log-keeps-torn", "recovery keeps a torn frame: the checksum of a body is not compared",
                        straight("protocol.FrameDecoder.finish", 0)),
                of("log-ignores-marks", "recovery ignores sync marks: what rots at the end is cut off silently",
                        without("engine.log.LogRecovery.run", "SegmentHeader", "farthestMark")),
                of("log-trims-more", "the segment log trims whatever it is asked, but for the last segment",
                        believing("engine.log.SegmentLog.deleteUpTo", "Position", "isAtLeast")),
                of("log-trims-one-off", "the segment log trims off by one: the segment that the trim ends in goes too",
                        slipping("engine.log.SegmentLog.deleteUpTo", "ConcurrentSkipListMap", "higherEntry",
                                "firstEntry")));
    }

    private static List<Defect> onTheHops() {
        return List.of(
                of("hop-trusts-silence", "a sender does not notice that the other side is silent",
                        emptied("engine.stream.StreamSender.beat")),
                of("hop-gives-no-credit", "a receiver gives no credit back",
                        emptied("engine.stream.StreamReceiver.giveCredit")),
                of("hop-ignores-credit", "a sender sends without credit",
                        without("engine.stream.StreamSender.pumpOne", "Frame", "lengthBytes")));
    }

    private static List<Defect> inTheRelay() {
        return List.of(
                of("relay-spooled-early", "the process server says spooled when a frame is accepted only",
                        calling("processserver.MachineRelay.positions", "Spool", "durable", "accepted")),
                of("relay-trims-received", "the spool is trimmed when the target has received, not journaled",
                        calling("processserver.Egress.progress", "Positions", "journaled", "received")),
                of("relay-drops-resend", "what is asked for again does not get to the source",
                        emptied("processserver.Ingress.offer")),
                of("relay-loses-nothing", "a generation that cannot be delivered is not given up",
                        emptied("processserver.Egress.loseThrough")));
    }

    private static List<Defect> inTheStream() {
        return List.of(
                of("source-ignores-failures", "a write that the disk took in part is not read again",
                        emptied("source.ChangeStream.failed")),
                of("source-hides-overflow", "an overflow does not end the ORDERED stretch",
                        emptied("source.ChangeStream.loseOrder")),
                of("source-orders-early", "ORDERED begins while blocks are pending",
                        without("source.Reconciler.catchUp", "ChangeStream", "nextPending"),
                        without("source.ChangeStream.tryOrder", "DirtyMap", "isAnyPending")),
                of("source-keeps-stale-reads", "a chunk that was read undoes what was written since",
                        believing("source.ChangeStream.reconcile", "Registration", "isUntouched")),
                of("source-drops-overflow", "a write that finds no room is not marked",
                        without("source.ChangeStream.write", "DirtyMap", "markPending")),
                of("source-drops-zeroes", "a range that is zeroed does not reach the stream",
                        emptied("source.ChangeStream.zero")),
                of("source-reuses-generation", "a generation is not durable before its frames exist",
                        without("source.SourceSession.commence", "StateFile", "save")),
                of("source-stays-put", "the resend window is wrong: frames go on behind the last one sent",
                        emptied("source.SendWindow.rewind")),
                of("source-ignores-resend", "what is asked for again is not sent",
                        emptied("source.Resending.heed")),
                of("source-trusts-digests", "digests are compared wrongly: what differs is said to be the same",
                        believing("source.SliceReader.differing", "ByteBuffer", "equals")));
    }

    private static List<Defect> inTheProofs() {
        return List.of(
                of("proof-forgets-writes", "a chunk that is written to since its digest was made is not read again",
                        without("source.Reads.lost", "ChunkWatch", "touch")),
                of("proof-reads-on", "what is written behind the mark is taken for what is in front of it",
                        leaving("source.ChunkWatch.touch", 0)));
    }

    private static List<Defect> inTheRing() {
        return List.of(
                of("ring-losses-unread", "what the ring had no room for is not read again",
                        without("source.ChangeStream.takeLosses", "DirtyMap", "markPending")),
                of("ring-hides-overflow", "that the ring has lost something goes unnoticed",
                        emptied("source.ebpf.EbpfCapture.notice")),
                of("ring-released-early", "the ring is given back before what stood there is safe",
                        believing("source.ebpf.EbpfCapture.giveBack", "Position", "isAtLeast")),
                of("ring-resumes-anywhere", "who goes on with a ring begins at its tail, wherever the stream stands",
                        emptied("source.ebpf.EbpfCapture.resume")),
                of("ring-reads-unsettled", "a disk is read while writes that were submitted are on their way to it",
                        without("source.Reconciler.read", "Observation", "settle")),
                of("ring-believes-zeroes", "zeroes are believed while a write is on its way to them",
                        without("source.Reconciler.compareChunks", "Observation", "settle")),
                of("ring-losses-taken-early", "losses are taken over before the stream has gone on in order",
                        leaving("source.ChangeStream.takeLosses", 0)));
    }

    private static List<Defect> inTheVerification() {
        return List.of(
                of("verify-sees-no-writes", "what is written while a stretch is verified is taken for a difference",
                        emptied("source.Watch.touch")),
                of("verify-heals-nothing", "what differs is found, and not sent again",
                        without("source.ChangeStream.sendAgain", "List", "forEach")));
    }

    private static List<Defect> inTheDirtyMap() {
        return List.of(
                of("source-trusts-reboot", "after a power failure the dirty map is believed",
                        believing("source.StartRule.judge", "UUID", "equals")),
                of("source-compares-always", "after a kill all disks are compared",
                        without("source.StartRule.judge", "UUID", "equals")),
                of("source-learns-nothing", "what is journaled is not remembered",
                        emptied("source.SourceSession.learnJournaled")),
                of("source-announces-nothing", "a write is not marked before the disk changes",
                        without("source.DirtyMap.announce", "DirtyMap", "mark")),
                of("source-forgets-epochs", "a new generation forgets the blocks of unacknowledged records",
                        without("source.DirtyMap.foldIntoPending", "DiskMap", "merge")),
                of("source-clears-early", "dirty bits are forgotten on release, before their records are journaled",
                        straight("source.DirtyMap.takeJournaled", 3)));
    }

    private static List<Defect> inTheJournal() {
        return List.of(
                of("target-journaled-early", "the master target says journaled when a frame is accepted only",
                        calling("mastertarget.MasterTargetMachine.positions", "Intake", "journaled", "accepted")),
                of("target-never-fences", "a promoted machine still takes the stream",
                        emptied("mastertarget.MachineSink.admit")),
                of("target-ignores-basis", "a generation is taken whatever it builds upon",
                        believing("mastertarget.MachineSink.judge", "Position", "isAtLeast")),
                of("target-orders-any", "a stream that was made for another replica is put in order",
                        believing("mastertarget.MachineSink.judge", "UUID", "equals")),
                of("target-forgets-marks", "a mark is not remembered",
                        without("mastertarget.Timeline.add", "List", "add")),
                of("target-offers-gaps", "a point inside a gap is offered",
                        alwaysTrue("mastertarget.Timeline.isPoint")),
                of("target-asks-nobody", "what the newest point lacks is not asked for",
                        without("mastertarget.Asking.ask", "Predicate", "test")),
                of("target-asks-once", "what has been asked for once is not asked for again",
                        leaving("mastertarget.Asking.consider", 2)),
                of("target-checkpoint-unsynced", "the checkpoint is not synced",
                        without("mastertarget.CheckpointFile.save", "StoredFile", "sync")));
    }

    private static List<Defect> inTheBase() {
        return List.of(
                of("target-folds-past-views", "the base is folded past an open view",
                        keeping("mastertarget.Pins.foldLimit", "Position", "min")),
                of("target-trims-under-views", "the journal is trimmed under an open view",
                        keeping("mastertarget.Pins.trimLimit", "Position", "min")),
                of("target-no-flush", "a fold is checkpointed without a flush of the base",
                        emptied("mastertarget.BaseDisk.flush")),
                of("target-saves-nothing", "old content is not saved when it is first overwritten",
                        emptied("mastertarget.UndoSet.save")),
                of("target-saves-unsynced", "the base is overwritten before what was saved of it is durable",
                        without("mastertarget.UndoFile.commit", "StoredFile", "sync")),
                of("target-restores-over-writers",
                        "promoted disks that somebody has written to are brought to another point",
                        alwaysTrue("mastertarget.Promotion.isAsHandedOut")),
                of("target-keeps-zeroes", "a fold drops zero extents", emptied("mastertarget.Folder.zero")),
                of("target-order-of-extents", "of two overlapping writes the older one counts",
                        flipped("mastertarget.ExtentMap.newest", 1)),
                of("base-gives-rot", "what is read of a base disk is not compared with its checksums",
                        believing("mastertarget.SectorSums.wrong", "ByteBuffer", "equals")),
                of("base-sums-unsynced", "a fold is checkpointed before the checksums are durable",
                        emptied("mastertarget.SectorSums.sync")),
                of("target-digests-zero", "a chunk that holds something is said to be zero",
                        emptied("mastertarget.ChunkDigests.digest")));
    }
}
