package io.backhaul.blockio.nbd;

import static io.backhaul.blockio.nbd.NbdNumbers.*;

import io.backhaul.blockio.BlockDevice;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Carries requests out on a device and lays out the replies that have a payload. Has no state; called by many threads. */
final class DeviceWork {
    /** Reads from this size on tell holes as holes: below, asking costs more than sending. */
    static final int HOLES_FROM_BYTES = 64 * 1024;
    /** What a reply of block status may be long. */
    static final int STATUS_REPLY_BYTES = 64 * 1024;
    /** The id that a client gets for base:allocation. */
    static final int ALLOCATION_CONTEXT_ID = 1;
    private static final int SMALLEST_HOLE_BYTES = 4096;
    private static final int DATA_HEADER_BYTES = CHUNK_HEADER_BYTES + Long.BYTES;
    private static final long STATUS_WINDOW_BYTES = 128L << 20;
    private static final ByteBuffer ZEROES = ByteBuffer.allocateDirect(1 << 20).asReadOnlyBuffer();

    private final BlockDevice device;
    private final boolean structured;
    private final boolean allocation;

    DeviceWork(BlockDevice device, boolean structured, boolean allocation) {
        this.device = device;
        this.structured = structured;
        this.allocation = allocation;
    }

    /** The error number for a request that need not even be tried; 0 if it is fine. */
    int objection(int type, int flags, long offset, long length) {
        boolean writes = type == CMD_WRITE || type == CMD_TRIM || type == CMD_WRITE_ZEROES;
        int allowed = CMD_FLAG_FUA | switch (type) {
            case CMD_READ -> structured ? CMD_FLAG_DF : 0;
            case CMD_WRITE_ZEROES -> CMD_FLAG_NO_HOLE | CMD_FLAG_FAST_ZERO;
            case CMD_BLOCK_STATUS -> CMD_FLAG_REQ_ONE;
            default -> 0;
        };
        if (type < CMD_READ || type > CMD_BLOCK_STATUS || (flags & ~allowed) != 0) {
            return EINVAL;
        }
        if (writes && device.readOnly()) {
            return EPERM;
        }
        if (type == CMD_FLUSH) {
            return 0;
        }
        if (offset < 0 || offset > device.sizeBytes() - length) {
            return writes ? ENOSPC : EINVAL;
        }
        if (type == CMD_READ && length > PAYLOAD_LIMIT_BYTES) {
            return EOVERFLOW;
        }
        return type == CMD_BLOCK_STATUS && (!allocation || length == 0) ? EINVAL : 0;
    }

    /** True if the reply must be a structured one. */
    boolean structuredReply(int type) {
        return structured && (type == CMD_READ || type == CMD_BLOCK_STATUS);
    }

    /** Does what is asked; true if the reply is then in the request's buffer, ready to be sent, false if there is none but success. */
    boolean perform(Request request) throws IOException {
        switch (request.type()) {
            case CMD_READ -> {
                read(request);
                return true;
            }
            case CMD_BLOCK_STATUS -> {
                blockStatus(request);
                return true;
            }
            case CMD_WRITE -> device.write(request.offset(), request.room());
            case CMD_FLUSH -> device.flush();
            case CMD_TRIM -> {
                if (device.zeroIsFast()) {
                    device.zero(request.offset(), request.length());
                }
            }
            case CMD_WRITE_ZEROES -> writeZeroes(request);
            case CMD_CACHE -> {
            }
            default -> throw new NbdFailure(EINVAL, "command " + request.type() + " is not known");
        }
        if (request.has(CMD_FLAG_FUA) && request.type() != CMD_FLUSH && !device.readOnly()) {
            device.flush();
        }
        return false;
    }

    /** Lays an error out as a structured reply. */
    static ByteBuffer errorReply(ByteBuffer room, long cookie, Throwable failure) {
        byte[] text = NbdFailure.text(failure);
        chunk(room.clear(), CHUNK_FLAG_DONE, CHUNK_ERROR, cookie, Integer.BYTES + Short.BYTES + text.length);
        return room.putInt(NbdFailure.code(failure)).putShort((short) text.length).put(text).flip();
    }

    private void read(Request request) throws IOException {
        ByteBuffer room = request.room().clear();
        int length = (int) request.length();
        if (!structured) {
            room.putInt(SIMPLE_REPLY_MAGIC).putInt(0).putLong(request.cookie());
            room.limit(SIMPLE_REPLY_BYTES + length);
            device.read(request.offset(), room);
        } else if (length == 0) {
            chunk(room, CHUNK_FLAG_DONE, CHUNK_NONE, request.cookie(), 0);
        } else {
            Chunks chunks = new Chunks(room, request.cookie());
            if (length < HOLES_FROM_BYTES || request.has(CMD_FLAG_DF)) {
                chunks.extent(request.offset(), length, false);
            } else {
                device.extents(request.offset(), length, chunks);
            }
            chunks.finish();
        }
        room.flip();
    }

