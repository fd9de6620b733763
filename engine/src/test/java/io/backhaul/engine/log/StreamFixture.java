package io.backhaul.engine.log;

import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.FidelityChange;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.GenerationStart;
import io.backhaul.protocol.Mark;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.WriteBatchBuilder;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.List;
import java.util.UUID;
import java.util.random.RandomGenerator;

/** Makes lawful stream frames of one machine. */
public final class StreamFixture {
    private static final UUID BOOT = new UUID(7, 7);
    private static final int DISK_BYTES = 1 << 20;

    private final UUID machine;
    private final RandomGenerator random;
    private Position last = Position.NONE;

    public StreamFixture(UUID machine, RandomGenerator random) {
        this.machine = machine;
        this.random = random;
    }

    public Position last() {
        return last;
    }

    /** What comes next stands behind this position. */
    public void rewind(Position position) {
        last = position;
    }

    /** The start of the next generation. */
    public Frame generation(Position basis) {
        last = new Position(last.generation() + 1, 1);
        return new GenerationStart(machine, last.generation(), 1_000_000, basis, Fidelity.BASELINE, BOOT, "fixture",
                List.of(new DiskInfo(0, "disk-0", DISK_BYTES, 512))).frame(ByteBufAllocator.DEFAULT);
    }

    /** From here on in order, on a replica. */
    public Frame ordered(UUID replica) {
        last = last.plus(1);
        return new FidelityChange(machine, last, 2_000_000, Fidelity.ORDERED, replica).frame(ByteBufAllocator.DEFAULT);
    }

    public Frame mark(String label) {
        last = last.plus(1);
        return new Mark(machine, last, 2_000_000, Mark.Kind.USER, label).frame(ByteBufAllocator.DEFAULT);
    }

    /** A batch of some records with about so many bytes of payload. */
    public Frame writes(int records, int payloadBytes) {
        WriteBatchBuilder builder = new WriteBatchBuilder(ByteBufAllocator.DEFAULT, payloadBytes);
        byte[] data = new byte[Math.max(1, payloadBytes / records)];
        for (int i = 0; i < records; i++) {
            random.nextBytes(data);
            builder.data(0, (long) random.nextInt(DISK_BYTES / 512 - 1) * 512, ByteBuffer.wrap(data));
        }
        Position first = last.plus(1);
        last = last.plus(records);
        return builder.close(new WriteBatchBuilder.Heading(machine, first, 3_000_000, false));
    }

    /** Any frame that may come next, of at most so many bytes of payload. */
    public Frame any(int maxPayloadBytes) {
        if (last.equals(Position.NONE) || random.nextInt(40) == 0) {
            return generation(Position.NONE);
        }
        return random.nextInt(5) == 0 ? mark("m" + random.nextInt(1000))
                : writes(1 + random.nextInt(4), 1 + random.nextInt(maxPayloadBytes));
    }

    /** The frame's bytes. */
    public static String hex(Frame frame) {
        return HexFormat.of().formatHex(ByteBufUtil.getBytes(frame.bytes()));
    }
}
