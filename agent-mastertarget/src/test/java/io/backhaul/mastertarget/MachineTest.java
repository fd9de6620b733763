package io.backhaul.mastertarget;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.blockio.volume.StoredFile;
import io.backhaul.engine.log.StoreException;
import io.backhaul.mastertarget.RetentionPolicy.Stand;
import io.backhaul.protocol.DigestRequest;
import io.backhaul.protocol.Digests;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.Limits;
import io.backhaul.protocol.Mark;
import io.backhaul.protocol.Position;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a machine does, one thing at a time. */
final class MachineTest {
    private static final long SECOND = 1_000_000_000L;
    private final TargetFixture fixture = new TargetFixture(new Random(42));
    private final SourceModel source = fixture.source;

    @AfterEach
    void end() {
        source.close();
    }

    private void assertNewestIsTheSource() throws IOException {
        byte[][] newest = fixture.readAt(fixture.machine.points().newest());
        assertThat(newest[0]).isEqualTo(source.content(0));
        assertThat(newest[1]).isEqualTo(source.content(1));
    }

    private long journalBytes() {
        return fixture.machine.status().store().journalBytes();
    }

    @Test
    void aBaselineGoesStraightToTheBaseDisks() {
        fixture.start();
        fixture.world.pass(SECOND);
        source.generation(Position.NONE, Position.NONE, Fidelity.BASELINE);
        source.everything();
        fixture.send();
        assertThat(source.told()).isEqualTo(source.last());
        assertThat(fixture.machine.status().base()).isEqualTo(source.last());
        assertThat(fixture.machine.status().store().receivedBytes()).isZero();
        assertThat(fixture.machine.points().intervals()).isEmpty();
        assertThat(fixture.base()[1]).isEqualTo(source.content(1));
    }

    @Test
    void theRecordThatOrdersIsTheFirstPointAndACatchUpEndsTheInterval() {
        fixture.start();
        fixture.world.pass(SECOND);
        source.generation(Position.NONE, Position.NONE, Fidelity.BASELINE);
        source.everything();
        source.fidelity(Fidelity.ORDERED);
        Position first = source.last();
        source.writes(3);
        Position last = source.last();
        source.fidelity(Fidelity.CATCH_UP);
        source.writes(3);
        source.fidelity(Fidelity.ORDERED);
        Position again = source.last();
        fixture.send();
        List<RecoveryPoints.Interval> intervals = fixture.machine.points().intervals();
        assertThat(intervals).extracting(RecoveryPoints.Interval::from).containsExactly(first, again);
        assertThat(intervals).extracting(RecoveryPoints.Interval::to).containsExactly(last, again);
        assertThat(fixture.tryView(new PointName.At(last.plus(1)))).isInstanceOf(String.class);
    }

    @Test
    void earlierPointsStayOfferedWhileTheDisksAreComparedAgain() throws IOException {
        fixture.begin();
        Position before = source.last();
        byte[][] then = source.oracle.stateAt(before);
        source.generation(source.last(), Position.NONE, Fidelity.BASELINE);
        source.everything();
        fixture.write();
        fixture.send();
        assertThat(fixture.machine.points().newest()).isEqualTo(before);
        assertThat(Oracle.same(fixture.readAt(before), then)).isTrue();
    }

    @Test
    void aGenerationOnAnUnknownBasisIsRefused() {
        fixture.begin();
        source.generation(source.last(), source.last().plus(1000), Fidelity.CATCH_UP);
        fixture.send();
        assertThat(source.refusals()).extracting(each -> each.fault()).containsExactly(FaultCode.BASIS_UNKNOWN);
    }

    /** It is of a source that has lost its state since: what has been written in between is not in what it marked. */
    @ParameterizedTest
    @CsvSource({"true, false", "true, true", "false, false", "false, true"})
    void aGenerationBuildsOnNothingThatIsBeforeAStreamThatBeganAnew(boolean ordered, boolean restarted) {
        fixture.begin();
        Position basis = source.last();
        source.generation(basis, Position.NONE, Fidelity.BASELINE);
        source.everything();
        if (ordered) {
            source.fidelity(Fidelity.ORDERED);
        }
        fixture.write();
        fixture.send();
        Position after = source.last();
        assertThat(source.told()).isEqualTo(after);
        if (restarted) {
            fixture.machine.changeRetention(new RetentionPolicy(RetentionPolicy.Stand.NEWEST, Duration.ofDays(1), 1));
            fixture.world.pass(30 * SECOND);
            fixture.crash(true);
            fixture.start();
            fixture.world.pass(SECOND);
        }
        source.generation(after, basis, Fidelity.CATCH_UP);
        fixture.send();
        assertThat(source.refusals()).extracting(each -> each.fault()).containsExactly(FaultCode.BASIS_UNKNOWN);
        assertThat(fixture.machine.positions().received()).isEqualTo(after);
    }