    /** Turns the runs of a device into chunks of a read reply, with neighbouring data read in one go. */
    private final class Chunks implements BlockDevice.ExtentVisitor {
        private final ByteBuffer room;
        private final long cookie;
        private long dataStart;
        private int dataLength;
        private int lastHeader;

        Chunks(ByteBuffer room, long cookie) {
            this.room = room;
            this.cookie = cookie;
        }

        @Override
        public void extent(long offset, long lengthBytes, boolean zero) throws IOException {
            if (!zero || lengthBytes < SMALLEST_HOLE_BYTES) {
                if (dataLength == 0) {
                    dataStart = offset;
                }
                dataLength += (int) lengthBytes;
                return;
            }
            flushData();
            lastHeader = room.position();
            chunk(room, 0, CHUNK_OFFSET_HOLE, cookie, Long.BYTES + Integer.BYTES);
            room.putLong(offset).putInt((int) lengthBytes);
        }

        void finish() throws IOException {
            flushData();
            room.putShort(lastHeader + Integer.BYTES, (short) CHUNK_FLAG_DONE);
        }

        private void flushData() throws IOException {
            if (dataLength == 0) {
                return;
            }
            lastHeader = room.position();
            chunk(room, 0, CHUNK_OFFSET_DATA, cookie, Long.BYTES + dataLength);
            room.putLong(dataStart);
            room.limit(lastHeader + DATA_HEADER_BYTES + dataLength);
            device.read(dataStart, room);
            room.limit(room.capacity());
            dataLength = 0;
        }
    }

    private void blockStatus(Request request) throws IOException {
        ByteBuffer room = request.room().clear();
        room.position(CHUNK_HEADER_BYTES);
        room.putInt(ALLOCATION_CONTEXT_ID);
        Runs runs = new Runs(room,
                request.has(CMD_FLAG_REQ_ONE) ? 1 : (STATUS_REPLY_BYTES - CHUNK_HEADER_BYTES) / Long.BYTES - 1);
        long next = request.offset();
        long end = next + request.length();
        while (next < end && !runs.complete) {
            long window = Math.min(end - next, STATUS_WINDOW_BYTES);
            device.extents(next, window, runs);
            next += window;
        }
        runs.finish();
        int total = room.position();
        chunk(room.position(0), CHUNK_FLAG_DONE, CHUNK_BLOCK_STATUS, request.cookie(), total - CHUNK_HEADER_BYTES);
        room.position(total).flip();
    }

    /** Joins the runs of a device to the descriptors of a block status reply, up to a number of them. */
    private static final class Runs implements BlockDevice.ExtentVisitor {
        private final ByteBuffer room;
        private final int limit;
        private int count;
        private long runLength;
        private boolean runZero;
        private boolean complete;

        Runs(ByteBuffer room, int limit) {
            this.room = room;
            this.limit = limit;
        }

        @Override
        public void extent(long offset, long lengthBytes, boolean zero) {
            if (complete || lengthBytes == 0) {
                return;
            }
            if (runLength > 0 && runZero != zero) {
                finish();
                if (complete) {
                    return;
                }
            }
            runZero = zero;
            runLength += lengthBytes;
        }

        void finish() {
            if (runLength > 0 && !complete) {
                room.putInt((int) runLength).putInt(runZero ? STATE_HOLE | STATE_ZERO : 0);
                runLength = 0;
                count++;
                complete = count >= limit;
            }
        }
    }

    private void writeZeroes(Request request) throws IOException {
        boolean fast = request.has(CMD_FLAG_FAST_ZERO);
        if (!request.has(CMD_FLAG_NO_HOLE)) {
            if (fast && !device.zeroIsFast()) {
                throw new NbdFailure(ENOTSUP, "zeroing is not faster than writing here");
            }
            device.zero(request.offset(), request.length());
            return;
        }
        if (fast) {
            throw new NbdFailure(ENOTSUP, "zeroing without a hole is not faster than writing here");
        }
        long next = request.offset();
        long end = next + request.length();
        while (next < end) {
            ByteBuffer zeroes = ZEROES.duplicate().limit((int) Math.min(ZEROES.capacity(), end - next));
            int step = zeroes.remaining();
            device.write(next, zeroes);
            next += step;
        }
    }

    private static void chunk(ByteBuffer room, int flags, int type, long cookie, int length) {
        room.putInt(STRUCTURED_REPLY_MAGIC).putShort((short) flags).putShort((short) type).putLong(cookie)
                .putInt(length);
    }
}
