package io.backhaul.mastertarget;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.log.StoreException;
import io.backhaul.mastertarget.RetentionPolicy.Stand;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What rots on a base disk is found, never given out, and healed; and nothing else is said to have rotted. */
final class BaseRotTest {
    private static final long SECOND = 1_000_000_000L;
    private static final int FLIPS = Integer.getInteger("flips", 10);

    /** A machine whose base disks hold something, with points before and behind it. */
    private static TargetFixture machine(long seed, Stand stand) {
        TargetFixture fixture = new TargetFixture(new Random(seed));
        fixture.policy = new RetentionPolicy(stand, Duration.ofDays(1), stand == Stand.NEWEST ? 1_200_000 : 300_000);
        fixture.segmentBytes = 32 << 10;
        fixture.start();
        fixture.world.pass(SECOND);
        fixture.source.generation(Position.NONE, Position.NONE, Fidelity.BASELINE);
        fixture.source.writes(30);
        fixture.source.everything();
        fixture.source.fidelity(Fidelity.ORDERED);
        for (int i = 0; i < 6; i++) {
            write(fixture);
        }
        assertThat(fixture.source.told()).isEqualTo(fixture.source.last());
        return fixture;
    }

    private static void write(TargetFixture fixture) {
        for (int i = 0; i < 3; i++) {
            fixture.source.writes(4);
        }
        fixture.source.mark();
        fixture.source.send();
        fixture.world.pass(3 * SECOND);
    }

    private static String flip(TargetFixture fixture, Random random) {
        int disk = random.nextInt(TargetFixture.DISKS);
        int offset = random.nextInt(TargetFixture.DISK_BYTES);
        fixture.disk(disk).flip(offset, random.nextInt(8));
        return "disk-" + disk;
    }

    /** Opens each point that was offered before: it is true, or not to be had. Answers how many can be read. */
    private static int readable(TargetFixture fixture, List<Position> points, String when) {
        int readable = 0;
        for (Position point : points) {
            if (fixture.tryView(new PointName.At(point)) instanceof View view) {
                try (view) {
                    assertThat(Oracle.same(TargetFixture.read(view), fixture.source.oracle.stateAt(point)))
                            .as("%s: %s", when, point).isTrue();
                    readable++;
                } catch (IOException failed) {
                    assertThat(failed).as(when).isInstanceOf(StoreException.class);
                }
            }
        }
        return readable;
    }

    @ParameterizedTest
    @EnumSource(Stand.class)
    void anyFlippedBitIsFoundAndHealsUpToTheNewestPoint(Stand stand) throws IOException {
        int asked = 0;
        for (int seed = 0; seed < FLIPS; seed++) {
            TargetFixture fixture = machine(seed, stand);
            fixture.source.heeding = true;
            List<Position> before = fixture.offered();
            String file = flip(fixture, new Random(seed));
            String when = "seed " + seed + ", " + file;
            readable(fixture, before, when);
            fixture.world.pass(SECOND);
            assertThat(fixture.scrub()).as(when).extracting(MachineStatus.Damage::file).containsExactly(file);
            assertThat(fixture.faults.recent()).as(when).filteredOn(fault -> fault.code() == FaultCode.STORE_CORRUPT)
                    .extracting(FaultLog.Fault::subject).containsExactly(file + " of " + fixture.source.machine);
            fixture.assertOfferedPointsAreTrue(when);
            write(fixture);
            fixture.world.pass(40 * SECOND);
            assertThat(fixture.machine.points().newest()).as(when).isEqualTo(fixture.source.last());
            fixture.assertOfferedPointsAreTrue(when + ", sent again");
            asked += fixture.source.resends().size();
            // All that is older leaves the window.
            fixture.machine.changeRetention(new RetentionPolicy(stand, Duration.ofSeconds(1), 1));
            write(fixture);
            write(fixture);
            fixture.world.pass(40 * SECOND);
            assertThat(fixture.machine.status().scrub().damaged()).as(when).isEmpty();
            assertThat(fixture.volume.exists(DamageFile.NAME)).as(when).isFalse();
            assertThat(fixture.faults.recent()).filteredOn(fault -> fault.code() == FaultCode.STORE_CORRUPT)
                    .noneMatch(FaultLog.Fault::standing);
            assertThat(fixture.scrub()).as(when).isEmpty();
            fixture.assertOfferedPointsAreTrue(when + ", folded");
            fixture.source.close();
        }
        assertThat(asked).isPositive();
    }

