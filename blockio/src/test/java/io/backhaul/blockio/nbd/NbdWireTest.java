package io.backhaul.blockio.nbd;

import static io.backhaul.blockio.nbd.NbdNumbers.*;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.blockio.MemoryDevice;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The server against single sentences of the specification, by bytes made by hand. */
@Timeout(60)
class NbdWireTest {
    private static final int SIZE_BYTES = 1 << 20;

    private SocketFolder folder;
    private NbdServer server;
    private ScriptedDevice device;

    @BeforeEach
    void listen() throws Exception {
        folder = new SocketFolder();
        server = NbdServer.listen(folder.socket(), NbdServerOptions.defaults());
        device = new ScriptedDevice(SIZE_BYTES);
        server.export("e", device);
        server.export("fixed", new MemoryDevice(SIZE_BYTES, 512, true));
    }

    @AfterEach
    void close() throws Exception {
        server.close();
        folder.close();
    }

    @ParameterizedTest
    @CsvSource({"1, 134", "3, 10"})
    void theOldWayToNameAnExportGivesSizeFlagsAndPerhapsZeroes(int clientFlags, int replyLength) throws Exception {
        try (Wire wire = new Wire(server.endpoint()).greeted(clientFlags)) {
            wire.option(OPT_EXPORT_NAME, "e".getBytes(StandardCharsets.UTF_8));
            ByteBuffer reply = wire.take(replyLength);
            assertThat(reply.getLong()).isEqualTo(SIZE_BYTES);
            int flags = Short.toUnsignedInt(reply.getShort());
            assertThat(flags & TRANSMIT_HAS_FLAGS).isNotZero();
            assertThat(flags & TRANSMIT_CAN_MULTI_CONN).isNotZero();
            assertThat(flags & TRANSMIT_READ_ONLY).isZero();
            wire.request(CMD_READ, 0, 77, 0, 10);
            assertThat(wire.simple(77)).isZero();
            wire.take(10);
        }
    }

    @Test
    void theOldWayToNameAnUnknownExportEndsTheConnection() throws Exception {
        try (Wire wire = new Wire(server.endpoint()).greeted(3)) {
            wire.option(OPT_EXPORT_NAME, "none".getBytes(StandardCharsets.UTF_8));
            assertThat(wire.ends()).isTrue();
        }
    }

    @Test
    void optionsThatAreUnknownMalformedOrTooLargeAreRefusedAndTheTalkGoesOn() throws Exception {
        try (Wire wire = new Wire(server.endpoint()).greeted(3)) {
            wire.option(4711, new byte[9]);
            assertThat(wire.reply(4711).type()).isEqualTo(REP_ERR_UNSUP);
            wire.option(OPT_LIST, new byte[1]);
            assertThat(wire.reply(OPT_LIST).type()).isEqualTo(REP_ERR_INVALID);
            wire.option(OPT_GO, new byte[3]);
            assertThat(wire.reply(OPT_GO).type()).isEqualTo(REP_ERR_INVALID);
            wire.option(OPT_GO, ByteBuffer.allocate(6).putInt(-1).array());
            assertThat(wire.reply(OPT_GO).type()).isEqualTo(REP_ERR_INVALID);
            wire.option(OPT_GO, Wire.go("none"));
            assertThat(wire.reply(OPT_GO).type()).isEqualTo(REP_ERR_UNKNOWN);
            wire.option(OPT_GO, new byte[100_000]);
            assertThat(wire.reply(OPT_GO).type()).isEqualTo(REP_ERR_TOO_BIG);
            wire.option(OPT_STARTTLS, new byte[0]);
            assertThat(wire.reply(OPT_STARTTLS).type()).isEqualTo(REP_ERR_POLICY);
            wire.option(OPT_SET_META_CONTEXT, Wire.contexts("e", BASE_ALLOCATION));
            assertThat(wire.reply(OPT_SET_META_CONTEXT).type()).isEqualTo(REP_ERR_INVALID);
            wire.option(OPT_INFO, Wire.go("e"));
            assertThat(wire.reply(OPT_INFO).type()).isEqualTo(REP_INFO);
            assertThat(wire.reply(OPT_INFO).type()).isEqualTo(REP_ACK);
            wire.option(OPT_ABORT, new byte[0]);
            assertThat(wire.reply(OPT_ABORT).type()).isEqualTo(REP_ACK);
            assertThat(wire.ends()).isTrue();
        }
    }

