package io.backhaul.protocol;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import java.util.random.RandomGenerator;

/** Random frames of every type, and what can be read from any frame. */
public final class SampleFrames {
    private final RandomGenerator random;
    private final ByteBufAllocator allocator;

    public SampleFrames(RandomGenerator random, ByteBufAllocator allocator) {
        this.random = random;
        this.allocator = allocator;
    }

    /** One record of a WRITES frame, by its values. */
    public record Write(int disk, long offset, int lengthBytes, boolean zero) {}

    /** A WRITES frame, by its values. */
    public record Writes(UUID machine, Position first, long timeMicros, boolean reconciled, List<Write> records,
            ByteBuffer payload) {}

    /** A body with random values, as a record of its own type. */
    public Object body(FrameType type) {
        UUID machine = id();
        return switch (type) {
            case HELLO -> new Hello(machine, number(), random.nextInt(1 << 16), random.nextInt(1 << 16), text(255));
            case WELCOME -> new Welcome(machine, position(), position(), random.nextInt(1 << 16),
                    1 + random.nextInt(100_000), Limits.MAX_FRAME_BYTES + number());
            case REFUSAL -> new Refusal(machine, random.nextInt(1 << 16), random.nextInt(), text(1024));
            case POSITIONS -> new Positions(machine, position(), position(), position(), position(), position());
            case CREDIT -> new Credit(machine, 1 + number());
            case PING -> new Heartbeat(machine, false, random.nextLong());
            case PONG -> new Heartbeat(machine, true, random.nextLong());
            case DIGEST_REQUEST -> new DigestRequest(machine, position(), random.nextInt(), random.nextInt(1 << 16),
                    4096 << random.nextInt(9), runs());
            case DIGESTS -> digests(machine);
            case RESEND -> new Resend(machine, position(), extents());
            case GENERATION -> generation(machine);
            case FIDELITY -> new FidelityChange(machine, streamPosition(), number(), any(Fidelity.values()),
                    id());
            case MARK -> new Mark(machine, streamPosition(), number(), any(Mark.Kind.values()), text(255));
            case WRITES -> writes(machine);
        };
    }

    /** The frame of what {@link #body} has made. */
    public Frame frame(Object body) {
        return switch (body) {
            case Hello it -> it.frame(allocator);
            case Welcome it -> it.frame(allocator);
            case Refusal it -> it.frame(allocator);
            case Positions it -> it.frame(allocator);
            case Credit it -> it.frame(allocator);
            case Heartbeat it -> it.frame(allocator);
            case DigestRequest it -> it.frame(allocator);
            case Digests it -> it.frame(allocator);
            case Resend it -> it.frame(allocator);
            case GenerationStart it -> it.frame(allocator);
            case FidelityChange it -> it.frame(allocator);
            case Mark it -> it.frame(allocator);
            case Writes it -> frame(it, (plain, target) -> -1);
            default -> throw new IllegalArgumentException(body.getClass().getName());
        };
    }

    /** A random frame of a type. */
    public Frame frame(FrameType type) {
        return frame(body(type));
    }

    Frame frame(Writes writes, WriteBatchBuilder.Compressor compressor) {
        WriteBatchBuilder builder = new WriteBatchBuilder(allocator, writes.payload.remaining());
        ByteBuffer payload = writes.payload.duplicate();
        for (Write write : writes.records) {
            if (write.zero) {
                builder.zero(write.disk, write.offset, write.lengthBytes);
            } else {
                builder.data(write.disk, write.offset, payload.slice(payload.position(), write.lengthBytes));
                payload.position(payload.position() + write.lengthBytes);
            }
        }
        return builder.close(new WriteBatchBuilder.Heading(writes.machine, writes.first, writes.timeMicros,
                writes.reconciled), compressor);
    }

    /** Reads a frame of any type into a record that is equal to what it was made from. */
    public static Object read(Frame frame) throws MalformedBodyException {
        return switch (frame.type()) {
            case HELLO -> Hello.read(frame);
            case WELCOME -> Welcome.read(frame);
            case REFUSAL -> Refusal.read(frame);
            case POSITIONS -> Positions.read(frame);
            case CREDIT -> Credit.read(frame);
            case PING, PONG -> Heartbeat.read(frame);
            case DIGEST_REQUEST -> DigestRequest.read(frame);
            case DIGESTS -> Digests.read(frame);
            case RESEND -> Resend.read(frame);
            case GENERATION -> GenerationStart.read(frame);
            case FIDELITY -> FidelityChange.read(frame);
            case MARK -> Mark.read(frame);
            case WRITES -> readWrites(frame);
        };
    }