    @ParameterizedTest
    @EnumSource(Stand.class)
    void whatRotsAnywhereIsNeverGivenOutAlsoThroughCrashes(Stand stand) throws IOException {
        for (int seed = 100; seed < 100 + FLIPS; seed++) {
            TargetFixture fixture = machine(seed, stand);
            Random random = new Random(seed);
            for (int i = 0; i < 3; i++) {
                List<Position> before = fixture.offered();
                String when = "seed " + seed + ", " + flip(fixture, random);
                fixture.source.heeding = random.nextBoolean();
                fixture.source.writes(6);
                fixture.source.send();
                fixture.world.steps(random.nextInt(200));
                readable(fixture, before, when);
                assertOffered(fixture, when);
                fixture.crash(random.nextBoolean());
                fixture.start();
                fixture.world.pass(random.nextInt(3) * SECOND);
                readable(fixture, before, when + ", started anew");
                fixture.scrub();
                fixture.assertOfferedPointsAreTrue(when + ", read back");
            }
            fixture.source.heeding = true;
            fixture.source.send();
            fixture.world.pass(100 * SECOND);
            write(fixture);
            fixture.world.pass(40 * SECOND);
            assertThat(fixture.machine.points().newest()).as("seed %d", seed).isEqualTo(fixture.source.last());
            fixture.assertOfferedPointsAreTrue("seed " + seed + ", in the end");
            fixture.source.close();
        }
    }

    private static void assertOffered(TargetFixture fixture, String when) {
        assertThat(fixture.source.oracle.points(fixture.source.last())).as(when).containsAll(fixture.offered());
    }

    /** A machine whose oldest points need a sector that nothing has written since. */
    private static TargetFixture withUntouchedSector(Stand stand) {
        TargetFixture fixture = new TargetFixture(new Random(5));
        fixture.policy = new RetentionPolicy(stand, Duration.ofDays(1), Long.MAX_VALUE);
        fixture.start();
        fixture.world.pass(SECOND);
        fixture.source.generation(Position.NONE, Position.NONE, Fidelity.BASELINE);
        fixture.source.at(0, 4096, 8);
        fixture.source.fidelity(Fidelity.ORDERED);
        fixture.source.at(0, 32 << 10, 8);
        fixture.source.mark();
        fixture.source.send();
        fixture.world.pass(5 * SECOND);
        return fixture;
    }

    @ParameterizedTest
    @EnumSource(Stand.class)
    void onlyThePointsGoThatNeedWhatRottedAndItIsKnownAfterAStart(Stand stand) throws IOException {
        TargetFixture fixture = withUntouchedSector(stand);
        List<Position> before = fixture.offered();
        fixture.disk(0).flip(4096 + 700, 3);
        assertThat(fixture.scrub()).extracting(MachineStatus.Damage::file, MachineStatus.Damage::what)
                .containsExactly(org.assertj.core.groups.Tuple.tuple("disk-0",
                        "512 bytes at 4608 of the base disk are not what was written"));
        assertThat(fixture.offered()).isEmpty();
        assertThat(fixture.source.resends()).isNotEmpty().allSatisfy(resend -> {
            assertThat(resend.extents()).hasSize(1);
            assertThat(resend.bytes()).isEqualTo(512);
        });
        fixture.crash(true);
        fixture.start();
        fixture.world.pass(2 * SECOND);
        assertThat(fixture.offered()).isEmpty();
        assertThat(fixture.machine.status().scrub().damaged()).hasSize(1);
        assertThat(fixture.tryView(new PointName.At(before.getLast()))).asString().contains("damaged");
        fixture.source.at(0, 4608, 1);
        Position again = fixture.source.last();
        fixture.source.send();
        fixture.world.pass(6 * SECOND);
        fixture.source.at(0, 0, 1);
        fixture.source.send();
        fixture.world.pass(20 * SECOND);
        assertThat(fixture.offered()).first().isEqualTo(again);
        assertThat(fixture.machine.points().newest()).isEqualTo(fixture.source.last());
        fixture.assertOfferedPointsAreTrue("written again");
        if (stand == Stand.NEWEST) {
            assertThat(fixture.machine.status().scrub().damaged()).extracting(MachineStatus.Damage::what)
                    .containsExactly("512 bytes at 4608 of the base disk had rotted before they could be saved;"
                            + " older points lack them");
            assertThat(fixture.disk(0).bytes()).isEqualTo(fixture.source.content(0));
        }
        fixture.crash(true);
        fixture.start();
        fixture.world.pass(20 * SECOND);
        assertThat(fixture.offered()).contains(fixture.source.last()).doesNotContainAnyElementsOf(before);
        fixture.assertOfferedPointsAreTrue("started anew");
        fixture.source.close();
    }

