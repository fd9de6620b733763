package io.backhaul.mastertarget;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.mastertarget.RetentionPolicy.Stand;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.Mark;
import io.backhaul.protocol.Position;
import io.netty.util.ResourceLeakDetector;
import io.netty.util.ResourceLeakDetector.Level;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Random lives of a machine beside an oracle that keeps every write. */
final class MachineLivesTest {
    private static final int LIVES = 8;
    private static final int ROUNDS = 25;

    /** One machine's lives under one seed. */
    private static final class Lives {
        final TargetFixture fixture;
        final Random random;
        final List<View> open = new ArrayList<>();
        boolean promoted;
        Position promotedTo = Position.NONE;

        Lives(long seed) {
            System.out.println("seed " + seed);
            random = new Random(seed);
            fixture = new TargetFixture(random);
            fixture.segmentBytes = 8192 << random.nextInt(4);
            fixture.index = new IndexLimits(1 << random.nextInt(8), 4096L << random.nextInt(6));
            fixture.policy = policy();
        }

        RetentionPolicy policy() {
            Stand stand = random.nextBoolean() ? Stand.NEWEST : Stand.OLDEST;
            long bytes = random.nextBoolean() ? Long.MAX_VALUE : 32_000L << random.nextInt(4);
            return new RetentionPolicy(stand, Duration.ofDays(365), bytes);
        }

        void run() throws IOException {
            fixture.start();
            fixture.source.generation(Position.NONE, Position.NONE, Fidelity.BASELINE);
            for (int life = 0; life < LIVES; life++) {
                live();
                die();
            }
            fixture.world.pass(20_000_000_000L);
            if (!promoted) {
                converge();
                promote();
            }
            fixture.source.close();
        }

        private void live() throws IOException {
            int trouble = random.nextInt(3) == 0 ? random.nextInt(ROUNDS) : -1;
            for (int round = 0; round < ROUNDS; round++) {
                if (round == trouble) {
                    trouble();
                }
                speak();
                fixture.source.send();
                fixture.world.steps(random.nextInt(60));
                look();
                if (!fixture.source.isWelcome() && random.nextInt(4) == 0) {
                    fixture.source.connect(fixture.machine);
                }
                if (random.nextInt(6) == 0) {
                    fixture.world.pass(random.nextInt(2_000_000_000));
                }
            }
            fixture.mend();
        }

        private void trouble() {
            int changes = random.nextInt(20);
            switch (random.nextInt(5)) {
                case 3 -> fixture.volume.folder("undo").failIn(changes, new IOException(random.nextBoolean()
                        ? "Input/output error"
                        : "No space left on device"));
                case 2 -> fixture.volume.folder("index").failIn(changes, new IOException("Input/output error"));
                case 0 -> fixture.volume.failIn(changes, new IOException("Input/output error"));
                case 1 -> fixture.volume.folder("journal").failIn(changes, new IOException("Input/output error"));
                default -> fixture.disks.values().forEach(disk -> disk.failIn(changes));
            }
        }

        private void speak() {
            SourceModel source = fixture.source;
            switch (random.nextInt(14)) {
                case 0 -> source.mark();
                case 1 -> {
                    if (source.fidelity() != Fidelity.ORDERED) {
                        source.everything();
                        source.fidelity(Fidelity.ORDERED);
                    }
                }
                case 2 -> {
                    if (random.nextInt(3) == 0) {
                        source.fidelity(Fidelity.CATCH_UP);
                    }
                }
                case 3 -> {
                    if (source.isWelcome() && random.nextInt(3) == 0) {
                        begin();
                    }
                }
                default -> source.writes(1 + random.nextInt(12));
            }
        }

        /** A generation whose basis is known journaled, or none, once everything under way has arrived. */
        private void begin() {
            fixture.source.send();
            fixture.world.pass(0);
            if (fixture.source.isWelcome() && fixture.machine.state() instanceof MachineState.Serving(var parts)) {
                Position basis = random.nextBoolean() ? Position.NONE : fixture.source.basis();
                fixture.source.generation(parts.intake().accepted(), basis,
                        basis.equals(Position.NONE) ? Fidelity.BASELINE : Fidelity.CATCH_UP);
            }
        }

        private void look() throws IOException {
            if (!(fixture.machine.state() instanceof MachineState.Serving(var parts))) {
                return;
            }
            if (random.nextInt(10) == 0) {
                fixture.machine.changeRetention(policy());
            }
            if (random.nextInt(4) == 0) {
                offered(parts.intake().journaled());
            }
            if (random.nextInt(8) == 0 && !open.isEmpty()) {
                open.remove(random.nextInt(open.size())).close();
            }
            for (View view : open) {
                try {
                    check(view);
                } catch (IOException failing) {
                    assertThat(failing).hasMessageContaining("closed");
                }
            }
        }

