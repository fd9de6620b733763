package io.backhaul.benchmarks;

import io.backhaul.blockio.volume.DirectoryVolume;
import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.log.SegmentLimits;
import io.backhaul.engine.loop.LanePool;
import io.backhaul.engine.loop.NettyLoop;
import io.backhaul.engine.loop.NettyLoops;
import io.backhaul.engine.stream.HopTiming;
import io.backhaul.engine.time.SystemClock;
import io.backhaul.mastertarget.IndexLimits;
import io.backhaul.mastertarget.MachineStatus;
import io.backhaul.mastertarget.MasterTargetMachine;
import io.backhaul.mastertarget.PointName;
import io.backhaul.mastertarget.RetentionPolicy;
import io.backhaul.mastertarget.ScrubPace;
import io.backhaul.mastertarget.View;
import io.backhaul.protocol.Position;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Function;

/** A real master target for one machine in this process, on a folder. Of any thread; waits for what it asks. */
final class TargetRig implements AutoCloseable {
    private final RawDisks disks;
    private final NettyLoops loops = new NettyLoops(1);
    private final LanePool lanes = new LanePool("lane", 6);
    private final NettyLoop loop = loops.next();
    private final MasterTargetMachine machine;

    /** Starts it, and waits until it is served. */
    TargetRig(Path folder, RetentionPolicy policy, int segmentBytes) throws IOException, InterruptedException {
        this.disks = new RawDisks(folder);
        var own = new MasterTargetMachine.Lanes(lanes.lane("store"), lanes.lane("fold"), lanes.lane("view"),
                lanes.lane("digest"), lanes.lane("index"), lanes.lane("scrub"));
        var ports = new MasterTargetMachine.Ports(loop, own, DirectoryVolume.create(folder.resolve("machine")),
                disks, () -> SeededLoad.REPLICA, ByteBufAllocator.DEFAULT,
                new FaultLog(SystemClock.INSTANCE));
        this.machine = new MasterTargetMachine(SeededLoad.MACHINE, ports, new MasterTargetMachine.Setup(policy,
                HopTiming.DEFAULT, 16L << 20, SegmentLimits.ofSegments(segmentBytes), 32L << 20, IndexLimits.DEFAULT,
                ScrubPace.ON_DEMAND));
        loop.execute(machine::begin);
        while (status().state().equals("OPENING")) {
            Thread.sleep(1);
        }
    }

    MasterTargetMachine machine() {
        return machine;
    }

    Path disk(int index) {
        return disks.path(index);
    }

    private <T> T ask(Function<MasterTargetMachine, T> question) throws InterruptedException {
        CompletableFuture<T> answer = new CompletableFuture<>();
        loop.execute(() -> answer.complete(question.apply(machine)));
        return await(answer);
    }

    private static <T> T await(CompletableFuture<T> answer) throws InterruptedException {
        try {
            return answer.get();
        } catch (ExecutionException failed) {
            throw new IllegalStateException(failed.getCause());
        }
    }

    MachineStatus status() throws InterruptedException {
        return ask(MasterTargetMachine::status);
    }

    void policy(RetentionPolicy next) throws InterruptedException {
        ask(target -> {
            target.changeRetention(next);
            return next;
        });
    }

    View open(Position position) throws InterruptedException {
        CompletableFuture<View> answer = new CompletableFuture<>();
        loop.execute(() -> machine.openView(new PointName.At(position), "benchmark",
                new MasterTargetMachine.ViewOutcome() {
                    @Override
                    public void opened(View view) {
                        answer.complete(view);
                    }

                    @Override
                    public void failed(String why) {
                        answer.completeExceptionally(new IOException(why));
                    }
                }));
        return await(answer);
    }

    /** Promotes, and answers how much was folded. */
    CompletableFuture<Long> promote(PointName name, boolean commits) {
        CompletableFuture<Long> answer = new CompletableFuture<>();
        loop.execute(() -> machine.promote(name, commits, new MasterTargetMachine.PromotionOutcome() {
            @Override
            public void done(Position position, long foldBytes, long checkedBytes) {
                answer.complete(foldBytes);
            }

            @Override
            public void failed(String why) {
                answer.completeExceptionally(new IOException(why));
            }
        }));
        return answer;
    }

    /** Stops it in order. */
    @Override
    public void close() {
        CompletableFuture<Boolean> closed = new CompletableFuture<>();
        loop.execute(() -> machine.close(() -> closed.complete(true)));
        closed.join();
        lanes.close();
        loops.close();
    }
}
