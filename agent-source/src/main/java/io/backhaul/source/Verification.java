package io.backhaul.source;

import io.backhaul.source.SourceStatus.Found;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is known of verifications across restarts.
 *
 * @param sinceMicros
 *            by the wall clock: when the last one ended, or from when on one is waited for
 * @param last
 *            the last one that ended; null where none has
 * @param pass
 *            the one under way; null where there is none
 */
record Verification(long sinceMicros, @Nullable Found last, @Nullable Pass pass) {
    /** Nothing found yet, from now on. */
    static Found nothing(long nowMicros) {
        return new Found(nowMicros, 0, 0, 0);
    }

    static Found sum(Found before, long compared, long skipped, long differing) {
        return new Found(before.beganMicros(), before.comparedBytes() + compared, before.skippedBytes() + skipped,
                before.differingBytes() + differing);
    }

    private static void encode(Found found, ByteBuffer target) {
        target.putLong(found.beganMicros()).putLong(found.comparedBytes()).putLong(found.skippedBytes());
        target.putLong(found.differingBytes());
    }

    private static Found decodeFound(ByteBuffer bytes) {
        return new Found(bytes.getLong(), bytes.getLong(), bytes.getLong(), bytes.getLong());
    }

    /**
     * One that is under way.
     *
     * @param seed
     *            draws which part of the disks is compared
     * @param frontier
     *            how far it has come, per disk
     */
    record Pass(long seed, Found found, List<Long> frontier) {
        Pass {
            frontier = List.copyOf(frontier);
        }

        Pass at(int disk, long offset, Found now) {
            List<Long> next = new ArrayList<>(frontier);
            next.set(disk, offset);
            return new Pass(seed, now, next);
        }
    }

    static Verification awaited(long nowMicros) {
        return new Verification(nowMicros, null, null);
    }

    Verification with(@Nullable Pass next) {
        return new Verification(sinceMicros, last, next);
    }

    static Verification ended(long nowMicros, Found found) {
        return new Verification(nowMicros, found, null);
    }

    /** Writes all of it, as docs/ONDISK.md describes. */
    void encode(ByteBuffer target) {
        target.putLong(sinceMicros).putInt(last == null ? 0 : 1).putInt(pass == null ? -1 : pass.frontier.size());
        if (last != null) {
            encode(last, target);
        }
        if (pass != null) {
            target.putLong(pass.seed);
            encode(pass.found, target);
            for (long each : pass.frontier) {
                target.putLong(each);
            }
        }
    }

    /** Reads what {@link #encode} wrote and a checksum has vouched for. */
    static Verification decode(ByteBuffer bytes) {
        long since = bytes.getLong();
        boolean hasLast = bytes.getInt() == 1;
        int disks = bytes.getInt();
        Found last = hasLast ? decodeFound(bytes) : null;
        if (disks < 0) {
            return new Verification(since, last, null);
        }
        long seed = bytes.getLong();
        Found found = decodeFound(bytes);
        List<Long> frontier = new ArrayList<>();
        for (int i = 0; i < disks; i++) {
            frontier.add(bytes.getLong());
        }
        return new Verification(since, last, new Pass(seed, found, frontier));
    }
}
