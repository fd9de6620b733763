package io.backhaul.protocol;

import io.netty.buffer.ByteBufAllocator;
import java.nio.ByteBuffer;
import java.util.UUID;

/**
 * The answer to {@link DigestRequest}. Body: request id (u32), status (u8), reserved (u8), disk (u16), number of digests
 * (u32), replica (16 bytes), then the digests, {@link Limits#DIGEST_BYTES} bytes each: the first bytes of the chunk's SHA-256, or all zero
 * where the chunk is all zero. The last chunk of a disk may be short and is digested as long as it is.
 *
 * @param replica
 *            whose bytes were digested, as {@link FidelityChange} repeats it; all zero where none were
 * @param digests
 *            {@link Limits#DIGEST_BYTES} bytes a chunk, read only; empty unless the status is {@link Status#SOME}
 */
public record Digests(UUID machine, int requestId, Status status, int disk, UUID replica, ByteBuffer digests) {
    /** No replica. */
    public static final UUID NOBODY = new UUID(0, 0);

    public Digests {
        digests = digests.asReadOnlyBuffer();
    }

    /** What kind of answer this is. */
    public enum Status {
        /** The digests follow. */
        SOME(0),
        /** Every byte of the stretch is zero. */
        ALL_ZERO(1),
        /** Nobody could be asked just now; ask again. */
        UNAVAILABLE(2),
        /** There is no such disk or stretch. */
        NOT_FOUND(3);

        private final int code;

        Status(int code) {
            this.code = code;
        }

        static Status ofCode(int code) throws MalformedBodyException {
            for (Status status : values()) {
                if (status.code == code) {
                    return status;
                }
            }
            throw new MalformedBodyException("status of digests " + code);
        }
    }

    /** There is no answer: {@link Status#UNAVAILABLE} or {@link Status#NOT_FOUND}. */
    public static Digests none(DigestRequest request, Status status) {
        return of(request, status, NOBODY, ByteBuffer.allocate(0));
    }

    /** A replica has nothing but zeroes there. */
    public static Digests allZero(DigestRequest request, UUID replica) {
        return of(request, Status.ALL_ZERO, replica, ByteBuffer.allocate(0));
    }

    /** The digests of a replica's chunks. */
    public static Digests some(DigestRequest request, UUID replica, ByteBuffer digests) {
        return of(request, Status.SOME, replica, digests);
    }

    private static Digests of(DigestRequest request, Status status, UUID replica, ByteBuffer digests) {
        return new Digests(request.machine(), request.requestId(), status, request.disk(), replica, digests);
    }

    /** Whether it says what a replica has. */
    public boolean isAnswer() {
        return status == Status.SOME || status == Status.ALL_ZERO;
    }

    public Frame frame(ByteBufAllocator allocator) {
        var fields = FrameHeader.Fields.control(FrameType.DIGESTS, machine, Position.NONE);
        return Frame.of(allocator, fields, body -> {
            body.writeIntLE(requestId).writeByte(status.code).writeByte(0).writeShortLE(disk);
            body.writeIntLE(digests.remaining() / Limits.DIGEST_BYTES);
            Bodies.writeId(body, replica);
            body.writeBytes(digests.duplicate());
        });
    }

    public static Digests read(Frame frame) throws MalformedBodyException {
        return Bodies.whole(frame, FrameType.DIGESTS, body -> {
            int requestId = body.readIntLE();
            Status status = Status.ofCode(body.readUnsignedByte());
            body.skipBytes(1);
            int disk = body.readUnsignedShortLE();
            int count = body.readIntLE();
            if (count < 0 || count > Limits.MAX_DIGESTS || (count > 0) != (status == Status.SOME)) {
                throw new MalformedBodyException(count + " digests with " + status);
            }
            UUID replica = Bodies.readId(body);
            byte[] digests = new byte[count * Limits.DIGEST_BYTES];
            body.readBytes(digests);
            return new Digests(frame.machine(), requestId, status, disk, replica, ByteBuffer.wrap(digests));
        });
    }
}
