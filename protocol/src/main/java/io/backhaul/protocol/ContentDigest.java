package io.backhaul.protocol;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * The digest by which content is compared: the first {@link Limits#DIGEST_BYTES} bytes of its SHA-256, or as many zero bytes
 * where it is all zero. Used by one thread at a time.
 */
public final class ContentDigest {
    /** The digest of what is all zero. */
    public static final ByteBuffer OF_ZEROES = ByteBuffer.allocate(Limits.DIGEST_BYTES).asReadOnlyBuffer();

    private final MessageDigest sha256 = sha256();

    /** A SHA-256 to be fed. */
    public static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException everyJdkHasIt) {
            throw new IllegalStateException(everyJdkHasIt);
        }
    }

    /** The digest of the remaining bytes, whose position stays. */
    public ByteBuffer of(ByteBuffer content) {
        if (Zeroes.isZero(content)) {
            return OF_ZEROES.duplicate();
        }
        sha256.update(content.duplicate());
        return ByteBuffer.wrap(sha256.digest(), 0, Limits.DIGEST_BYTES);
    }
}
