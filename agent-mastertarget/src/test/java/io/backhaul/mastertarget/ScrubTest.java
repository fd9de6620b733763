package io.backhaul.mastertarget;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.log.CrashVolume;
import io.backhaul.mastertarget.RetentionPolicy.Stand;
import io.backhaul.protocol.DigestRequest;
import io.backhaul.protocol.Digests;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.Limits;
import io.backhaul.protocol.Position;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What rots is found, named and kept from doing harm. */
final class ScrubTest {
    private static final long SECOND = 1_000_000_000L;
    private static final int FLIPS = Integer.getInteger("flips", 10);
    private static final int POINTS = 12;

    /** A machine with several segments, runs of several levels and, where the base follows, files of old content. */
    private static TargetFixture machine(long seed, Stand stand) {
        TargetFixture fixture = new TargetFixture(new Random(seed));
        fixture.policy = new RetentionPolicy(stand, Duration.ofDays(1),
                stand == Stand.NEWEST ? 1_200_000 : Long.MAX_VALUE);
        fixture.segmentBytes = 32 << 10;
        fixture.start();
        fixture.world.pass(SECOND);
        fixture.source.generation(Position.NONE, Position.NONE, Fidelity.BASELINE);
        fixture.source.everything();
        fixture.source.fidelity(Fidelity.ORDERED);
        for (int i = 0; i < 10; i++) {
            write(fixture);
        }
        assertThat(fixture.source.told()).isEqualTo(fixture.source.last());
        return fixture;
    }

    private static void write(TargetFixture fixture) {
        for (int i = 0; i < 5; i++) {
            fixture.source.writes(8);
        }
        fixture.source.mark();
        fixture.source.send();
        fixture.world.pass(3 * SECOND);
    }

    private static List<MachineStatus.Damage> scrub(TargetFixture fixture) {
        List<MachineStatus.Damage> found = new ArrayList<>();
        List<String> ended = new ArrayList<>();
        fixture.machine.scrub(new MasterTargetMachine.ScrubOutcome() {
            @Override
            public void done(long bytes, List<MachineStatus.Damage> damaged) {
                assertThat(bytes).isPositive();
                found.addAll(damaged);
                ended.add("done");
            }

            @Override
            public void failed(String why) {
                ended.add(why);
            }
        });
        fixture.world.pass(60 * SECOND);
        assertThat(ended).containsExactly("done");
        return found;
    }

    /** Flips a bit of a byte anywhere in a file of the folder; answers in which. */
    private static String flip(TargetFixture fixture, String folder, Random random) throws IOException {
        CrashVolume files = fixture.volume.folder(folder);
        List<String> names = files.list("");
        String name = names.get(random.nextInt(names.size()));
        byte[] bytes = files.bytes(name);
        bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
        files.put(name, bytes);
        return folder + "/" + name;
    }

    private static void assertOfferedPointsAreTrue(TargetFixture fixture, String when) throws IOException {
        List<Position> offered = offered(fixture);
        assertThat(fixture.source.oracle.points(fixture.source.last())).as(when).containsAll(offered);
        Random some = new Random(offered.size());
        for (int i = 0; i < Math.min(offered.size(), POINTS); i++) {
            Position point = i == 0 ? offered.getFirst()
                    : i == 1 ? offered.getLast() : offered.get(some.nextInt(offered.size()));
            assertThat(Oracle.same(fixture.readAt(point), fixture.source.oracle.stateAt(point)))
                    .as("%s: %s", when, point).isTrue();
        }
    }

    private static List<Position> offered(TargetFixture fixture) {
        List<Position> offered = new ArrayList<>();
        for (RecoveryPoints.Interval interval : fixture.machine.points().intervals()) {
            for (Position at = interval.from(); interval.to().isAtLeast(at); at = at.plus(1)) {
                offered.add(at);
            }
        }
        return offered;
    }

    @ParameterizedTest
    @CsvSource({"journal, OLDEST", "index, OLDEST", "journal, NEWEST", "index, NEWEST", "undo, NEWEST"})
    void anyFlippedByteIsFoundAndWhatIsOfferedIsTrue(String folder, Stand stand) throws IOException {
        for (int seed = 0; seed < FLIPS; seed++) {
            TargetFixture fixture = machine(seed, stand);
            List<Position> before = offered(fixture);
            String file = flip(fixture, folder, new Random(seed));
            String when = "seed " + seed + ", " + file;
            assertThat(scrub(fixture)).as(when).extracting(MachineStatus.Damage::file).containsExactly(file);
            assertThat(fixture.faults.recent()).as(when).filteredOn(fault -> fault.code() == FaultCode.STORE_CORRUPT)
                    .extracting(FaultLog.Fault::subject).containsExactly(file + " of " + fixture.source.machine);
            assertThat(before).as(when).containsAll(offered(fixture));
            assertOfferedPointsAreTrue(fixture, when);
            if (folder.equals("index")) {
                assertThat(offered(fixture)).as(when).isEqualTo(before);
                assertThat(scrub(fixture)).as(when).isEmpty();
            }
            write(fixture);
            assertThat(fixture.source.told()).as(when).isEqualTo(fixture.source.last());
            assertOfferedPointsAreTrue(fixture, when);
            if (stand == Stand.NEWEST) {
                assertThat(fixture.machine.points().newest()).as(when).isEqualTo(fixture.source.last());
            }
            fixture.source.close();
        }
    }

    /** Flips a bit in the body of the last frame of the last whole segment. */
    private static void rotBody(TargetFixture fixture) throws IOException {
        CrashVolume files = fixture.volume.folder("journal");
        List<String> names = files.list("");
        String name = names.get(names.size() - 2);
        byte[] bytes = files.bytes(name);
        bytes[bytes.length - 600] ^= 1;
        files.put(name, bytes);
    }

