package io.backhaul.source;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class CompressionPolicyTest {
    private static final long SECOND = 1_000_000_000;

    /** Tells a policy of a link that drains so many bytes a second while plenty waits. */
    private static void drain(CompressionPolicy policy, long bytesPerSecond) {
        for (int i = 1; i <= 20; i++) {
            policy.drained(bytesPerSecond / 10, 10 << 20, i * SECOND / 10);
        }
    }

    @Test
    void autoCompressesWhereTheLinkIsSlow() {
        CompressionPolicy policy = new CompressionPolicy(Compression.AUTO);
        drain(policy, 20 << 20);
        assertThat(policy.attempt()).isTrue();
    }

    @Test
    void autoSendsRawWhereTheLinkIsFast() {
        CompressionPolicy policy = new CompressionPolicy(Compression.AUTO);
        drain(policy, 900 << 20);
        assertThat(policy.attempt()).isFalse();
    }

    @Test
    void autoSendsRawWhereNothingWaits() {
        CompressionPolicy policy = new CompressionPolicy(Compression.AUTO);
        drain(policy, 20 << 20);
        policy.drained(1000, 0, 3 * SECOND);
        assertThat(policy.attempt()).isFalse();
    }

    @Test
    void autoLeavesAloneWhatDoesNotShrinkButForAProbeNowAndThen() {
        CompressionPolicy policy = new CompressionPolicy(Compression.AUTO);
        drain(policy, 20 << 20);
        for (int i = 0; i < 20; i++) {
            policy.attempted(1000, 1000, 2000);
        }
        int attempts = 0;
        for (int i = 0; i < 320; i++) {
            attempts += policy.attempt() ? 1 : 0;
        }
        assertThat(attempts).isEqualTo(10);
    }

    @Test
    void theOtherSettingsAreUnconditional() {
        CompressionPolicy always = new CompressionPolicy(Compression.LZ4);
        CompressionPolicy never = new CompressionPolicy(Compression.OFF);
        drain(never, 1 << 20);
        assertThat(always.attempt()).isTrue();
        assertThat(never.attempt()).isFalse();
    }
}