    @Test
    void aComparisonIsToldThatWhatHasRottedDiffersAlsoBeforeThereArePoints() {
        TargetFixture fixture = new TargetFixture(new Random(6));
        fixture.start();
        fixture.world.pass(SECOND);
        fixture.source.generation(Position.NONE, Position.NONE, Fidelity.BASELINE);
        fixture.source.at(0, 0, 32);
        fixture.source.send();
        fixture.world.pass(SECOND);
        fixture.disk(0).flip(5000, 1);
        assertThat(fixture.damagedChunks()).containsExactly("0:01");
        assertThat(fixture.machine.status().scrub().damaged()).isEmpty();
        fixture.source.close();
    }

    @Test
    void whatADiskHeldBeforeIsLearntByTheFirstPass() throws IOException {
        TargetFixture fixture = new TargetFixture(new Random(7));
        byte[] before = new byte[TargetFixture.DISK_BYTES];
        new Random(8).nextBytes(before);
        for (int i = 0; i < TargetFixture.DISKS; i++) {
            CrashDisk seeded = new CrashDisk(TargetFixture.DISK_BYTES, new Random(9));
            seeded.fill(before);
            fixture.disks.put(i, seeded);
            fixture.source.holds(i, before);
        }
        fixture.start();
        fixture.world.pass(SECOND);
        fixture.source.generation(Position.NONE, Position.NONE, Fidelity.BASELINE);
        fixture.source.at(0, 0, 2);
        fixture.source.fidelity(Fidelity.ORDERED);
        fixture.source.at(1, 0, 2);
        fixture.source.send();
        fixture.world.pass(5 * SECOND);
        assertThat(fixture.scrub()).isEmpty();
        fixture.crash(true);
        fixture.start();
        fixture.world.pass(SECOND);
        fixture.disk(1).flip(40_000, 0);
        assertThat(fixture.scrub()).extracting(MachineStatus.Damage::file).containsExactly("disk-1");
        fixture.source.close();
    }

    @ParameterizedTest
    @EnumSource(Stand.class)
    void aFlippedBitOfTheChecksumsIsFoundAndHealed(Stand stand) throws IOException {
        for (int seed = 0; seed < FLIPS; seed++) {
            TargetFixture fixture = machine(seed, stand);
            fixture.source.heeding = true;
            var folder = fixture.volume.folder("base");
            String name = "disk-" + seed % 2 + ".sums";
            byte[] bytes = folder.bytes(name);
            boolean inHeader = seed % 5 == 0;
            int at = inHeader ? new Random(seed).nextInt(512) : 4096 + new Random(seed).nextInt(bytes.length - 4096);
            bytes[at] ^= 1;
            folder.put(name, bytes);
            fixture.crash(false);
            fixture.start();
            fixture.world.pass(SECOND);
            if (inHeader) {
                assertThat(fixture.machine.status().scrub().damaged()).extracting(MachineStatus.Damage::file)
                        .containsExactly("base/" + name);
                assertThat(fixture.scrub()).isEmpty();
            } else {
                assertThat(fixture.scrub()).extracting(MachineStatus.Damage::file)
                        .containsExactly(name.substring(0, 6));
            }
            fixture.source.send();
            write(fixture);
            fixture.world.pass(40 * SECOND);
            assertThat(fixture.machine.points().newest()).isEqualTo(fixture.source.last());
            fixture.assertOfferedPointsAreTrue("seed " + seed + ", byte " + at);
            fixture.source.close();
        }
    }

