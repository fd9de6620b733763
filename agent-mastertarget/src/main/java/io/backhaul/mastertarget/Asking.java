package io.backhaul.mastertarget;

import io.backhaul.engine.loop.Lane;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.Limits;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Resend;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks the source for what the newest point lacks, since records of the journal or sectors of base disks are damaged: for that
 * and nothing else, as much as goes into one RESEND, and after a while for what is lacking still. Whether the answer has come
 * is not looked for: what is damaged is superseded then.
 * <p>
 * Owned by the machine's loop; finds out on a lane what is lacking.
 */
final class Asking {
    private static final Logger LOG = LoggerFactory.getLogger(Asking.class);
    private static final long AGAIN_NANOS = 30_000_000_000L;
    private static final int A_BLOCK_BYTES = 4096;

    private final UUID machine;
    private final Replica replica;
    private final Lane lane;
    private final Predicate<Resend> source;
    private boolean finding;
    private boolean hasAsked;
    private long askedNanos;
    private MachineStatus.Asked asked = MachineStatus.Asked.NOTHING;

    /**
     * @param source
     *            passes it on; false where it cannot be passed on now
     */
    Asking(UUID machine, Replica replica, Lane lane, Predicate<Resend> source) {
        this.machine = machine;
        this.replica = replica;
        this.lane = lane;
        this.source = source;
    }

    /** Asks, where it is time to and something is lacking. */
    void consider(List<Damaged> damaged) {
        long now = replica.loop().clock().nanos();
        Timeline timeline = replica.timeline();
        boolean isDoubtful = timeline.isDoubtful();
        if (finding || (hasAsked && now - askedNanos < AGAIN_NANOS)
                || (timeline.fidelity() != Fidelity.ORDERED && !isDoubtful)) {
            return;
        }
        Position newest = isDoubtful ? timeline.last() : timeline.newest();
        List<Damaged.Lacking> lacking = new ArrayList<>();
        for (Damaged each : damaged) {
            Damaged.Lacking contents = each.neededBy(newest, replica);
            if (contents != null) {
                lacking.add(contents);
            }
        }
        if (!lacking.isEmpty()) {
            find(newest, lacking);
        } else if (isDoubtful) {
            // Any block will do: with it the source says again what its stream is worth.
            DiskInfo disk = replica.checkpoint().disks().getFirst().disk();
            ask(newest, List.of(new Resend.Extent(disk.index(), 0, (int) Math.min(disk.sizeBytes(), A_BLOCK_BYTES))));
        }
    }

    private void find(Position newest, List<Damaged.Lacking> lacking) {
        finding = true;
        Position state = replica.undo().startFor(newest, replica.base());
        IndexStretch stretch = replica.index().stretch(state, newest);
        int[] disks = replica.disks().indexes();
        lane.submit(() -> {
            Layers layers = stretch.open(disks);
            Extents extents = new Extents();
            for (Damaged.Lacking each : lacking) {
                each.visitNeeded(state, layers, extents);
            }
            return extents.all;
        }, replica.loop(), new Lane.Outcome<List<Resend.Extent>>() {
            @Override
            public void done(List<Resend.Extent> extents) {
                finding = false;
                ask(newest, extents);
            }

            @Override
            public void failed(IOException cause) {
                finding = false;
                LOG.info("machine {}: what {} lacks cannot be found out: {}", machine, newest, cause.getMessage());
            }
        });
    }

    private void ask(Position newest, List<Resend.Extent> extents) {
        if (extents.isEmpty()) {
            return;
        }
        Resend resend = new Resend(machine, newest, extents);
        if (source.test(resend)) {
            hasAsked = true;
            askedNanos = replica.loop().clock().nanos();
            if (asked.bytes() != resend.bytes()) {
                LOG.info("machine {}: {} lacks {} bytes in {} extents; the source is asked for them", machine, newest,
                        resend.bytes(), extents.size());
            }
            asked = new MachineStatus.Asked(resend.bytes(), replica.loop().clock().wallMicros());
        }
    }

    /** What goes into one RESEND, neighbours in one. */
    static final class Extents implements Damaged.Needed {
        final List<Resend.Extent> all = new ArrayList<>();

        @Override
        public boolean needs(int disk, long from, long to) {
            long at = from;
            while (at < to) {
                Resend.Extent last = all.isEmpty() ? null : all.getLast();
                boolean grows = last != null && last.disk() == disk && last.end() == at
                        && last.lengthBytes() < Limits.MAX_DATA_EXTENT_BYTES;
                if (!grows && all.size() == Limits.MAX_RESEND_EXTENTS) {
                    return false;
                }
                long start = last != null && grows ? all.removeLast().offset() : at;
                at = Math.min(to, start + Limits.MAX_DATA_EXTENT_BYTES);
                all.add(new Resend.Extent(disk, start, (int) (at - start)));
            }
            return true;
        }
    }

    /** What was asked for last. */
    MachineStatus.Asked asked() {
        return asked;
    }

    /** Whether its lane reads just now. */
    boolean isFinding() {
        return finding;
    }
}