        private void check(View view) throws IOException {
            assertThat(Oracle.same(TargetFixture.read(view), fixture.source.oracle.stateAt(view.position())))
                    .as("view of %s", view.position()).isTrue();
        }

        /** What is offered is a point, and some of it reads back. */
        private void offered(Position journaled) throws IOException {
            RecoveryPoints points = fixture.machine.points();
            Set<Position> known = new HashSet<>(fixture.source.oracle.points(journaled));
            List<Position> offered = fixture.offered();
            assertThat(known).containsAll(offered);
            for (Mark mark : points.marks()) {
                assertThat(fixture.source.oracle.mark(mark)).isEqualTo(mark.position());
            }
            List<Position> all = List.copyOf(known);
            if (!all.isEmpty()) {
                Object other = fixture.tryView(new PointName.At(all.get(random.nextInt(all.size()))));
                if (other instanceof View view) {
                    check(view);
                    view.close();
                }
            }
            if (!offered.isEmpty()) {
                ask(offered.get(random.nextInt(offered.size())));
                RecoveryPoints now = fixture.machine.points();
                if (!now.intervals().isEmpty()) {
                    open(fixture.view(new PointName.At(random.nextBoolean() ? now.oldest() : now.newest())));
                }
            }
        }

        /** What was offered a while ago opens, or has left the window since: then the answer names the oldest point. */
        private void ask(Position offered) throws IOException {
            switch (fixture.tryView(new PointName.At(offered))) {
                case View view -> open(view);
                case Object answer -> {
                    Position oldest = fixture.machine.points().oldest();
                    assertThat(oldest.equals(Position.NONE) || offered.isBefore(oldest))
                            .as("%s refused, %s offered: %s", offered, oldest, answer).isTrue();
                    assertThat(answer.toString()).contains(oldest.equals(Position.NONE) ? "wait until"
                            : offered + " is older than the oldest recovery point: points reach from " + oldest);
                }
            }
        }

        private void open(View view) throws IOException {
            check(view);
            if (random.nextInt(3) == 0) {
                open.add(view);
            } else {
                view.close();
            }
        }

        private void die() {
            if (random.nextInt(3) == 0) {
                trouble();
                fixture.world.steps(random.nextInt(30));
            }
            open.clear();
            fixture.crash(random.nextBoolean());
            fixture.start();
        }

        /** After the trouble is over everything arrives, and the newest point is the source. */
        private void converge() throws IOException {
            fixture.mend();
            SourceModel source = fixture.source;
            source.everything();
            source.fidelity(Fidelity.ORDERED);
            source.writes(5);
            for (int i = 0; i < 20; i++) {
                if (!source.isWelcome()) {
                    source.connect(fixture.machine);
                }
                fixture.world.pass(3_000_000_000L);
                source.send();
            }
            assertThat(source.told()).isEqualTo(source.last());
            RecoveryPoints points = fixture.machine.points();
            assertThat(points.newest()).isEqualTo(source.last());
            byte[][] newest = fixture.readAt(points.newest());
            for (int disk = 0; disk < TargetFixture.DISKS; disk++) {
                assertThat(newest[disk]).isEqualTo(source.content(disk));
            }
            offered(source.last());
            open.forEach(View::close);
            fixture.world.pass(1_000_000);
        }

        /** Promotes to a point after the other, through crashes, and finds each on the base disks; commits at last. */
        private void promote() {
            RecoveryPoints window = fixture.machine.points();
            int choices = 1 + random.nextInt(4);
            for (int i = 0; i < choices; i++) {
                boolean commits = i == choices - 1 && random.nextBoolean();
                if (fixture.machine.state() instanceof MachineState.Committed) {
                    break;
                }
                promoteTo(choose(fixture.machine.points()), commits);
                if (!promoted) {
                    return;
                }
                assertThat(fixture.disks.values()).allMatch(disk -> disk.openings() == 0);
                assertThat(Oracle.same(fixture.base(), fixture.source.oracle.stateAt(promotedTo)))
                        .as("promoted to %s", promotedTo).isTrue();
                assertThat(fixture.machine.points()).isEqualTo(
                        fixture.machine.state() instanceof MachineState.Committed ? Points.NONE : window);
            }
            if (!(fixture.machine.state() instanceof MachineState.Committed)) {
                commit();
            }
            assertThat(Oracle.same(fixture.base(), fixture.source.oracle.stateAt(promotedTo))).isTrue();
            assertThat(fixture.machine.status().store().journalBytes()).isLessThan(10_000);
            fixture.source.refusals().clear();
            fixture.source.connect(fixture.machine);
            fixture.world.pass(1_000_000);
            assertThat(fixture.source.refusals()).isNotEmpty()
                    .allMatch(refusal -> refusal.fault() == io.backhaul.protocol.FaultCode.FENCED);
        }

