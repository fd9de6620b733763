package io.backhaul.benchmarks;

import java.nio.ByteBuffer;
import java.util.SplittableRandom;
import java.util.UUID;

/** What the benchmarks work on: bytes that shrink to about a half, as those of a system's disk do. */
final class Content {
    static final UUID MACHINE = new UUID(0x0b5c2ad660aa4b1cL, 0x9d1f7d1f6f2c9b10L);
    static final int BLOCK_BYTES = 4096;

    private static final long SEED = 20261123;
    private static final int PATTERN_BYTES = 64;

    private Content() {}

    /**
     * A direct buffer, ready to be read. Of four blocks of 4 KiB two repeat short patterns, one holds words, and one is
     * random.
     */
    static ByteBuffer halfCompressible(int lengthBytes) {
        ByteBuffer content = ByteBuffer.allocateDirect(lengthBytes);
        SplittableRandom random = new SplittableRandom(SEED);
        byte[] pattern = new byte[PATTERN_BYTES];
        for (int block = 0; content.hasRemaining(); block++) {
            random.nextBytes(pattern);
            for (int filled = 0; filled < BLOCK_BYTES && content.hasRemaining(); filled += PATTERN_BYTES) {
                switch (block % 4) {
                    case 0, 1 -> pattern[random.nextInt(PATTERN_BYTES)]++;
                    case 2 -> {
                        for (int i = 0; i < PATTERN_BYTES; i++) {
                            pattern[i] = (byte) ('a' + random.nextInt(1 + i % 8));
                        }
                    }
                    default -> random.nextBytes(pattern);
                }
                content.put(pattern, 0, Math.min(PATTERN_BYTES, content.remaining()));
            }
        }
        return content.flip();
    }
}
