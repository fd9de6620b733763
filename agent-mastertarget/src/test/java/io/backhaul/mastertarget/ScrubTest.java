package io.backhaul.mastertarget;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.log.CrashVolume;
import io.backhaul.mastertarget.RetentionPolicy.Stand;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Resend;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What rots is found, named and kept from doing harm. */
final class ScrubTest {
    private static final long SECOND = 1_000_000_000L;
    private static final int FLIPS = Integer.getInteger("flips", 10);

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

    /** As {@link #write}, with stretches that are no points, within a generation and between two. */
    private static void writeWithGaps(TargetFixture fixture, Random random) {
        for (int i = 0; i < 6; i++) {
            if (random.nextInt(4) == 0) {
                fixture.source.generation(fixture.source.last(), fixture.source.last(), Fidelity.CATCH_UP);
            } else if (random.nextInt(2) == 0) {
                fixture.source.fidelity(Fidelity.CATCH_UP);
            }
            write(fixture);
            if (fixture.source.fidelity() != Fidelity.ORDERED) {
                fixture.source.fidelity(Fidelity.ORDERED);
            }
            write(fixture);
        }
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

    @ParameterizedTest
    @CsvSource({"journal, OLDEST", "index, OLDEST", "journal, NEWEST", "index, NEWEST", "undo, NEWEST"})
    void anyFlippedByteIsFoundAndWhatIsOfferedIsTrue(String folder, Stand stand) throws IOException {
        for (int seed = 0; seed < FLIPS; seed++) {
            TargetFixture fixture = machine(seed, stand);
            List<Position> before = fixture.offered();
            String file = flip(fixture, folder, new Random(seed));
            String when = "seed " + seed + ", " + file;
            assertThat(fixture.scrub()).as(when).extracting(MachineStatus.Damage::file).containsExactly(file);
            assertThat(fixture.faults.recent()).as(when).filteredOn(fault -> fault.code() == FaultCode.STORE_CORRUPT)
                    .extracting(FaultLog.Fault::subject).containsExactly(file + " of " + fixture.source.machine);
            assertThat(before).as(when).containsAll(fixture.offered());
            fixture.assertOfferedPointsAreTrue(when);
            if (folder.equals("index")) {
                assertThat(fixture.offered()).as(when).isEqualTo(before);
                assertThat(fixture.scrub()).as(when).isEmpty();
            }
            write(fixture);
            assertThat(fixture.source.told()).as(when).isEqualTo(fixture.source.last());
            fixture.assertOfferedPointsAreTrue(when);
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
        List<MachineStatus.Damage> found = fixture.scrub();
        assertThat(found).hasSize(1);
        List<Position> left = fixture.offered();
        assertThat(left).isNotEmpty().doesNotContain(fixture.source.last());
        fixture.crash(true);
        fixture.start();
        fixture.world.pass(5 * SECOND);
        assertThat(fixture.machine.status().scrub().damaged()).isEqualTo(found);
        assertThat(fixture.offered()).isEqualTo(left);
        assertThat(fixture.tryView(new PointName.At(fixture.source.last()))).asString().contains("backhaul resync");
        fixture.machine.changeRetention(new RetentionPolicy(Stand.NEWEST, Duration.ofDays(1), Long.MAX_VALUE));
        fixture.world.pass(5 * SECOND);
        assertThat(fixture.machine.status().base()).isEqualTo(left.getLast());
        fixture.source.close();
    }

    /** Changes some bytes anywhere in the journal, but for the sync marks of its newest file. */
    private static String garble(TargetFixture fixture, Random random) throws IOException {
        CrashVolume files = fixture.volume.folder("journal");
        List<String> names = files.list("");
        String name = names.get(random.nextInt(names.size()));
        byte[] bytes = files.bytes(name);
        int least = name.equals(names.getLast()) ? 1536 : 0;
        int from = least + random.nextInt(bytes.length - least);
        int to = Math.min(bytes.length, from + 1 + random.nextInt(random.nextBoolean() ? 1 : 6000));
        for (int i = from; i < to; i++) {
            bytes[i] ^= (byte) (1 + random.nextInt(255));
        }
        files.put(name, bytes);
        return name + " from " + from + " to " + to;
    }

    @ParameterizedTest
    @CsvSource({"OLDEST, false", "NEWEST, false", "OLDEST, true", "NEWEST, true"})
    void aStartOpensWhatIsDamagedAndOffersWhatIsTrue(Stand stand, boolean withoutIndex) throws IOException {
        for (int seed = 0; seed < FLIPS; seed++) {
            TargetFixture fixture = machine(seed, stand);
            writeWithGaps(fixture, new Random(seed));
            List<Position> before = fixture.offered();
            fixture.crash(false);
            String when = "seed " + seed + ", " + garble(fixture, new Random(seed));
            if (withoutIndex) {
                CrashVolume index = fixture.volume.folder("index");
                for (String name : index.list("")) {
                    index.delete(name);
                }
            }
            fixture.start();
            fixture.world.pass(30 * SECOND);
            assertThat(fixture.machine.status().state()).as(when).isEqualTo("LIVE");
            fixture.scrub();
            assertThat(before).as(when).containsAll(fixture.offered());
            fixture.assertOfferedPointsAreTrue(when);
            write(fixture);
            assertThat(fixture.source.told()).as(when).isEqualTo(fixture.source.last());
            fixture.assertOfferedPointsAreTrue(when + ", written on");
            fixture.crash(false);
            fixture.start();
            fixture.world.pass(30 * SECOND);
            fixture.assertOfferedPointsAreTrue(when + ", started once more");
            fixture.source.heeding = true;
            fixture.world.pass(100 * SECOND);
            write(fixture);
            assertThat(fixture.machine.points().newest()).as(when).isEqualTo(fixture.source.last());
            fixture.assertOfferedPointsAreTrue(when + ", sent again");
            fixture.source.close();
        }
    }

    @Test
    void whatIsSentAnewTakesThePlaceOfWhatIsDamaged() throws IOException {
        TargetFixture fixture = machine(2, Stand.OLDEST);
        rotBody(fixture);
        assertThat(fixture.scrub()).hasSize(1);
        Position damagedUpTo = fixture.machine.points().newest();
        fixture.source.generation(fixture.source.last(), Position.NONE, Fidelity.BASELINE);
        fixture.source.everything();
        fixture.source.fidelity(Fidelity.ORDERED);
        Position again = fixture.source.last();
        write(fixture);
        fixture.world.pass(10 * SECOND);
        assertThat(fixture.machine.points().intervals()).extracting(RecoveryPoints.Interval::from).contains(again);
        assertThat(fixture.machine.points().newest()).isEqualTo(fixture.source.last());
        fixture.assertOfferedPointsAreTrue("sent anew");
        assertThat(fixture.machine.status().base()).isLessThanOrEqualTo(damagedUpTo);
        fixture.machine.changeRetention(new RetentionPolicy(Stand.OLDEST, Duration.ofSeconds(1), 1));
        fixture.world.pass(20 * SECOND);
        assertThat(fixture.machine.status().base()).isGreaterThanOrEqualTo(again);
        assertThat(fixture.machine.status().scrub().damaged()).isEmpty();
        assertThat(fixture.volume.exists(DamageFile.NAME)).isFalse();
        assertThat(fixture.faults.recent()).filteredOn(fault -> fault.code() == FaultCode.STORE_CORRUPT)
                .noneMatch(FaultLog.Fault::standing);
        fixture.assertOfferedPointsAreTrue("folded");
        fixture.source.close();
    }

    @Test
    void whatTheNewestPointLacksIsAskedForAndPointsBeginAgainThoughNobodyWrites() throws IOException {
        TargetFixture twin = machine(2, Stand.OLDEST);
        rotBody(twin);
        List<String> lacking = twin.damagedChunks();
        twin.source.close();
        TargetFixture fixture = machine(2, Stand.OLDEST);
        rotBody(fixture);
        fixture.source.heeding = true;
        Position before = fixture.source.last();
        assertThat(fixture.scrub()).hasSize(1);
        assertThat(fixture.source.resends()).singleElement().satisfies(resend -> {
            assertThat(resend.needing()).isEqualTo(before);
            assertThat(chunks(resend)).as("chunks asked for").containsExactlyElementsOf(lacking);
        });
        assertThat(fixture.machine.status().scrub().asked().bytes())
                .isEqualTo(fixture.source.resends().getFirst().bytes());
        fixture.world.pass(10 * SECOND);
        assertThat(fixture.machine.points().newest()).isEqualTo(fixture.source.last()).isGreaterThan(before);
        fixture.assertOfferedPointsAreTrue("healed");
        write(fixture);
        fixture.world.pass(100 * SECOND);
        assertThat(fixture.source.resends()).as("once is enough").hasSize(1);
        fixture.assertOfferedPointsAreTrue("went on");
        fixture.source.close();
    }

    @ParameterizedTest
    @CsvSource({"OLDEST", "NEWEST"})
    void whateverRotsInTheJournalHealsUpToTheNewestPoint(Stand stand) throws IOException {
        int healed = 0;
        for (int seed = 0; seed < FLIPS; seed++) {
            TargetFixture fixture = machine(seed, stand);
            fixture.source.heeding = true;
            String when = "seed " + seed + ", " + flip(fixture, "journal", new Random(seed));
            fixture.scrub();
            write(fixture);
            fixture.world.pass(60 * SECOND);
            assertThat(fixture.machine.points().newest()).as(when).isEqualTo(fixture.source.last());
            fixture.assertOfferedPointsAreTrue(when);
            healed += fixture.source.resends().size();
            fixture.source.close();
        }
        assertThat(healed).isGreaterThan(stand == Stand.OLDEST ? FLIPS / 3 : -1);
    }

    @Test
    void itIsAskedAgainEveryHalfMinuteAsLongAsItIsNeededAndInOrder() throws IOException {
        TargetFixture fixture = machine(2, Stand.OLDEST);
        rotBody(fixture);
        fixture.scrub();
        fixture.world.pass(120 * SECOND);
        assertThat(fixture.source.resends()).hasSizeBetween(4, 7).allMatch(fixture.source.resends().getFirst()::equals);
        fixture.source.fidelity(Fidelity.CATCH_UP);
        fixture.source.send();
        fixture.world.pass(SECOND);
        int asked = fixture.source.resends().size();
        fixture.world.pass(120 * SECOND);
        assertThat(fixture.source.resends()).as("while there is no order").hasSize(asked);
        fixture.source.everything();
        fixture.source.fidelity(Fidelity.ORDERED);
        fixture.source.send();
        fixture.world.pass(120 * SECOND);
        assertThat(fixture.source.resends()).as("when all has been written anew").hasSize(asked);
        fixture.source.close();
    }

    @Test
    void itIsAskedAtOnceWhereNobodyWasThereToAsk() throws IOException {
        TargetFixture fixture = machine(2, Stand.OLDEST);
        fixture.source.hangUp();
        fixture.world.pass(SECOND);
        rotBody(fixture);
        fixture.scrub();
        assertThat(fixture.machine.status().scrub().asked().micros()).isZero();
        fixture.source.connect(fixture.machine);
        fixture.world.pass(6 * SECOND);
        assertThat(fixture.source.resends()).hasSize(1);
        fixture.source.close();
    }

    @Test
    void whatTheBaseDisksHoldIsNotAskedFor() throws IOException {
        TargetFixture fixture = machine(2, Stand.NEWEST);
        rotBody(fixture);
        assertThat(fixture.scrub()).hasSize(1);
        fixture.world.pass(60 * SECOND);
        assertThat(fixture.source.resends()).isEmpty();
        assertThat(fixture.machine.points().newest()).isEqualTo(fixture.source.last());
        fixture.source.close();
    }

    /** By disk and number of the chunk. */
    private static List<String> chunks(Resend resend) {
        TreeSet<String> chunks = new TreeSet<>();
        for (Resend.Extent extent : resend.extents()) {
            for (long chunk = extent.offset() / 4096; chunk * 4096 < extent.end(); chunk++) {
                chunks.add("%d:%02d".formatted(extent.disk(), chunk));
            }
        }
        return List.copyOf(chunks);
    }

    @Test
    void aComparisonIsToldThatADamagedChunkDiffers() throws IOException {
        TargetFixture fixture = machine(2, Stand.OLDEST);
        rotBody(fixture);
        assertThat(fixture.damagedChunks()).hasSizeBetween(1, 7);
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
        long bytes = fixture.machine.status().store().journalBytes()
                + (long) TargetFixture.DISKS * TargetFixture.DISK_BYTES;
        assertThat(fixture.machine.status().scrub().endedMicros()).isZero();
        fixture.world.pass(60 * SECOND);
        assertThat(fixture.machine.status().scrub().running()).isTrue();
        long passNanos = bytes * SECOND / (4 << 10) + 5 * SECOND;
        fixture.world.pass(passNanos);
        long first = fixture.machine.status().scrub().endedMicros();
        assertThat(first).isPositive();
        fixture.world.pass(600 * SECOND + passNanos);
        assertThat(fixture.machine.status().scrub().endedMicros()).isGreaterThan(first);
        fixture.source.close();
    }

    @Test
    void whatIsWholeIsFoundWhole() {
        TargetFixture fixture = machine(1, Stand.NEWEST);
        assertThat(fixture.scrub()).isEmpty();
        assertThat(fixture.machine.status().scrub().doneBytes())
                .isEqualTo(fixture.machine.status().scrub().totalBytes());
        fixture.source.close();
    }
}