        private Position choose(RecoveryPoints points) {
            List<Position> from = fixture.source.oracle.points(points.newest()).stream()
                    .filter(point -> points.intervals().stream()
                            .anyMatch(each -> point.isAtLeast(each.from()) && each.to().isAtLeast(point)))
                    .toList();
            return from.get(random.nextInt(from.size()));
        }

        private void promoteTo(Position point, boolean commits) {
            promoted = false;
            promotedTo = point;
            Outcome outcome = new Outcome(this);
            fixture.machine.promote(new PointName.At(point), commits, outcome);
            for (int crashes = random.nextInt(5); crashes > 0 && !promoted; crashes--) {
                fixture.world.steps(random.nextInt(12));
                if (!promoted && !crash(() -> fixture.machine.promote(new PointName.At(point), commits, outcome))) {
                    return;
                }
            }
            fixture.world.pass(20_000_000_000L);
            if (!commits && fixture.machine.state() instanceof MachineState.Promoting(var parts, var target)) {
                // What must be kept of the other points takes more memory than there may be.
                assertThat(parts.replica().undo().stretches()).isGreaterThanOrEqualTo(parts.replica().undoStretches());
                commit();
            }
            assertThat(outcome.failures).isEmpty();
            promoted = true;
            assertThat(fixture.machine.state()).isInstanceOfAny(MachineState.Committed.class,
                    MachineState.Promoted.class);
        }

        /** A crash, and another start; false where nothing had become of the promotion, and the machine is served. */
        private boolean crash(Runnable again) {
            if (random.nextInt(3) == 0) {
                trouble();
                fixture.world.steps(random.nextInt(12));
            }
            fixture.crash(random.nextBoolean());
            fixture.start();
            fixture.world.steps(4);
            fixture.mend();
            fixture.world.pass(random.nextInt(2) * 10_000_000_000L);
            if (fixture.machine.state() instanceof MachineState.Opening) {
                fixture.world.pass(10_000_000_000L);
            }
            if (fixture.machine.state() instanceof MachineState.Serving) {
                return false;
            }
            if (fixture.machine.state() instanceof MachineState.Promoted(var parts, var at)
                    && !at.equals(promotedTo)) {
                again.run();
            }
            return true;
        }

        private void commit() {
            promoted = false;
            Outcome outcome = new Outcome(this);
            fixture.machine.commit(outcome);
            for (int crashes = random.nextInt(3); crashes > 0 && !promoted; crashes--) {
                fixture.world.steps(random.nextInt(6));
                if (!promoted) {
                    crash(() -> {});
                    fixture.machine.commit(outcome);
                }
            }
            fixture.world.pass(20_000_000_000L);
            assertThat(outcome.failures).isEmpty();
            assertThat(fixture.machine.state()).isInstanceOf(MachineState.Committed.class);
        }
    }

    /** Hears of a promotion. */
    private record Outcome(Lives lives, List<String> failures) implements MasterTargetMachine.PromotionOutcome {
        Outcome(Lives lives) {
            this(lives, new ArrayList<>());
        }

        @Override
        public void done(Position position, long foldBytes, long checkedBytes) {
            assertThat(position).isEqualTo(lives.promotedTo);
            lives.promoted = true;
        }

        @Override
        public void failed(String why) {
            failures.add(why);
        }
    }

    /** Frames are under way when a life ends: they are lost with it, on purpose. */
    @BeforeAll
    static void crashesMayLeak() {
        ResourceLeakDetector.setLevel(Level.DISABLED);
    }

    @AfterAll
    static void nothingElseMay() {
        ResourceLeakDetector.setLevel(Level.PARANOID);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
    void everyOfferedPointReadsBackThroughCrashesFoldsAndFailures(long block) throws IOException {
        for (long seed = block * 1000; seed < block * 1000 + Integer.getInteger("lives", 5); seed++) {
            try {
                new Lives(seed).run();
            } catch (RuntimeException | AssertionError found) {
                throw new AssertionError("seed " + seed, found);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {5003, 7006, 8007})
    void livesThatFoundSomethingAreLivedAgain(long seed) throws IOException {
        new Lives(seed).run();
    }
}
