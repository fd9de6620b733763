package io.backhaul.protocol;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/**
 * The first record of a generation, always sequence 1. Body: basis (position), fidelity (u8), reserved (u8), number of
 * disks (u16), boot id (16 bytes), machine name (text), then per disk: index (u16), sector size (u32), size (u64), stable
 * id (text).
 *
 * @param basis
 *            the source knows everything up to here to be journaled, and what changed after it to be in its dirty map:
 *            it will be sent in this generation. {@link Position#NONE}: nothing is known, the disks will be compared.
 * @param fidelity
 *            of what follows; order begins with a {@link FidelityChange} only
 * @param bootId
 *            the source's boot; a new one tells that writes may have been missed
 */
public record GenerationStart(UUID machine, long generation, long timeMicros, Position basis, Fidelity fidelity,
        UUID bootId, String machineName, List<DiskInfo> disks) {
    public GenerationStart {
        disks = List.copyOf(disks);
        if (fidelity == Fidelity.ORDERED) {
            throw new IllegalArgumentException("a generation that begins ORDERED");
        }
        if (disks.isEmpty() || disks.size() > Limits.MAX_DISKS) {
            throw new IllegalArgumentException(disks.size() + " disks");
        }
    }

    public Frame frame(ByteBufAllocator allocator) {
        var fields = new FrameHeader.Fields(FrameType.GENERATION, 0, 1, machine, new Position(generation, 1),
                timeMicros,
                0);
        return Frame.of(allocator, fields, this::write);
    }

    private void write(ByteBuf body) {
        Bodies.writePosition(body, basis);
        body.writeByte(fidelity.code()).writeByte(0).writeShortLE(disks.size());
        Bodies.writeId(body, bootId);
        Bodies.writeText(body, machineName, Limits.MAX_TEXT_BYTES);
        for (DiskInfo disk : disks) {
            body.writeShortLE(disk.index()).writeIntLE(disk.sectorSizeBytes()).writeLongLE(disk.sizeBytes());
            Bodies.writeText(body, disk.stableId(), Limits.MAX_TEXT_BYTES);
        }
    }

    public static GenerationStart read(Frame frame) throws MalformedBodyException {
        return Bodies.whole(frame, FrameType.GENERATION, body -> read(frame, body));
    }

    private static GenerationStart read(Frame frame, ByteBuf body) throws MalformedBodyException {
        Position basis = Bodies.readPosition(body);
        Fidelity fidelity = Fidelity.ofCode(body.readUnsignedByte());
        body.skipBytes(1);
        int count = body.readUnsignedShortLE();
        UUID bootId = Bodies.readId(body);
        String name = Bodies.readText(body, Limits.MAX_TEXT_BYTES);
        if (count > Limits.MAX_DISKS) {
            throw new MalformedBodyException(count + " disks");
        }
        List<DiskInfo> disks = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            int index = body.readUnsignedShortLE();
            int sectorSizeBytes = body.readIntLE();
            long sizeBytes = body.readLongLE();
            disks.add(new DiskInfo(index, Bodies.readText(body, Limits.MAX_TEXT_BYTES), sizeBytes, sectorSizeBytes));
        }
        if (frame.sequence() != 1 || disks.stream().map(DiskInfo::index).distinct().count() != count) {
            throw new MalformedBodyException("generation at sequence " + frame.sequence() + ", " + count + " disks");
        }
        return new GenerationStart(frame.machine(), frame.generation(), frame.timeMicros(), basis, fidelity, bootId,
                name,
                disks);
    }
}
