package io.backhaul.engine.codec;

import io.backhaul.protocol.WriteBatchBuilder;
import java.io.IOException;
import java.nio.ByteBuffer;
import net.jpountz.lz4.LZ4Compressor;
import net.jpountz.lz4.LZ4Exception;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4SafeDecompressor;
import org.slf4j.LoggerFactory;

/**
 * LZ4 in its block format, as the payload of WRITES frames holds it. Only the decompressor that checks every bound is
 * used. Safe from any thread.
 */
public final class Lz4 {
    private static final LZ4Compressor COMPRESSOR;
    private static final LZ4SafeDecompressor DECOMPRESSOR;
    private static final boolean NATIVE;

    static {
        LZ4Factory factory = LZ4Factory.fastestInstance();
        COMPRESSOR = factory.fastCompressor();
        DECOMPRESSOR = factory.safeDecompressor();
        NATIVE = COMPRESSOR.getClass().getSimpleName().contains("JNI")
                && DECOMPRESSOR.getClass().getSimpleName().contains("JNI");
        if (!NATIVE) {
            LoggerFactory.getLogger(Lz4.class).warn("LZ4 runs in Java ({}): three to five times slower than native",
                    COMPRESSOR);
        }
    }

    private Lz4() {}

    /** Whether the native library does the work; exported as a metric. */
    public static boolean isNative() {
        return NATIVE;
    }

    /** Compresses into what room it is given; says -1 where the result does not fit there. */
    public static WriteBatchBuilder.Compressor compressor() {
        return Lz4::compress;
    }

    private static int compress(ByteBuffer plain, ByteBuffer target) {
        try {
            return COMPRESSOR.compress(plain, plain.position(), plain.remaining(), target, target.position(),
                    target.remaining());
        } catch (LZ4Exception doesNotFit) {
            return -1;
        }
    }

    /**
     * Expands one block. Takes all of {@code stored} and fills {@code plain} to its limit.
     *
     * @throws IOException
     *             where the block is malformed or expands to another length than {@code plain} has room for
     */
    public static void expand(ByteBuffer stored, ByteBuffer plain) throws IOException {
        int expanded;
        try {
            expanded = DECOMPRESSOR.decompress(stored, stored.position(), stored.remaining(), plain, plain.position(),
                    plain.remaining());
        } catch (LZ4Exception malformed) {
            throw new IOException("LZ4 block of " + stored.remaining() + " bytes is malformed or expands to more than "
                    + plain.remaining() + " bytes", malformed);
        }
        if (expanded != plain.remaining()) {
            throw new IOException(
                    "LZ4 block expands to " + expanded + " bytes where " + plain.remaining() + " were announced");
        }
        stored.position(stored.limit());
        plain.position(plain.limit());
    }
}
