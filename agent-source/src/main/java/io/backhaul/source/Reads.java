package io.backhaul.source;

import io.backhaul.protocol.Fidelity;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is being read of the disks while they are written to. Guarded by the lock of {@link ChangeStream}; but who watches may come
 * and go at any time.
 */
final class Reads {
    private final List<Registration> registrations = new ArrayList<>();
    private volatile @Nullable ChunkWatch watch;
    private @Nullable Watch verified;

    void add(Registration registration) {
        registrations.add(registration);
    }

    void remove(Registration registration) {
        registrations.remove(registration);
    }

    boolean isAny() {
        return !registrations.isEmpty();
    }

    /** Digests are being recorded; null where that has ended. */
    void watch(@Nullable ChunkWatch next) {
        watch = next;
    }

    /** A stretch is being verified, in place of another one; null for none. */
    void verify(@Nullable Watch next) {
        verified = next;
    }

    boolean isVerified(Watch since) {
        return since.equals(verified);
    }

    /** Something was written; its number is one of {@link Observation#head}. */
    void touch(int disk, long offset, long lengthBytes, long at) {
        for (Registration registration : registrations) {
            registration.touch(disk, offset, lengthBytes, at);
        }
        if (verified != null) {
            verified.touch(disk, offset, lengthBytes);
        }
        lost(disk, offset, lengthBytes);
    }

    /** Something may have been written, and is pending again anyway. */
    void lost(int disk, long offset, long lengthBytes) {
        ChunkWatch told = watch;
        if (told != null) {
            told.touch(disk, offset, lengthBytes);
        }
    }

    /** The stream has become this: what was read before a comparison is not known to be what the disks held then. */
    void become(Fidelity fidelity) {
        ChunkWatch told = watch;
        if (told != null && fidelity == Fidelity.BASELINE) {
            told.expire("the disks are compared anew, for they may have changed unseen: ask again when the stream is"
                    + " ORDERED");
        }
    }

    /** The stream begins anew. */
    void begin(Fidelity fidelity) {
        registrations.forEach(Registration::expire);
        registrations.clear();
        become(fidelity);
    }
}