    @Test
    void aContextThatWasChosenForOneExportDoesNotHoldForAnother() throws Exception {
        try (Wire wire = new Wire(server.endpoint()).greeted(3)) {
            wire.option(OPT_STRUCTURED_REPLY, new byte[0]);
            wire.reply(OPT_STRUCTURED_REPLY);
            wire.option(OPT_LIST_META_CONTEXT, Wire.contexts("e"));
            assertThat(wire.reply(OPT_LIST_META_CONTEXT).type()).isEqualTo(REP_META_CONTEXT);
            assertThat(wire.reply(OPT_LIST_META_CONTEXT).type()).isEqualTo(REP_ACK);
            wire.option(OPT_SET_META_CONTEXT, Wire.contexts("e", "x:y", BASE_ALLOCATION));
            assertThat(wire.reply(OPT_SET_META_CONTEXT).type()).isEqualTo(REP_META_CONTEXT);
            assertThat(wire.reply(OPT_SET_META_CONTEXT).type()).isEqualTo(REP_ACK);
            wire.option(OPT_GO, Wire.go("fixed"));
            assertThat(wire.reply(OPT_GO).type()).isEqualTo(REP_INFO);
            assertThat(wire.reply(OPT_GO).type()).isEqualTo(REP_ACK);
            wire.request(CMD_BLOCK_STATUS, 0, 1, 0, 512);
            assertThat(error(wire.chunk(1))).isEqualTo(EINVAL);
        }
    }

    @ParameterizedTest
    @CsvSource({
        // command, flags, offset, length, error
        "0, 0, 1048576, 1, 22", "0, 0, -1, 1, 22", "0, 4, 0, 1, 22", "0, 0, 0, 33554433, 22", "3, 0, 0, 0, 0",
        "4, 0, 1048576, 1, 28",
        "4, 0, 0, 4096, 0", "5, 0, 0, 4096, 0", "5, 0, 1048576, 4096, 22", "6, 0, 1048575, 2, 28", "6, 2, 0, 4096, 0",
        "6, 18, 0, 4096, 95",
        "6, 16, 0, 4096, 0", "6, 8, 0, 4096, 22", "7, 0, 0, 4096, 22", "8, 0, 0, 0, 22", "77, 0, 0, 0, 22",
        "0, 0, 0, 0, 0",
        "6, 1, 0, 4294967295, 28"})
    void aCommandIsAnsweredWithItsErrorAndTheConnectionGoesOn(int type, int flags, long offset, long length, int error)
            throws Exception {
        try (Wire wire = new Wire(server.endpoint()).gone("e", false)) {
            wire.request(type, flags, 42, offset, length);
            assertThat(wire.simple(42)).isEqualTo(error);
            wire.request(CMD_FLUSH, 0, 43, 0, 0);
            assertThat(wire.simple(43)).isZero();
            wire.request(CMD_DISC, 0, 44, 0, 0);
            assertThat(wire.ends()).isTrue();
        }
    }

    @Test
    void aWriteThatDoesNotFitIsRefusedWithItsPayloadSkipped() throws Exception {
        try (Wire wire = new Wire(server.endpoint()).gone("e", false)) {
            wire.request(CMD_WRITE, 0, 1, SIZE_BYTES - 10, 300_000);
            wire.send(filled(300_000, 7));
            assertThat(wire.simple(1)).isEqualTo(ENOSPC);
            assertThat(device.writes.get()).isZero();
            wire.request(CMD_WRITE, 0, 2, 0, 10);
            wire.send(filled(10, 7));
            assertThat(wire.simple(2)).isZero();
        }
    }

