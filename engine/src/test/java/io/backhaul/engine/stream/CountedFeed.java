package io.backhaul.engine.stream;

import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.FrameType;
import io.backhaul.protocol.GenerationStart;
import io.backhaul.protocol.Hello;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Positions;
import io.backhaul.protocol.Refusal;
import io.backhaul.protocol.Resend;
import io.backhaul.protocol.Welcome;
import io.backhaul.protocol.WriteBatchBuilder;
import io.netty.buffer.ByteBufAllocator;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** Gives a stream of frames, with a new generation here and there, and can give each again. */
final class CountedFeed implements FrameFeed {
    static final UUID MACHINE = UUID.fromString("5f0f6a0e-32a9-4c0b-8a0e-111111111111");
    private final List<Frame> stream = new ArrayList<>();
    final List<Positions> heard = new ArrayList<>();
    final List<Welcome> welcomes = new ArrayList<>();
    final List<Resend> resends = new ArrayList<>();
    final List<Refusal> refusals = new ArrayList<>();
    Reaction reaction = Reaction.RETRY;
    int controls;
    int disconnects;
    private int next;

    CountedFeed(RandomGenerator random, ByteBufAllocator allocator, int frames, int largestBytes) {
        Position last = Position.NONE;
        for (int i = 0; i < frames; i++) {
            boolean newGeneration = i == 0 || random.nextInt(20) == 0;
            Frame frame = newGeneration ? generation(allocator, last.generation() + 1, last)
                    : writes(allocator, last.plus(1), random, largestBytes);
            last = frame.last();
            stream.add(frame);
        }
    }

    static Frame generation(ByteBufAllocator allocator, long generation, Position basis) {
        return new GenerationStart(MACHINE, generation, 1, basis, Fidelity.CATCH_UP, MACHINE, "machine",
                List.of(new DiskInfo(0, "disk", 1 << 20, 512))).frame(allocator);
    }

    static Frame writes(ByteBufAllocator allocator, Position first, RandomGenerator random, int largestBytes) {
        WriteBatchBuilder batch = new WriteBatchBuilder(allocator, 4096);
        int records = 1 + random.nextInt(4);
        for (int i = 0; i < records; i++) {
            batch.data(0, 0, ByteBuffer.allocate(1 + random.nextInt(largestBytes / records)));
        }
        return batch.close(new WriteBatchBuilder.Heading(MACHINE, first, 1, false));
    }

    List<Position> positions() {
        return stream.stream().map(Frame::last).toList();
    }

    Position last() {
        return stream.getLast().last();
    }

    void release() {
        stream.forEach(Frame::release);
    }

    @Override
    public Hello greeting() {
        return new Hello(MACHINE, last().generation(), 1, 1, "test");
    }

    @Override
    public void resume(Welcome welcome) {
        welcomes.add(welcome);
        next = 0;
        while (next < stream.size() && welcome.durable().isAtLeast(stream.get(next).last())) {
            next++;
        }
        if (next < stream.size() && stream.get(next).type() != FrameType.GENERATION
                && !stream.get(next).first().equals(welcome.durable().plus(1))) {
            throw new IllegalStateException("resumed within a frame: " + welcome);
        }
    }

    @Override
    public @Nullable Frame next() {
        return next < stream.size() ? stream.get(next++).retain() : null;
    }

    @Override
    public void progress(Positions positions) {
        if (!heard.isEmpty() && !positions.areAtLeast(heard.getLast())) {
            throw new IllegalStateException("a step back: " + heard.getLast() + " to " + positions);
        }
        heard.add(positions);
    }

    @Override
    public void control(Frame frame) {
        controls++;
        frame.release();
    }

    @Override
    public void resend(Resend resend) {
        resends.add(resend);
    }

    @Override
    public Reaction refused(Refusal refusal) {
        refusals.add(refusal);
        return reaction;
    }

    @Override
    public void disconnected() {
        disconnects++;
        heard.clear();
    }
}
