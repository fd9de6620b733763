package io.backhaul.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The bytes in {@code golden/} were made by another program, from the specification; they never change. */
class GoldenBytesTest {
    private static final ByteBufAllocator ALLOCATOR = UnpooledByteBufAllocator.DEFAULT;
    private static final UUID MACHINE = UUID.fromString("00112233-4455-6677-8899-aabbccddeeff");
    private static final UUID REPLICA = UUID.fromString("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0");
    private static final long TIME = 1_700_000_000_000_000L;
    private static final byte[] LZ4_OF_64_A = HexFormat.of().parseHex("1f41010027504141414141");

    static Map<String, Object> goldens() {
        byte[] digests = HexFormat.of()
                .parseHex("101112131415161718191a1b1c1d1e1f00000000000000000000000000000000");
        var disks = List.of(new DiskInfo(0, "wwn-0x5000c500a1b2c3d4", 1L << 30, 512),
                new DiskInfo(1, "datenträger", 1L << 40, 4096));
        var writes = List.of(new SampleFrames.Write(0, 4096, 8, false), new SampleFrames.Write(1, 65536, 1 << 20, true),
                new SampleFrames.Write(0, 512, 5, false));
        return Map.ofEntries(Map.entry("HELLO", new Hello(MACHINE, 3, 1, 1, "backhaul 0.1")),
                Map.entry("WELCOME", new Welcome(MACHINE, at(3, 41), at(3, 17), 1, 2000, 64L << 20)),
                Map.entry("REFUSAL", new Refusal(MACHINE, 4, 1500, "generation 2 after 3")),
                Map.entry("POSITIONS",
                        new Positions(MACHINE, at(3, 50), at(3, 41), at(3, 40), at(3, 17), at(2, 9))),
                Map.entry("CREDIT", new Credit(MACHINE, 8L << 20)),
                Map.entry("PING", new Heartbeat(MACHINE, false, 0x0123456789abcdefL)),
                Map.entry("PONG", new Heartbeat(MACHINE, true, 0x0123456789abcdefL)),
                Map.entry("DIGEST_REQUEST", new DigestRequest(MACHINE, at(3, 17), 7, 1, 65536,
                        List.of(new DigestRequest.Run(32, 2), new DigestRequest.Run(1L << 32, 1)))),
                Map.entry("DIGESTS",
                        new Digests(MACHINE, 7, Digests.Status.SOME, 1, REPLICA, ByteBuffer.wrap(digests))),
                Map.entry("RESEND",
                        new Resend(MACHINE, at(3, 17),
                                List.of(new Resend.Extent(1, 65536, 8192), new Resend.Extent(0, 1L << 40, 1 << 20)))),
                Map.entry("GENERATION",
                        new GenerationStart(MACHINE, 4, TIME, at(3, 17), Fidelity.CATCH_UP,
                                UUID.fromString("f0e0d0c0-b0a0-9080-7060-5040302010ff"), "web-1", disks)),
                Map.entry("FIDELITY", new FidelityChange(MACHINE, at(4, 9), TIME + 1, Fidelity.ORDERED, REPLICA)),
                Map.entry("MARK", new Mark(MACHINE, at(4, 10), TIME + 2, Mark.Kind.USER, "before the upgrade")),
                Map.entry("WRITES-raw", new SampleFrames.Writes(MACHINE, at(4, 11), TIME + 3, false, writes,
                        ByteBuffer.wrap("ABCDEFGHhello".getBytes(StandardCharsets.US_ASCII)))));
    }

    private static Position at(long generation, long sequence) {
        return new Position(generation, sequence);
    }

    static Stream<String> names() {
        return goldens().keySet().stream().sorted();
    }

    @ParameterizedTest
    @MethodSource("names")
    void each_frame_is_written_as_the_golden_bytes_and_read_from_them(String name) throws Exception {
        Object body = goldens().get(name);
        byte[] golden = Bytes.golden(name);
        assertThat(body).isNotNull();
        if (body != null) {
            assertThat(HexFormat.of().formatHex(Bytes.of(new SampleFrames(() -> 0, ALLOCATOR).frame(body))))
                    .isEqualTo(HexFormat.of().formatHex(golden));
        }
        assertThat(decoded(golden)).isEqualTo(body);
    }

    private static Object decoded(byte[] bytes) throws MalformedBodyException {
        try (FrameDecoder decoder = new FrameDecoder(ALLOCATOR)) {
            if (decoder.next(Unpooled.wrappedBuffer(bytes)) instanceof Decoded.Intact(Frame frame)) {
                Object read = SampleFrames.read(frame);
                frame.release();
                return read;
            }
            throw new AssertionError("not intact");
        }
    }

    @Test
    void a_compressed_batch_is_written_as_the_golden_bytes_and_read_from_them() throws Exception {
        byte[] plain = "A".repeat(64).getBytes(StandardCharsets.US_ASCII);
        var writes = new SampleFrames.Writes(MACHINE, at(4, 14), TIME + 4, true,
                List.of(new SampleFrames.Write(0, 0, 64, false)), ByteBuffer.wrap(plain));
        Frame frame = new SampleFrames(() -> 0, ALLOCATOR).frame(writes, (from, to) -> {
            assertThat(from.remaining()).isEqualTo(64);
            assertThat(to.remaining()).isEqualTo(63);
            to.put(LZ4_OF_64_A);
            return LZ4_OF_64_A.length;
        });
        assertThat(frame.isCompressed()).isTrue();
        assertThat(frame.isReconciled()).isTrue();
        assertThat(HexFormat.of().formatHex(Bytes.of(frame)))
                .isEqualTo(HexFormat.of().formatHex(Bytes.golden("WRITES-lz4")));
        assertThat(decoded(Bytes.golden("WRITES-lz4"))).isEqualTo(new SampleFrames.Writes(MACHINE, at(4, 14), TIME + 4,
                true, writes.records(), ByteBuffer.wrap(LZ4_OF_64_A)));
    }

    @Test
    void there_are_golden_bytes_for_every_type() {
        assertThat(Stream.concat(names(), Stream.of("WRITES-lz4")).map(name -> name.replaceFirst("-.*", ""))
                .collect(Collectors.toSet()))
                .isEqualTo(Stream.of(FrameType.values()).map(Enum::name).collect(Collectors.toSet()));
    }

    @Test
    void the_numbers_of_types_faults_and_roles_never_change() {
        assertThat(Stream.of(FrameType.values()).map(type -> type + " " + type.code())).containsExactly("HELLO 1",
                "WELCOME 2", "REFUSAL 3", "POSITIONS 4", "CREDIT 5", "PING 6", "PONG 7", "DIGEST_REQUEST 8",
                "DIGESTS 9", "RESEND 10", "GENERATION 32", "FIDELITY 33", "MARK 34", "WRITES 35");
        assertThat(Stream.of(FrameType.values())).allMatch(type -> FrameType.ofCode(type.code()) == type);
        assertThat(Stream.of(FaultCode.values()).map(FaultCode::number)).doesNotHaveDuplicates();
        assertThat(Stream.of(Role.values()).map(Role::label)).containsExactly("source", "process-server",
                "master-target", "management", "operator");
    }
}
