package io.backhaul.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.Disks;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LedgerTest {
    private static final int BLOCKS = 300;
    private static final int WRITES = 400;

    private final Ledger ledger = new Ledger((long) BLOCKS * Ledger.BLOCK_BYTES);
    private final SplittableRandom random = new SplittableRandom(5);
    private final byte[] disk = new byte[BLOCKS * Ledger.BLOCK_BYTES];
    private byte[] after = disk.clone();
    private byte[] before = disk.clone();
    private int lastBlock;

    @TempDir
    private Path folder;

    @BeforeEach
    void writeMuch() {
        for (int i = 0; i < WRITES; i++) {
            write(random.nextInt(BLOCKS - 4), 1 + random.nextInt(4), random.nextInt(8) == 0);
            if (i == WRITES / 2 - 1) {
                after = disk.clone();
            }
            if (i < WRITES - 1) {
                before = disk.clone();
            }
        }
    }

    private void write(int first, int count, boolean zeroes) {
        long version = ledger.next();
        ByteBuffer to = ByteBuffer.wrap(disk).position(first * Ledger.BLOCK_BYTES);
        for (int block = first; block < first + count; block++) {
            if (zeroes) {
                to.put(new byte[Ledger.BLOCK_BYTES]);
            } else {
                Ledger.fill(to, version, block);
            }
        }
        ledger.wrote(version, zeroes, first, count);
        lastBlock = first;
    }

    private List<Ledger.Span> spansOf(byte[] image) throws IOException {
        Path file = folder.resolve("image");
        Files.write(file, image);
        try (BlockDevice device = Disks.open(file, true)) {
            return ledger.spansOf(device, "the image");
        }
    }

    @Test
    void aStateIsKnownByItsBytes() throws IOException {
        assertThat(spansOf(disk)).anyMatch(span -> span.has(WRITES));
        assertThat(spansOf(after)).anyMatch(span -> span.has(WRITES / 2)).noneMatch(span -> span.has(WRITES));
        assertThat(spansOf(new byte[disk.length])).anyMatch(span -> span.has(0)).noneMatch(span -> span.has(WRITES));
    }

    @Test
    void oneBlockOfAnotherStateIsNoStateAtAll() {
        byte[] mixed = after.clone();
        int at = lastBlock * Ledger.BLOCK_BYTES;
        System.arraycopy(disk, at, mixed, at, Ledger.BLOCK_BYTES);
        assertThat(mixed).isNotEqualTo(after);
        assertThatThrownBy(() -> spansOf(mixed)).isInstanceOf(AssertionError.class).hasMessageContaining("the image");
    }

    @Test
    void aWriteThatIsMissingIsSeen() throws IOException {
        assertThat(spansOf(before)).noneMatch(span -> span.has(WRITES));
    }

    @Test
    void aByteThatNobodyWroteIsNoStateAtAll() {
        byte[] wrong = disk.clone();
        wrong[lastBlock * Ledger.BLOCK_BYTES + 2000] ^= 1;
        assertThatThrownBy(() -> spansOf(wrong)).isInstanceOf(AssertionError.class);
    }
}