    /** What goes straight to the base disks is in no journal that could say so after a restart. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whereAComparisonBeganOnNothingIsRememberedWithoutAJournal(boolean ordered) {
        fixture.start();
        fixture.world.pass(SECOND);
        source.generation(Position.NONE, Position.NONE, Fidelity.BASELINE);
        source.everything();
        fixture.send();
        Position basis = source.last();
        source.generation(basis, Position.NONE, Fidelity.BASELINE);
        source.everything();
        fixture.send();
        if (ordered) {
            source.fidelity(Fidelity.ORDERED);
            fixture.send();
        }
        Position after = source.last();
        assertThat(source.told()).isEqualTo(after);
        fixture.crash(true);
        fixture.start();
        fixture.world.pass(SECOND);
        source.generation(after, basis, Fidelity.CATCH_UP);
        fixture.send();
        assertThat(source.refusals()).extracting(each -> each.fault()).containsExactly(FaultCode.BASIS_UNKNOWN);
    }

    @Test
    void aStreamThatBeganAnewAndWasGivenUpBeforeItWasDurableCountsNoMore() {
        fixture.begin();
        Position basis = source.last();
        fixture.volume.folder("journal").failIn(0, new IOException("Input/output error"));
        source.generation(basis, Position.NONE, Fidelity.BASELINE);
        fixture.send();
        assertThat(source.told()).isEqualTo(basis);
        source.hangUp();
        source.generation(basis, basis, Fidelity.CATCH_UP);
        source.connect(fixture.machine);
        fixture.world.pass(1);
        fixture.mend();
        source.refusals().clear();
        fixture.send();
        assertThat(source.refusals()).isEmpty();
        assertThat(source.told()).isEqualTo(source.last());
    }

    @Test
    void anOrderThatIsAnotherReplicasIsRefusedAndOffersNothing() {
        fixture.begin();
        source.fidelity(Fidelity.CATCH_UP);
        Position last = source.last();
        source.fidelity(Fidelity.ORDERED, new UUID(1, 2));
        fixture.send();
        assertThat(source.refusals()).extracting(each -> each.fault()).containsExactly(FaultCode.BASIS_UNKNOWN);
        assertThat(fixture.machine.positions().received()).isEqualTo(last);
        assertThat(fixture.machine.points().newest()).isLessThan(last);
    }

    @Test
    void marksTimesAndPositionsNamePoints() throws IOException {
        fixture.begin();
        String label = source.mark();
        Position marked = source.last();
        fixture.send();
        fixture.world.pass(10 * SECOND);
        long between = fixture.world.clock.wallMicros();
        fixture.world.pass(10 * SECOND);
        fixture.write();
        fixture.send();
        for (PointName name : List.of(new PointName.Label(label), new PointName.When(between),
                new PointName.At(marked))) {
            try (View view = fixture.view(name)) {
                assertThat(view.position()).isEqualTo(marked);
            }
        }
        try (View view = fixture.view(new PointName.Latest())) {
            assertThat(view.position()).isEqualTo(source.last());
        }
        assertThat(fixture.tryView(new PointName.Label("nothing"))).asString().contains("nothing");
        assertThat(fixture.tryView(new PointName.When(1))).asString().contains("no recovery point at or before");
    }

    @Test
    void whatHasRottenInTheJournalFailsTheReadAndIsReported() throws IOException {
        fixture.begin();
        for (String segment : fixture.volume.folder("journal").list("")) {
            long end = fixture.volume.folder("journal").bytes(segment).length;
            try (StoredFile file = fixture.volume.folder("journal").open(segment)) {
                for (long at = 4096; at < end; at += 100) {
                    file.write(at, ByteBuffer.wrap(new byte[]{42}));
                }
            }
        }
        View view = fixture.view(new PointName.Latest());
        assertThatThrownBy(() -> TargetFixture.read(view)).isInstanceOf(StoreException.class);
        assertThat(fixture.faults.total(FaultCode.STORE_CORRUPT)).isPositive();
        view.close();
    }

    @Test
    void theBaseFollowsTheNewestPointAndEveryOlderOneStaysOpen() throws IOException {
        fixture.policy = new RetentionPolicy(Stand.NEWEST, Duration.ofDays(1), Long.MAX_VALUE);
        fixture.segmentBytes = 16 << 10;
        fixture.begin();
        Position first = fixture.machine.points().oldest();
        for (int i = 0; i < 10; i++) {
            fixture.write();
            fixture.send();
            assertThat(Oracle.same(fixture.base(), source.oracle.stateAt(source.last()))).isTrue();
        }
        for (int life = 0; life < 3; life++) {
            fixture.world.pass(5 * SECOND);
            assertThat(fixture.machine.status().base()).isEqualTo(source.last());
            assertThat(fixture.machine.points().oldest()).isEqualTo(first);
            for (Position point : source.oracle.points(source.last())) {
                if (point.isAtLeast(first)) {
                    assertThat(Oracle.same(fixture.readAt(point), source.oracle.stateAt(point))).as("%s", point)
                            .isTrue();
                }
            }
            fixture.crash(life == 0);
            fixture.start();
        }
    }

    @Test
    void aWindowWithABaseThatFollowsGetsShorterFromItsOldEnd() throws IOException {
        fixture.policy = new RetentionPolicy(Stand.NEWEST, Duration.ofDays(1), 150_000);
        fixture.segmentBytes = 8 << 10;
        fixture.begin();
        Position first = fixture.machine.points().oldest();
        for (int i = 0; i < 40; i++) {
            source.writes(4);
            fixture.send();
            RecoveryPoints points = fixture.machine.points();
            assertThat(Oracle.same(fixture.readAt(points.oldest()), source.oracle.stateAt(points.oldest()))).isTrue();
        }
        fixture.world.pass(10 * SECOND);
        assertThat(fixture.machine.status().base()).isEqualTo(source.last());
        assertThat(fixture.machine.points().oldest()).isGreaterThan(first).isLessThan(source.last());
        assertThat(journalBytes() + undoBytes()).isLessThan(200_000);
    }

    private long undoBytes() throws IOException {
        long bytes = 0;
        for (String name : fixture.volume.folder("undo").list("")) {
            bytes += fixture.volume.folder("undo").bytes(name).length;
        }
        return bytes;
    }

    @Test
    void aPointThatTheBaseHasPassedIsPromotedAlsoThroughACrash() {
        for (int steps = 0; steps < 24; steps++) {
            TargetFixture other = new TargetFixture(new Random(steps));
            other.policy = new RetentionPolicy(Stand.NEWEST, Duration.ofDays(1), Long.MAX_VALUE);
            promotePassed(other, steps);
            other.source.close();
        }
    }

    private static void promotePassed(TargetFixture other, int steps) {
        SourceModel model = other.source;
        other.start();
        other.world.pass(SECOND);
        model.generation(Position.NONE, Position.NONE, Fidelity.BASELINE);
        model.everything();
        model.fidelity(Fidelity.ORDERED);
        Position point = Position.NONE;
        for (int i = 0; i < 8; i++) {
            model.writes(8);
            point = i == 3 ? model.last() : point;
            model.send();
            other.world.pass(3 * SECOND);
        }
        assertThat(other.machine.status().base()).isEqualTo(model.last());
        Position target = point;
        List<String> refused = new ArrayList<>();
        other.machine.promote(new PointName.At(target), false, new MasterTargetMachine.PromotionOutcome() {
            @Override
            public void done(Position position, long foldBytes, long checkedBytes) {
                assertThat(position).isEqualTo(target);
            }

            @Override
            public void failed(String why) {
                refused.add(why);
            }
        });
        other.world.steps(steps);
        if (other.machine.state() instanceof MachineState.Promoting(var parts, var to)
                && parts.replica().checkpoint().promotion().isFence()) {
            other.crash(steps % 2 == 0);
            other.start();
        }
        other.world.pass(20 * SECOND);
        assertThat(refused).isEmpty();
        assertThat(other.machine.state()).as("after %d steps", steps).isInstanceOf(MachineState.Promoted.class);
        assertThat(Oracle.same(other.base(), model.oracle.stateAt(target))).as("after %d steps", steps).isTrue();
    }

    @Test
    void whatHasRottenInOldContentFailsTheReadAndIsReported() throws IOException {
        fixture.policy = new RetentionPolicy(Stand.NEWEST, Duration.ofDays(1), Long.MAX_VALUE);
        fixture.begin();
        Position first = fixture.machine.points().oldest();
        for (String name : fixture.volume.folder("undo").list("")) {
            long end = fixture.volume.folder("undo").bytes(name).length;
            try (StoredFile file = fixture.volume.folder("undo").open(name)) {
                for (long at = UndoFile.HEADER_BYTES; at < end; at += 50) {
                    file.write(at, ByteBuffer.wrap(new byte[]{42}));
                }
            }
        }
        View view = fixture.view(new PointName.At(first));
        assertThatThrownBy(() -> TargetFixture.read(view)).isInstanceOf(StoreException.class)
                .hasMessageContaining("undo");
        assertThat(fixture.faults.total(FaultCode.STORE_CORRUPT)).isPositive();
        view.close();
    }

    @Test
    void theBaseStaysAtTheLastPointWhileTheStreamIsNoneOfThem() {
        fixture.policy = new RetentionPolicy(Stand.NEWEST, Duration.ofDays(1), Long.MAX_VALUE);
        fixture.begin();
        Position last = source.last();
        source.fidelity(Fidelity.CATCH_UP);
        fixture.write();
        fixture.send();
        assertThat(Oracle.same(fixture.base(), source.oracle.stateAt(last))).isTrue();
        assertThat(fixture.machine.points().newest()).isEqualTo(last);
    }

    @Test
    void aClosedMachineThatFollowsHasEverythingOnItsDisks() {
        fixture.policy = new RetentionPolicy(Stand.NEWEST, Duration.ofDays(1), Long.MAX_VALUE);
        fixture.begin();
        fixture.write();
        source.send();
        fixture.world.steps(20);
        List<String> ended = new ArrayList<>();
        fixture.machine.close(() -> ended.add("ended"));
        fixture.world.pass(30 * SECOND);
        assertThat(ended).hasSize(1);
        Position journaled = source.journaled();
        fixture.crash(true);
        assertThat(source.oracle.points(source.last())).filteredOn(point -> point.isAtLeast(journaled))
                .anyMatch(point -> Oracle.same(fixture.base(), source.oracle.stateAt(point)));
        assertThat(fixture.disks.values()).allMatch(disk -> disk.openings() == 0);
    }

    @Test
    void aMarkThatTheBaseStandsAtIsOfferedAlsoAfterAStart() {
        fixture.policy = new RetentionPolicy(Stand.NEWEST, Duration.ofDays(1), Long.MAX_VALUE);
        fixture.begin();
        String label = source.mark();
        fixture.send();
        fixture.world.pass(5 * SECOND);
        assertThat(fixture.machine.status().base()).isEqualTo(source.last());
        fixture.crash(true);
        fixture.start();
        fixture.world.pass(5 * SECOND);
        assertThat(fixture.machine.points().marks()).extracting(Mark::label).containsExactly(label);
    }

    @Test
    void whoConnectsToAMachineThatIsBeingClosedIsSentAway() {
        fixture.begin();
        fixture.write();
        source.send();
        fixture.world.steps(5);
        List<String> ended = new ArrayList<>();
        fixture.machine.close(() -> ended.add("ended"));
        source.connect(fixture.machine);
        fixture.world.pass(30 * SECOND);
        assertThat(ended).hasSize(1);
        assertThat(source.refusals()).isNotEmpty().allMatch(each -> each.fault() == FaultCode.SHUTTING_DOWN);
    }

    @Test
    void aFoldWritesOnlyTheNewestVersions() {
        fixture.begin();
        for (int i = 0; i < 40; i++) {
            fixture.write();
            fixture.send();
        }
        long before = fixture.disks.values().stream().mapToLong(CrashDisk::writtenBytes).sum();
        fixture.machine.changeRetention(new RetentionPolicy(Stand.NEWEST, Duration.ofDays(1), Long.MAX_VALUE));
        fixture.world.pass(5 * SECOND);
        long written = fixture.disks.values().stream().mapToLong(CrashDisk::writtenBytes).sum() - before;
        assertThat(fixture.machine.status().base()).isEqualTo(source.last());
        assertThat(written).isLessThanOrEqualTo((long) TargetFixture.DISKS * TargetFixture.DISK_BYTES);
    }

    @Test
    void whatIsLongerOrOlderThanThePolicyKeepsIsFolded() {
        fixture.segmentBytes = 16 << 10;
        fixture.begin();
        Position first = fixture.machine.points().oldest();
        for (int i = 0; i < 40; i++) {
            source.writes(4);
            fixture.send();
        }
        fixture.machine.changeRetention(new RetentionPolicy(Stand.OLDEST, Duration.ofDays(1), 100_000));
        fixture.world.pass(20 * SECOND);
        Position second = fixture.machine.points().oldest();
        assertThat(second).isGreaterThan(first);
        assertThat(second).isLessThan(source.last());
        assertThat(journalBytes()).isLessThan(100_000 + (16 << 10));
        fixture.machine.changeRetention(new RetentionPolicy(Stand.OLDEST, Duration.ofMinutes(1), Long.MAX_VALUE));
        fixture.world.pass(90 * SECOND);
        assertThat(fixture.machine.points().oldest()).isGreaterThan(second).isLessThanOrEqualTo(source.last());
    }

    @Test
    void theBaseFollowsPastAnOpenViewThatIsListed() throws IOException {
        fixture.begin();
        Position base = fixture.machine.status().base();
        View view = fixture.view(new PointName.Latest());
        Position held = view.position();
        fixture.write();
        fixture.send();
        fixture.machine.changeRetention(new RetentionPolicy(Stand.NEWEST, Duration.ofDays(1), Long.MAX_VALUE));
        fixture.world.pass(5 * SECOND);
        assertThat(fixture.machine.status().base()).isEqualTo(source.last());
        assertThat(fixture.machine.status().views()).singleElement()
                .isEqualTo(new MachineStatus.OpenView(1, held, base, "test"));
        assertThat(Oracle.same(TargetFixture.read(view), source.oracle.stateAt(held))).isTrue();
        view.close();
        fixture.world.pass(5 * SECOND);
        assertThat(fixture.machine.status().base()).isEqualTo(source.last());
    }

    @Test
    void nothingIsFoldedBeyondThePointWhileAPromotionToItBegins() {
        fixture.begin();
        Position point = source.last();
        fixture.write();
        fixture.send();
        fixture.machine.promote(new PointName.At(point), false, new MasterTargetMachine.PromotionOutcome() {
            @Override
            public void done(Position position, long foldBytes, long checkedBytes) {
                assertThat(position).isEqualTo(point);
            }

            @Override
            public void failed(String why) {
                throw new AssertionError(why);
            }
        });
        fixture.machine.changeRetention(new RetentionPolicy(Stand.NEWEST, Duration.ofDays(1), Long.MAX_VALUE));
        fixture.world.pass(5 * SECOND);
        assertThat(fixture.machine.status().state()).isEqualTo("PROMOTED");
        assertThat(Oracle.same(fixture.base(), source.oracle.stateAt(point))).isTrue();
    }

    @Test
    void aPointBeforeAnOpenViewsIsNotPromotedOver() {
        fixture.begin();
        View view = fixture.view(new PointName.Latest());
        fixture.write();
        fixture.send();
        List<String> told = new ArrayList<>();
        fixture.machine.promote(new PointName.Latest(), false, new MasterTargetMachine.PromotionOutcome() {
            @Override
            public void done(Position position, long foldBytes, long checkedBytes) {
                told.add("done");
            }

            @Override
            public void failed(String why) {
                told.add(why);
            }
        });
        fixture.world.pass(SECOND);
        assertThat(told).singleElement().asString().contains("unexport");
        view.close();
    }

    @Test
    void aJournalThatCannotBeWrittenStopsAcknowledgementAndGoesOnWhenMended() throws IOException {
        fixture.begin();
        Position before = source.told();
        fixture.volume.folder("journal").failIn(0, new IOException("Input/output error"));
        fixture.write();
        fixture.send();
        assertThat(source.told()).isEqualTo(before);
        assertThat(fixture.faults.total(FaultCode.STORE_FAILED)).isPositive();
        assertThat(fixture.machine.status().trouble()).contains("Input/output error");
        fixture.mend();
        fixture.send();
        assertThat(source.told()).isEqualTo(source.last());
        assertNewestIsTheSource();
    }

    @Test
    void aWelcomeNamesNothingThatAFailedWriteHasGivenUp() throws IOException {
        fixture.begin();
        Position before = source.told();
        fixture.volume.folder("journal").failIn(0, new IOException("Input/output error"));
        fixture.write();
        source.send();
        while (fixture.machine.status().positions().received().equals(before)) {
            fixture.world.step();
        }
        source.disconnect();
        source.connect(fixture.machine);
        fixture.world.pass(SECOND);
        assertThat(source.isWelcome()).isTrue();
        assertThat(source.journaled()).isEqualTo(before);
        fixture.mend();
        fixture.send();
        assertThat(source.told()).isEqualTo(source.last());
        assertNewestIsTheSource();
    }

    @Test
    void aFullVolumeShrinksTheWindowAndReplicationGoesOn() throws IOException {
        fixture.segmentBytes = 16 << 10;
        fixture.begin();
        Position first = fixture.machine.points().oldest();
        fixture.volume.folder("journal").capacity(400_000);
        for (int i = 0; i < 30; i++) {
            fixture.write();
            fixture.send();
        }
        fixture.world.pass(20 * SECOND);
        assertThat(source.told()).isEqualTo(source.last());
        assertThat(fixture.faults.total(FaultCode.STORE_FULL)).isPositive();
        assertThat(fixture.machine.points().oldest()).isGreaterThan(first);
        assertNewestIsTheSource();
    }

    @Test
    void aBaseDiskWhoseFlushFailedIsOpenedAnewAndNothingOnItIsTrusted() throws IOException {
        fixture.begin();
        fixture.machine.changeRetention(new RetentionPolicy(Stand.NEWEST, Duration.ofDays(1), Long.MAX_VALUE));
        fixture.world.pass(5 * SECOND);
        for (int round = 0; round < 20; round++) {
            fixture.disks.values().forEach(disk -> disk.failIn(5));
            fixture.write();
            fixture.send();
            Position newest = fixture.machine.points().newest();
            if (fixture.tryView(new PointName.At(newest)) instanceof View view) {
                assertThat(Oracle.same(TargetFixture.read(view), source.oracle.stateAt(newest))).isTrue();
                view.close();
            }
            fixture.mend();
            fixture.world.pass(5 * SECOND);
            assertThat(fixture.machine.status().base()).isEqualTo(source.last());
            assertThat(Oracle.same(fixture.base(), source.oracle.stateAt(source.last()))).isTrue();
        }
        assertThat(fixture.faults.total(FaultCode.STORE_FAILED)).isPositive();
    }

    @Test
    void aBaselineWhoseDiskFailsIsTakenUpAgainWhereItIsDurable() {
        fixture.start();
        fixture.world.pass(SECOND);
        source.generation(Position.NONE, Position.NONE, Fidelity.BASELINE);
        fixture.send();
        for (int round = 0; round < 10; round++) {
            int changes = round;
            fixture.disks.values().forEach(disk -> disk.failIn(changes));
            source.everything();
            fixture.write();
            fixture.send();
            fixture.mend();
            if (!source.isWelcome()) {
                source.connect(fixture.machine);
                fixture.world.pass(SECOND);
            }
            fixture.send();
            assertThat(source.told()).isEqualTo(source.last());
            assertThat(Oracle.same(fixture.base(), source.oracle.stateAt(source.last()))).isTrue();
        }
        assertThat(source.refusals()).extracting(each -> each.fault()).containsOnly(FaultCode.STORE_FAILED);
    }

    private Digests digests(int disk, long firstChunk, int chunks, int chunkBytes, Position notBefore) {
        source.digests().clear();
        source.ask(new DigestRequest(source.machine, notBefore, 77, disk, chunkBytes,
                List.of(new DigestRequest.Run(firstChunk, chunks)))
                .frame(ByteBufAllocator.DEFAULT));
        fixture.world.pass(SECOND);
        return source.digests().getFirst();
    }

    private static byte[] expected(byte[] content, int from, int length) throws Exception {
        byte[] chunk = Arrays.copyOfRange(content, from, from + length);
        byte[] sha = MessageDigest.getInstance("SHA-256").digest(chunk);
        return Arrays.equals(chunk, new byte[length]) ? new byte[Limits.DIGEST_BYTES]
                : Arrays.copyOf(sha, Limits.DIGEST_BYTES);
    }

    private void assertDigestsTellTheSource() throws Exception {
        int chunk = 4096;
        int count = TargetFixture.DISK_BYTES / chunk;
        for (int disk = 0; disk < TargetFixture.DISKS; disk++) {
            Digests answer = digests(disk, 0, count, chunk, source.last());
            assertThat(answer.status()).isEqualTo(Digests.Status.SOME);
            ByteBuffer digests = answer.digests().duplicate();
            for (int i = 0; i < count; i++) {
                byte[] digest = new byte[Limits.DIGEST_BYTES];
                digests.get(digest);
                assertThat(digest).isEqualTo(expected(source.content(disk), i * chunk, chunk));
            }
        }
    }

    @Test
    void digestsTellTheNewestState() throws Exception {
        fixture.start();
        fixture.world.pass(SECOND);
        source.generation(Position.NONE, Position.NONE, Fidelity.BASELINE);
        fixture.send();
        assertThat(digests(0, 0, 4, 8192, source.last()).status()).isEqualTo(Digests.Status.ALL_ZERO);
        fixture.write();
        fixture.send();
        assertDigestsTellTheSource();
        source.everything();
        source.fidelity(Fidelity.ORDERED);
        fixture.write();
        fixture.send();
        assertDigestsTellTheSource();
        fixture.write();
        fixture.send();
        assertDigestsTellTheSource();
        assertThat(digests(9, 0, 1, 4096, source.last()).status()).isEqualTo(Digests.Status.NOT_FOUND);
        assertThat(digests(0, 16, 1, 4096, source.last()).status()).isEqualTo(Digests.Status.NOT_FOUND);
    }

    @Test
    void aDigestWaitsForTheStateItIsAskedFor() {
        fixture.begin();
        source.writes(1);
        Position later = source.last();
        source.ask(new DigestRequest(source.machine, later, 1, 0, 4096, List.of(new DigestRequest.Run(0, 1)))
                .frame(ByteBufAllocator.DEFAULT));
        fixture.world.pass(SECOND);
        assertThat(source.digests()).isEmpty();
        fixture.send();
        assertThat(source.digests()).hasSize(1);
    }

    @Test
    void tooManyDigestsThatWaitAreToldToComeAgain() {
        fixture.begin();
        Position later = source.last().plus(1);
        for (int i = 0; i < 65; i++) {
            source.ask(new DigestRequest(source.machine, later, i, 0, 4096, List.of(new DigestRequest.Run(0, 1)))
                    .frame(ByteBufAllocator.DEFAULT));
        }
        fixture.world.pass(SECOND);
        assertThat(source.digests()).singleElement()
                .satisfies(answer -> assertThat(answer.status()).isEqualTo(Digests.Status.UNAVAILABLE));
    }

    @Test
    void whoComesWithAnOlderGenerationDoesNotPushTheNewerOneOut() {
        fixture.begin();
        source.generation(source.last(), source.last(), Fidelity.CATCH_UP);
        source.fidelity(Fidelity.ORDERED);
        fixture.send();
        source.another(fixture.machine, 1);
        fixture.world.pass(SECOND);
        assertThat(source.refusals()).extracting(each -> each.fault()).containsExactly(FaultCode.STALE_GENERATION);
        fixture.write();
        fixture.send();
        assertThat(source.told()).isEqualTo(source.last());
    }

    @Test
    void aNewerGenerationThatIsOnlyAnnouncedMakesNobodyGiveUpWhatHeHolds() {
        fixture.begin();
        long journaled = source.last().generation();
        source.another(fixture.machine, journaled + 9);
        source.another(fixture.machine, journaled + 1);
        fixture.world.pass(SECOND);
        assertThat(source.refusals()).extracting(each -> each.fault()).containsExactly(FaultCode.DISPLACED,
                FaultCode.DISPLACED);
    }

    @Test
    void anExtentOutsideTheDisksEndsTheLink() {
        fixture.begin();
        source.writeOutside();
        fixture.send();
        assertThat(source.refusals()).extracting(each -> each.fault()).containsExactly(FaultCode.BAD_FRAME);
    }
}
