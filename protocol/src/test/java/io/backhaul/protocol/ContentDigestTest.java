package io.backhaul.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** What both sides of a comparison, and a proof, go by. */
class ContentDigestTest {
    private final ContentDigest digest = new ContentDigest();

    private String hexOf(ByteBuffer content) {
        byte[] bytes = new byte[Limits.DIGEST_BYTES];
        ByteBuffer found = digest.of(content);
        assertThat(found.remaining()).isEqualTo(bytes.length);
        found.get(bytes);
        return HexFormat.of().formatHex(bytes);
    }

    @Test
    void itIsTheBeginningOfTheSha256() {
        // FIPS 180-2, appendix B.1.
        ByteBuffer content = ByteBuffer.wrap("abc".getBytes(StandardCharsets.US_ASCII));
        assertThat(hexOf(content)).isEqualTo("ba7816bf8f01cfea414140de5dae2223");
        assertThat(content.remaining()).isEqualTo(3);
        assertThat(hexOf(content)).isEqualTo("ba7816bf8f01cfea414140de5dae2223");
    }

    @Test
    void ofZeroesItIsZero() {
        byte[] content = new byte[200_000];
        assertThat(hexOf(ByteBuffer.wrap(content))).isEqualTo("0".repeat(32));
        content[199_999] = 1;
        assertThat(hexOf(ByteBuffer.wrap(content))).isNotEqualTo("0".repeat(32));
        assertThat(hexOf(ByteBuffer.wrap(content, 0, 199_999))).isEqualTo("0".repeat(32));
    }
}