    @Test
    void whatIsDamagedIsKnownAfterAStartAndIsNoMoreOnceItIsGone() throws IOException {
        TargetFixture fixture = machine(2, Stand.OLDEST);
        rotBody(fixture);
        List<MachineStatus.Damage> found = scrub(fixture);
        assertThat(found).hasSize(1);
        List<Position> left = offered(fixture);
        assertThat(left).isNotEmpty().doesNotContain(fixture.source.last());
        fixture.crash(true);
        fixture.start();
        fixture.world.pass(5 * SECOND);
        assertThat(fixture.machine.status().scrub().damaged()).isEqualTo(found);
        assertThat(offered(fixture)).isEqualTo(left);
        assertThat(fixture.tryView(new PointName.At(fixture.source.last()))).asString().contains("backhaul resync");
        fixture.machine.changeRetention(new RetentionPolicy(Stand.NEWEST, Duration.ofDays(1), Long.MAX_VALUE));
        fixture.world.pass(5 * SECOND);
        assertThat(fixture.machine.status().base()).isEqualTo(left.getLast());
        fixture.source.close();
    }

    @Test
    void whatIsSentAnewTakesThePlaceOfWhatIsDamaged() throws IOException {
        TargetFixture fixture = machine(2, Stand.OLDEST);
        rotBody(fixture);
        assertThat(scrub(fixture)).hasSize(1);
        Position damagedUpTo = fixture.machine.points().newest();
        fixture.source.generation(fixture.source.last(), Position.NONE, Fidelity.BASELINE);
        fixture.source.everything();
        fixture.source.fidelity(Fidelity.ORDERED);
        Position again = fixture.source.last();
        write(fixture);
        fixture.world.pass(10 * SECOND);
        assertThat(fixture.machine.points().intervals()).extracting(RecoveryPoints.Interval::from).contains(again);
        assertThat(fixture.machine.points().newest()).isEqualTo(fixture.source.last());
        assertOfferedPointsAreTrue(fixture, "sent anew");
        assertThat(fixture.machine.status().base()).isLessThanOrEqualTo(damagedUpTo);
        fixture.machine.changeRetention(new RetentionPolicy(Stand.OLDEST, Duration.ofSeconds(1), 1));
        fixture.world.pass(20 * SECOND);
        assertThat(fixture.machine.status().base()).isGreaterThanOrEqualTo(again);
        assertThat(fixture.machine.status().scrub().damaged()).isEmpty();
        assertThat(fixture.volume.exists(DamageFile.NAME)).isFalse();
        assertThat(fixture.faults.recent()).filteredOn(fault -> fault.code() == FaultCode.STORE_CORRUPT)
                .noneMatch(FaultLog.Fault::standing);
        assertOfferedPointsAreTrue(fixture, "folded");
        fixture.source.close();
    }

    @Test
    void aComparisonIsToldThatADamagedChunkDiffers() throws IOException {
        TargetFixture fixture = machine(2, Stand.OLDEST);
        rotBody(fixture);
        int differing = 0;
        for (int disk = 0; disk < TargetFixture.DISKS; disk++) {
            int chunks = TargetFixture.DISK_BYTES / 4096;
            fixture.source.ask(new DigestRequest(fixture.source.machine, fixture.source.last(), 1, disk, 4096,
                    List.of(new DigestRequest.Run(0, chunks))).frame(ByteBufAllocator.DEFAULT));
            fixture.world.pass(SECOND);
            Digests answer = fixture.source.digests().getLast();
            assertThat(answer.status()).isEqualTo(Digests.Status.SOME);
            for (int i = 0; i < chunks; i++) {
                byte[] digest = new byte[Limits.DIGEST_BYTES];
                answer.digests().slice(i * Limits.DIGEST_BYTES, Limits.DIGEST_BYTES).get(digest);
                byte[] nothing = new byte[Limits.DIGEST_BYTES];
                Arrays.fill(nothing, (byte) 0xff);
                differing += Arrays.equals(digest, nothing) ? 1 : 0;
            }
        }
        assertThat(differing).isPositive().isLessThan(8);
        fixture.source.close();
    }

    @Test
    void aPassIsMadeFromTimeToTimeAndGivesWay() {
        TargetFixture fixture = new TargetFixture(new Random(3));
        fixture.scrub = new ScrubPace(Duration.ofMinutes(10), 4 << 10);
        fixture.start();
        fixture.world.pass(SECOND);
        fixture.source.generation(Position.NONE, Position.NONE, Fidelity.BASELINE);
        fixture.source.everything();
        fixture.source.fidelity(Fidelity.ORDERED);
        write(fixture);
        long bytes = fixture.machine.status().store().journalBytes();
        assertThat(fixture.machine.status().scrub().endedMicros()).isZero();
        fixture.world.pass(60 * SECOND);
        assertThat(fixture.machine.status().scrub().running()).isTrue();
        fixture.world.pass(bytes * SECOND / (4 << 10) + 5 * SECOND);
        long first = fixture.machine.status().scrub().endedMicros();
        assertThat(first).isPositive();
        fixture.world.pass(630 * SECOND);
        assertThat(fixture.machine.status().scrub().endedMicros()).isGreaterThan(first);
        fixture.source.close();
    }

    @Test
    void whatIsWholeIsFoundWhole() {
        TargetFixture fixture = machine(1, Stand.NEWEST);
        assertThat(scrub(fixture)).isEmpty();
        assertThat(fixture.machine.status().scrub().doneBytes())
                .isEqualTo(fixture.machine.status().scrub().totalBytes());
        fixture.source.close();
    }
}