    /** Lives without rot, with crashes and failures anywhere: nothing is ever said to be damaged. */
    @ParameterizedTest
    @EnumSource(Stand.class)
    void whatACrashHasLeftHalfWrittenIsNotTakenForRot(Stand stand) throws IOException {
        for (int seed = 200; seed < 200 + FLIPS; seed++) {
            TargetFixture fixture = machine(seed, stand);
            Random random = new Random(seed);
            for (int i = 0; i < 12; i++) {
                fixture.source.writes(1 + random.nextInt(20));
                fixture.source.send();
                fixture.world.steps(random.nextInt(100));
                switch (random.nextInt(5)) {
                    case 0 -> fixture.volume.folder("base").failIn(random.nextInt(6), new IOException("EIO"));
                    case 1 -> fixture.disks.values().forEach(disk -> disk.failIn(random.nextInt(6)));
                    default -> fixture.world.pass(random.nextInt(3) * SECOND);
                }
                fixture.world.steps(random.nextInt(200));
                if (random.nextBoolean()) {
                    fixture.crash(random.nextInt(3) > 0);
                    fixture.start();
                }
                if (random.nextBoolean()) {
                    if (random.nextBoolean()) {
                        // What was cut off cannot be folded again yet.
                        fixture.disks.values().forEach(disk -> disk.failIn(0));
                    } else {
                        fixture.mend();
                    }
                    fixture.world.pass(SECOND);
                    assertThat(fixture.scrub()).as("seed %d, round %d", seed, i).isEmpty();
                }
                fixture.mend();
            }
            fixture.source.send();
            fixture.world.pass(20 * SECOND);
            assertThat(fixture.scrub()).as("seed %d", seed).isEmpty();
            fixture.assertOfferedPointsAreTrue("seed " + seed);
            fixture.source.close();
        }
    }

    @Test
    void aPromotionLeavesNoChecksumsBehindOnceItIsCommitted() {
        TargetFixture fixture = machine(3, Stand.OLDEST);
        promote(fixture, false);
        assertThat(fixture.machine.status().state()).isEqualTo("PROMOTED");
        assertThat(fixture.volume.folder("base").list("")).hasSize(TargetFixture.DISKS);
        promote(fixture, true);
        assertThat(fixture.machine.status().state()).isEqualTo("COMMITTED");
        assertThat(fixture.volume.folder("base").list("")).isEmpty();
        fixture.source.close();
    }

    private static void promote(TargetFixture fixture, boolean commits) {
        fixture.machine.promote(new PointName.Latest(), commits, new MasterTargetMachine.PromotionOutcome() {
            @Override
            public void done(Position position, long foldBytes, long checkedBytes) {
                assertThat(position).isEqualTo(fixture.source.last());
            }

            @Override
            public void failed(String why) {
                throw new AssertionError(why);
            }
        });
        fixture.world.pass(20 * SECOND);
    }

    @Test
    void aSectorThatIsWrittenInPartStaysWrongWhereTheRestHasRotted() throws IOException {
        TargetFixture fixture = withUntouchedSector(Stand.OLDEST);
        var parts = ((MachineState.Serving) fixture.machine.state()).parts();
        BaseDisk base = parts.replica().disks().disk(0);
        base.write(4096 + 10, ByteBuffer.wrap(new byte[]{1, 2, 3}));
        ByteBuffer found = ByteBuffer.allocate(1024);
        base.read(4096, found);
        byte[] expected = Arrays.copyOfRange(fixture.source.content(0), 4096, 5120);
        System.arraycopy(new byte[]{1, 2, 3}, 0, expected, 10, 3);
        assertThat(found.array()).isEqualTo(expected);
        fixture.disk(0).flip(4096 + 300, 2);
        base.write(4096 + 10, ByteBuffer.wrap(new byte[]{4, 5, 6}));
        base.zero(4096 + 700, 400);
        assertThatExceptionOfType(StoreException.class).isThrownBy(() -> base.read(4096, ByteBuffer.allocate(512)));
        base.read(4608, ByteBuffer.allocate(512));
        base.write(4096, ByteBuffer.allocate(512));
        base.read(4096, found.clear());
        fixture.source.close();
    }
}