    @Test
    void aWriteLargerThanTheLimitIsRefusedAndTheConnectionEnds() throws Exception {
        try (Wire wire = new Wire(server.endpoint()).gone("e", false)) {
            wire.request(CMD_WRITE, 0, 1, 0, PAYLOAD_LIMIT_BYTES + 1L);
            assertThat(wire.simple(1)).isEqualTo(EINVAL);
            assertThat(wire.ends()).isTrue();
        }
    }

    @Test
    void nobodyWritesToAReadOnlyExport() throws Exception {
        try (Wire wire = new Wire(server.endpoint()).gone("fixed", false)) {
            wire.request(CMD_WRITE, 0, 1, 0, 10);
            wire.send(filled(10, 7));
            assertThat(wire.simple(1)).isEqualTo(EPERM);
            wire.request(CMD_WRITE_ZEROES, 0, 2, 0, 10);
            assertThat(wire.simple(2)).isEqualTo(EPERM);
            wire.request(CMD_TRIM, 0, 3, 0, 10);
            assertThat(wire.simple(3)).isEqualTo(EPERM);
        }
    }

    @Test
    void forcedUnitAccessFlushesBeforeItAnswers() throws Exception {
        try (Wire wire = new Wire(server.endpoint()).gone("e", false)) {
            wire.request(CMD_WRITE, 0, 1, 0, 10);
            wire.send(filled(10, 7));
            assertThat(wire.simple(1)).isZero();
            assertThat(device.flushes.get()).isZero();
            int expected = 0;
            for (int type : new int[]{CMD_WRITE, CMD_TRIM, CMD_WRITE_ZEROES}) {
                wire.request(type, CMD_FLAG_FUA, 2, 0, 10);
                if (type == CMD_WRITE) {
                    wire.send(filled(10, 7));
                }
                assertThat(wire.simple(2)).isZero();
                assertThat(device.flushes.get()).isEqualTo(++expected);
            }
        }
    }

    @Test
    void zeroesWithoutAHoleAreWrittenAndFastZeroesAreRefusedWhereTheyAreNotFast() throws Exception {
        try (Wire wire = new Wire(server.endpoint()).gone("e", false)) {
            wire.request(CMD_WRITE_ZEROES, CMD_FLAG_NO_HOLE, 1, 0, SIZE_BYTES);
            assertThat(wire.simple(1)).isZero();
            assertThat(device.zeroes.get()).isZero();
            assertThat(device.writes.get()).isPositive();
            device.zeroIsFast = false;
            wire.request(CMD_WRITE_ZEROES, CMD_FLAG_FAST_ZERO, 2, 0, 4096);
            assertThat(wire.simple(2)).isEqualTo(ENOTSUP);
            wire.request(CMD_TRIM, 0, 3, 0, 4096);
            assertThat(wire.simple(3)).isZero();
            assertThat(device.zeroes.get()).isZero();
        }
    }

    @Test
    void aLongStructuredReadTellsHolesAsHolesAndAShortOrUndividedOneDoesNot() throws Exception {
        device.write(256 << 10, filled(10, 7).flip());
        try (Wire wire = new Wire(server.endpoint()).gone("e", true)) {
            wire.request(CMD_READ, 0, 1, 0, 512 << 10);
            Wire.Chunk hole = wire.chunk(1);
            assertThat(hole.type()).isEqualTo(CHUNK_OFFSET_HOLE);
            assertThat(hole.data().getLong()).isZero();
            assertThat(hole.data().getInt()).isEqualTo(256 << 10);
            Wire.Chunk data = wire.chunk(1);
            assertThat(data.type()).isEqualTo(CHUNK_OFFSET_DATA);
            assertThat(data.done()).isFalse();
            assertThat(data.data().getLong()).isEqualTo(256 << 10);
            assertThat(data.data().get()).isEqualTo((byte) 7);
            assertThat(data.data().remaining()).isEqualTo((64 << 10) - 1);
            Wire.Chunk rest = wire.chunk(1);
            assertThat(rest.type()).isEqualTo(CHUNK_OFFSET_HOLE);
            assertThat(rest.done()).isTrue();
            wire.request(CMD_READ, CMD_FLAG_DF, 2, 0, 512 << 10);
            Wire.Chunk whole = wire.chunk(2);
            assertThat(whole.type()).isEqualTo(CHUNK_OFFSET_DATA);
            assertThat(whole.done()).isTrue();
            assertThat(whole.data().remaining()).isEqualTo((512 << 10) + 8);
            wire.request(CMD_READ, 0, 3, 0, 512);
            assertThat(wire.chunk(3).type()).isEqualTo(CHUNK_OFFSET_DATA);
            wire.request(CMD_READ, 0, 4, 0, 0);
            assertThat(wire.chunk(4).type()).isEqualTo(CHUNK_NONE);
        }
    }

