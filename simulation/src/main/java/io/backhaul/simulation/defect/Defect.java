package io.backhaul.simulation.defect;

import static io.backhaul.simulation.defect.Edit.alwaysTrue;
import static io.backhaul.simulation.defect.Edit.believing;
import static io.backhaul.simulation.defect.Edit.calling;
import static io.backhaul.simulation.defect.Edit.emptied;
import static io.backhaul.simulation.defect.Edit.flipped;
import static io.backhaul.simulation.defect.Edit.straight;
import static io.backhaul.simulation.defect.Edit.without;

import java.util.List;

/**
 * A mistake that somebody might make, as a change of the classes when they are loaded.
 *
 * @param sentence
 *            what the mistake is
 */
record Defect(String name, String sentence, Edit edit) {
    /** All there are. */
    static List<Defect> all() {
        return List.of(
                new Defect("log-trims-everything", "the segment log is trimmed further than asked for",
                        believing("engine.log.SegmentLog.trimTo", "Position", "isAtLeast")),
                new Defect("hop-gives-no-credit", "a receiver gives no credit back",
                        emptied("engine.stream.StreamReceiver.giveCredit")),
                new Defect("hop-trusts-silence", "a sender does not notice that the other side is silent",
                        emptied("engine.stream.StreamSender.beat")),
                new Defect("relay-loses-nothing", "a generation that cannot be delivered is not given up",
                        emptied("processserver.Egress.loseThrough")),
                new Defect("source-trusts-reboot", "after a power failure the dirty map is believed",
                        believing("source.StartRule.judge", "UUID", "equals")),
                new Defect("source-compares-always", "after a kill all disks are compared",
                        without("source.StartRule.judge", "UUID", "equals")),
                new Defect("source-covers-all", "frames that were released are thought to be held",
                        alwaysTrue("source.SendWindow.covers")),
                new Defect("source-learns-nothing", "what is journaled is not remembered",
                        emptied("source.SourceSession.learnJournaled")),
                new Defect("source-ignores-failures", "a write that the disk took in part is not read again",
                        emptied("source.ChangeStream.failed")),
                new Defect("target-forgets-marks", "a mark is not remembered",
                        without("mastertarget.Timeline.add", "List", "add")),
                new Defect("target-knows-every-basis", "the master target takes any generation",
                        emptied("mastertarget.MachineSink.judge")),
                new Defect("log-no-sync", "the segment log does not sync what it appends",
                        without("engine.log.SegmentLog.sync", "StoredFile", "sync")),
                new Defect("log-no-folder-sync", "the segment log does not sync the folder of a new segment",
                        without("engine.log.SegmentLog.make", "Volume", "syncFolder")),
                new Defect("log-keeps-failed", "the segment log believes what a failed commit had appended",
                        emptied("engine.log.Segment.cutToSynced")),
                new Defect("hop-judges-nothing", "a new generation is taken whatever it builds upon",
                        without("engine.stream.StreamReceiver.beginGeneration", "FrameSink", "judge")),
                new Defect("hop-ignores-credit", "a sender sends without credit",
                        calling("engine.stream.StreamSender.pump", "Frame", "lengthBytes", "records")),
                new Defect("relay-spooled-early", "the process server says spooled when a frame is accepted only",
                        calling("processserver.MachineRelay.positions", "Spool", "durable", "accepted")),
                new Defect("relay-trims-forwarded", "the spool is trimmed when the target has received, not journaled",
                        calling("processserver.Egress.progress", "Positions", "journaled", "received")),
                new Defect("source-releases-received", "captured data is released when received, not spooled",
                        calling("source.SourceSession.progress", "Positions", "spooled", "received")),
                new Defect("source-announces-nothing", "a write is not marked before the disk changes",
                        without("source.DirtyMap.announce", "DirtyMap", "mark")),
                new Defect("source-forgets-epochs", "a new generation forgets the blocks of unacknowledged records",
                        without("source.DirtyMap.foldIntoPending", "DiskMap", "merge")),
                new Defect("source-clears-early", "blocks are unmarked before their records are journaled",
                        straight("source.DirtyMap.takeJournaled", 3)),
                new Defect("source-chunk-undoes", "a chunk that was read undoes a newer write",
                        without("source.ChangeStream.note", "Registration", "touch")),
                new Defect("source-hides-overflow", "an overflow does not end the ORDERED stretch",
                        emptied("source.ChangeStream.loseOrder")),
                new Defect("source-orders-early", "ORDERED begins while blocks are pending",
                        without("source.ChangeStream.tryOrder", "DirtyMap", "isAnyPending")),
                new Defect("source-no-barrier", "ORDERED begins while writes are between disk and stream",
                        without("source.Reconciler.finish", "Host", "barrier")),
                new Defect("source-drops-overflow", "a write that finds no room is not marked",
                        without("source.ChangeStream.write", "DirtyMap", "markPending")),
                new Defect("source-drops-zeroes", "a range that is zeroed does not reach the stream",
                        emptied("source.ChangeStream.zero")),
                new Defect("source-reuses-generation", "a generation is not durable before its frames exist",
                        without("source.SourceSession.commence", "StateFile", "save")),
                new Defect("source-stays-put", "after a new link frames go on behind the last one sent",
                        emptied("source.SendWindow.rewind")),
                new Defect("target-journaled-early", "the master target says journaled when a frame is accepted only",
                        calling("mastertarget.MasterTargetMachine.positions", "Intake", "journaled", "accepted")),
                new Defect("target-folds-past-views", "the base is folded past an open view",
                        without("mastertarget.Pins.foldLimit", "Position", "min")),
                new Defect("target-trims-under-views", "the journal is trimmed under an open view",
                        without("mastertarget.Pins.trimLimit", "Position", "min")),
                new Defect("target-offers-gaps", "points are offered where the stream is not ORDERED",
                        alwaysTrue("mastertarget.Timeline.isPoint")),
                new Defect("target-no-flush", "a fold is checkpointed without a flush of the base",
                        without("mastertarget.BaseDisk.flush", "BlockDevice", "flush")),
                new Defect("target-keeps-zeroes", "a fold leaves zeroed ranges as they were",
                        emptied("mastertarget.Folder.zero")),
                new Defect("target-checkpoint-unsynced", "the checkpoint is not synced",
                        without("mastertarget.CheckpointFile.save", "StoredFile", "sync")),
                new Defect("target-never-fences", "a promoted machine still takes the stream",
                        emptied("mastertarget.MachineSink.admit")),
                new Defect("target-order-of-extents", "of two overlapping writes the older one counts",
                        flipped("mastertarget.ExtentMap.newest", 1)),
                new Defect("target-digests-zero", "a chunk that holds something is said to be zero",
                        alwaysTrue("mastertarget.ChunkDigests.isZero")));
    }
}
