package io.backhaul.mastertarget;

import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.Mark;
import io.backhaul.protocol.Position;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Keeps every record that was ever sent and accepted, and knows the disks' bytes at each position. */
final class Oracle {
    /** One record; {@code bytes} is empty where it is no write. */
    record Entry(Position position, int disk, int offset, ByteBuffer bytes, Fidelity fidelity, String label) {
        boolean isWrite() {
            return bytes.hasRemaining();
        }
    }

    private final int disks;
    private final int diskBytes;
    private final List<Entry> entries = new ArrayList<>();

    Oracle(int disks, int diskBytes) {
        this.disks = disks;
        this.diskBytes = diskBytes;
    }

    void write(Position position, int disk, int offset, byte[] bytes, Fidelity fidelity) {
        entries.add(new Entry(position, disk, offset, ByteBuffer.wrap(bytes), fidelity, ""));
    }

    /** Anything that is no write; {@code fidelity} is the one from this record on. */
    void event(Position position, Fidelity fidelity, String label) {
        entries.add(new Entry(position, 0, 0, ByteBuffer.allocate(0), fidelity, label));
    }

    /** What is after the position was never accepted. */
    void forgetAfter(Position position) {
        entries.removeIf(entry -> position.isBefore(entry.position));
    }

    byte[][] stateAt(Position position) {
        byte[][] state = new byte[disks][diskBytes];
        for (Entry entry : entries) {
            if (position.isAtLeast(entry.position) && entry.isWrite()) {
                entry.bytes.get(0, state[entry.disk], entry.offset, entry.bytes.remaining());
            }
        }
        return state;
    }

    /** Every position at which the disks were a state of the source, up to {@code limit}. */
    List<Position> points(Position limit) {
        List<Position> points = new ArrayList<>();
        for (Entry entry : entries) {
            if (entry.fidelity == Fidelity.ORDERED && limit.isAtLeast(entry.position)) {
                points.add(entry.position);
            }
        }
        return points;
    }

    /** Where the newest mark of that label is that is offered. */
    Position mark(Mark mark) {
        return entries.stream().filter(entry -> entry.label.equals(mark.label())).map(Entry::position)
                .reduce(Position.NONE, (first, second) -> second);
    }

    static boolean same(byte[][] one, byte[][] other) {
        return Arrays.deepEquals(one, other);
    }
}