    @Test
    void blockStatusJoinsRunsAndTellsOnlyOneIfAskedTo() throws Exception {
        device.write(256 << 10, filled(128 << 10, 7).flip());
        try (Wire wire = new Wire(server.endpoint()).gone("e", true)) {
            wire.request(CMD_BLOCK_STATUS, 0, 1, 1000, SIZE_BYTES - 1000);
            Wire.Chunk all = wire.chunk(1);
            assertThat(all.type()).isEqualTo(CHUNK_BLOCK_STATUS);
            assertThat(all.done()).isTrue();
            all.data().getInt();
            assertThat(all.data().remaining()).isEqualTo(3 * 8);
            assertThat(all.data().getInt()).isEqualTo((256 << 10) - 1000);
            assertThat(all.data().getInt()).isEqualTo(STATE_HOLE | STATE_ZERO);
            assertThat(all.data().getInt()).isEqualTo(128 << 10);
            assertThat(all.data().getInt()).isZero();
            assertThat(all.data().getInt()).isEqualTo(SIZE_BYTES - (384 << 10));
            wire.request(CMD_BLOCK_STATUS, CMD_FLAG_REQ_ONE, 2, 1000, SIZE_BYTES - 1000);
            Wire.Chunk one = wire.chunk(2);
            assertThat(one.data().remaining()).isEqualTo(12);
            wire.request(CMD_BLOCK_STATUS, 0, 3, 0, 0);
            assertThat(error(wire.chunk(3))).isEqualTo(EINVAL);
        }
    }

    @Test
    void anErrorOfAStructuredReadIsAChunkWithTheReason() throws Exception {
        device.failure = new IOException("sector 17 is bad");
        try (Wire wire = new Wire(server.endpoint()).gone("e", true)) {
            wire.request(CMD_READ, 0, 1, 0, 4096);
            Wire.Chunk chunk = wire.chunk(1);
            assertThat(chunk.done()).isTrue();
            assertThat(error(chunk)).isEqualTo(EIO);
            byte[] text = new byte[chunk.data().getShort()];
            chunk.data().get(text);
            assertThat(new String(text, StandardCharsets.UTF_8)).isEqualTo("sector 17 is bad");
            wire.request(CMD_WRITE, 0, 2, 0, 10);
            wire.send(filled(10, 7));
            assertThat(wire.simple(2)).isEqualTo(EIO);
        }
    }

    @Test
    void aRequestThatIsNoneEndsTheConnectionButAnswersWhatCameBefore() throws Exception {
        try (Wire wire = new Wire(server.endpoint()).gone("e", false)) {
            wire.request(CMD_FLUSH, 0, 1, 0, 0);
            wire.send(filled(28, 9));
            assertThat(wire.simple(1)).isZero();
            assertThatThrownBy(() -> wire.take(1)).isInstanceOf(EOFException.class);
        }
    }

    private static int error(Wire.Chunk chunk) {
        assertThat(chunk.type()).isEqualTo(CHUNK_ERROR);
        return chunk.data().getInt();
    }

    private static ByteBuffer filled(int length, int value) {
        ByteBuffer bytes = ByteBuffer.allocate(length);
        while (bytes.hasRemaining()) {
            bytes.put((byte) value);
        }
        return bytes;
    }
}