    private static Writes readWrites(Frame frame) throws MalformedBodyException {
        WriteBatch batch = WriteBatch.open(frame);
        List<Write> records = new ArrayList<>();
        for (int i = 0; i < batch.records(); i++) {
            records.add(new Write(batch.disk(i), batch.offset(i), batch.lengthBytes(i), batch.isZero(i)));
        }
        ByteBuf stored = batch.storedPayload();
        byte[] payload = new byte[stored.readableBytes()];
        stored.getBytes(stored.readerIndex(), payload);
        return new Writes(frame.machine(), frame.first(), frame.timeMicros(), frame.isReconciled(), records,
                ByteBuffer.wrap(payload));
    }

    private List<DigestRequest.Run> runs() {
        int count = 1 + random.nextInt(32);
        return Stream.generate(() -> new DigestRequest.Run(random.nextLong(1L << 40),
                1 + random.nextInt(Limits.MAX_DIGESTS / count))).limit(count).toList();
    }

    private List<Resend.Extent> extents() {
        int count = 1 + random.nextInt(random.nextInt(10) == 0 ? Limits.MAX_RESEND_EXTENTS : 32);
        return Stream.generate(() -> new Resend.Extent(random.nextInt(Limits.MAX_DISKS), random.nextLong(1L << 62),
                1 + random.nextInt(Limits.MAX_DATA_EXTENT_BYTES))).limit(count).toList();
    }

    private Digests digests(UUID machine) {
        Digests.Status status = any(Digests.Status.values());
        byte[] digests = new byte[status == Digests.Status.SOME ? Limits.DIGEST_BYTES * (1 + random.nextInt(20)) : 0];
        random.nextBytes(digests);
        return new Digests(machine, random.nextInt(), status, random.nextInt(1 << 16), id(),
                ByteBuffer.wrap(digests));
    }

    private GenerationStart generation(UUID machine) {
        List<DiskInfo> disks = new ArrayList<>();
        int count = 1 + random.nextInt(random.nextInt(10) == 0 ? Limits.MAX_DISKS : 4);
        for (int i = 0; i < count; i++) {
            int sector = random.nextBoolean() ? 512 : 4096;
            disks.add(new DiskInfo(i, text(255), (1 + random.nextLong(1L << 40)) * sector, sector));
        }
        return new GenerationStart(machine, 1 + number(), number(), position(),
                random.nextBoolean() ? Fidelity.BASELINE : Fidelity.CATCH_UP, id(),
                text(255), disks);
    }

    private Writes writes(UUID machine) {
        List<Write> records = new ArrayList<>();
        int payload = 0;
        int count = 1 + random.nextInt(20);
        for (int i = 0; i < count; i++) {
            boolean zero = random.nextInt(3) == 0;
            int length = 1 + random.nextInt(zero ? Limits.MAX_ZERO_EXTENT_BYTES : 600);
            records.add(new Write(random.nextInt(Limits.MAX_DISKS), random.nextLong(1L << 62), length, zero));
            payload += zero ? 0 : length;
        }
        byte[] bytes = new byte[payload];
        random.nextBytes(bytes);
        return new Writes(machine, streamPosition(), number(), random.nextBoolean(), records, ByteBuffer.wrap(bytes));
    }

    private UUID id() {
        return new UUID(random.nextLong(), random.nextLong());
    }

    /** Often small, sometimes as large as it gets. */
    private long number() {
        return random.nextLong(1L << (1 + random.nextInt(62)));
    }

    private Position position() {
        return random.nextInt(5) == 0 ? Position.NONE : new Position(number(), number());
    }

    private Position streamPosition() {
        return new Position(1 + number(), 1 + number());
    }

    private String text(int maxBytes) {
        StringBuilder text = new StringBuilder();
        int characters = random.nextInt(maxBytes / 4);
        for (int i = 0; i < characters; i++) {
            text.appendCodePoint(switch (random.nextInt(4)) {
                case 0 -> 0x1F600 + random.nextInt(64);
                case 1 -> 0xE0 + random.nextInt(64);
                default -> ' ' + random.nextInt(95);
            });
        }
        return text.toString();
    }

    private <T> T any(T[] values) {
        return values[random.nextInt(values.length)];
    }
}
