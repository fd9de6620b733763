package io.backhaul.simulation;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.mastertarget.MachineStatus;
import io.backhaul.mastertarget.PointName;
import io.backhaul.mastertarget.RecoveryPoints;
import io.backhaul.mastertarget.View;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.Mark;
import io.backhaul.protocol.Position;
import io.backhaul.simulation.world.Dice;
import io.backhaul.simulation.world.Scheduler;
import io.backhaul.simulation.world.SimDisk;
import io.backhaul.simulation.world.SimHost;
import io.backhaul.simulation.world.Tally;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/** Looks at what the master target offers, and compares it with what the oracle and the witness know. */
final class Judge {
    private static final long SECOND = 1_000_000_000L;
    private static final int CHUNK_BYTES = 64 << 10;
    private final Scene scene;
    private final Scheduler scheduler;
    private final Dice dice;
    private final Tally tally;
    private final Map<String, NavigableMap<Position, String>> marks = new TreeMap<>();
    private boolean faultsOver;

    Judge(Scene scene) {
        this.scene = scene;
        this.scheduler = scene.scheduler();
        this.dice = scene.dice().fork("judge");
        this.tally = scene.tally();
    }

    /** From now on no disk and no link fails: refusals are not excused any more. */
    void faultsAreOver() {
        faultsOver = true;
    }

    /** A mark was answered and is journaled there. */
    void marked(String host, Position position, String label) {
        marksAt(host).put(position, label);
    }

    private NavigableMap<Position, String> marksAt(String host) {
        return marks.computeIfAbsent(host, any -> new TreeMap<>());
    }

    /** The host has lost its journal, and with it the marks. */
    void forget(String host) {
        marks.remove(host);
    }

    /** What is offered just now lies in ORDERED intervals, the marks are where they were set, and damage is none but rot. */
    void look(TargetPart target) {
        lookForDamage(target);
        RecoveryPoints points = target.points();
        for (RecoveryPoints.Interval interval : points.intervals()) {
            tally.count("checked: intervals offered");
            Violation.unless(isOrdered(interval.from(), interval.to()), Invariant.NO_POINT_IN_A_GAP,
                    () -> "points are offered from " + interval.from() + " to " + interval.to());
        }
        if (!points.intervals().isEmpty()) {
            String host = target.process().host().name();
            lookForMarks(points, marksAt(host), scene.isRotten(host));
        }
    }

    private void lookForDamage(TargetPart target) {
        boolean isRotten = scene.isBaseRotten(target.process().host().name());
        for (MachineStatus.Damage damage : target.status().scrub().damaged()) {
            if (damage.file().startsWith("base")) {
                tally.count(
                        damage.what().contains("before they could be saved") ? "base rot: lost" : "base rot: found");
                Violation.unless(isRotten, Invariant.DAMAGE_IS_REAL, () -> damage.file() + ": " + damage.what());
            }
        }
    }

    private boolean isOrdered(Position from, Position to) {
        return from.generation() == to.generation() && scene.witness().fidelityAt(from) == Fidelity.ORDERED
                && scene.witness().isAllOrdered(from, to);
    }

    private void lookForMarks(RecoveryPoints points, NavigableMap<Position, String> expected,
            boolean isRotten) {
        expected.headMap(points.oldest()).clear();
        if (expected.isEmpty() || isRotten) {
            return;
        }
        Set<Position> offered = points.marks().stream().map(Mark::position).collect(Collectors.toSet());
        tally.add("checked: marks kept", expected.size());
        expected.forEach((position, label) -> Violation.unless(offered.contains(position), Invariant.MARKS_ARE_KEPT,
                () -> "mark '" + label + "' at " + position + " is not among " + points.marks()));
    }

    /** Opens a view of some point, or of none, and compares it. */
    void tryAnyView(TargetPart target) {
        target.ask(machine -> {
            RecoveryPoints points = machine.points();
            if (points.intervals().isEmpty()) {
                return;
            }
            tryView(target, choose(points), false, found -> {});
        });
    }

    /** The name of some point that is offered, or the latest. */
    PointName anyPoint(TargetPart target) {
        RecoveryPoints points = target.points();
        return points.intervals().isEmpty() ? new PointName.Latest() : new PointName.At(choose(points));
    }

    private Position choose(RecoveryPoints points) {
        RecoveryPoints.Interval interval = dice.pick(points.intervals());
        double choice = dice.nextDouble();
        if (choice < 0.2) {
            return points.newest();
        } else if (choice < 0.3) {
            return interval.from();
        } else if (choice < 0.4 && !points.marks().isEmpty()) {
            return dice.pick(points.marks()).position();
        } else if (choice < 0.5) {
            return new Position(interval.to().generation(), dice.between(1, interval.to().sequence() + 5));
        }
        return new Position(interval.from().generation(),
                dice.between(interval.from().sequence(), interval.to().sequence()));
    }

    /**
     * Opens a view and compares it with the oracle; keeps it open for a while, then compares it with itself.
     *
     * @param judged
     *            hears the state the view is in, once it is known to be right
     */
    void tryView(TargetPart target, Position position, boolean briefly, Consumer<Integer> judged) {
        target.openView(new PointName.At(position), (view, why) -> {
            if (view == null) {
                refused(target, position, why);
                return;
            }
            tally.count("checked: views opened");
            Violation.unless(scene.witness().fidelityAt(position) == Fidelity.ORDERED, Invariant.NO_POINT_IN_A_GAP,
                    () -> "a view of " + position + " opens, which is " + scene.witness().fidelityAt(position));
            List<ByteBuffer> contents = new ArrayList<>();
            read(target, view, contents, () -> {
                if (contents.size() < view.disks().size()) {
                    target.close(view);
                    return;
                }
                Oracle.Bounds bounds = scene.oracle().boundsOf(position);
                Oracle.Verdict verdict = scene.oracle().judge(contents, bounds, position);
                Violation.unless(verdict.isRight(), Invariant.POINTS_ARE_TRUE,
                        () -> position + ": " + verdict.problem());
                tally.count("checked: points true");
                scheduler.log().show(scheduler.nanos(), "judge", () -> position + " is state " + verdict.state());
                judged.accept(verdict.state());
                if (briefly) {
                    target.close(view);
                } else {
                    readAgainLater(target, view, contents);
                }
            });
        });
    }

    private void refused(TargetPart target, Position position, String why) {
        tally.count("view refused");
        scheduler.log().show(scheduler.nanos(), "judge", () -> "view of " + position + " refused: " + why);
        if (mustOpen(target) && target.process().isAlive() && !target.isPromoted()) {
            Violation.unless(!isOffered(target, position), Invariant.OFFERED_CAN_BE_OPENED,
                    () -> position + ": " + why);
        }
    }

    private static boolean isOffered(TargetPart target, Position position) {
        return target.points().intervals().stream()
                .anyMatch(each -> position.isAtLeast(each.from()) && each.to().isAtLeast(position));
    }

    private boolean mustOpen(TargetPart target) {
        return (faultsOver || !scene.plan().disksMayFail()) && !scene.isRottenUnread(target.process().host().name());
    }

    private void readAgainLater(TargetPart target, View view, List<ByteBuffer> before) {
        scheduler.after(dice.scaled(SECOND / 10, 60 * SECOND), target.process(), () -> {
            if (!target.isOpen(view)) {
                return;
            }
            List<ByteBuffer> again = new ArrayList<>();
            read(target, view, again, () -> {
                // A view that was closed while it was read is nobody's any more.
                if (again.size() == view.disks().size() && target.isOpen(view)) {
                    tally.count("checked: views read again");
                    Violation.unless(again.equals(before), Invariant.VIEWS_STAY,
                            () -> "the view of " + view.position() + " has changed");
                }
                target.close(view);
            });
        });
    }

    private void read(TargetPart target, View view, List<ByteBuffer> into, Runnable done) {
        target.process().call(() -> {
            try {
                for (View.Disk disk : view.disks()) {
                    into.add(read(disk.device()));
                }
            } catch (IOException failed) {
                tally.count("view unreadable");
                // What a view was opened at may have turned out to be damaged since.
                boolean isExcused = scene.isRotten(target.process().host().name())
                        && !isOffered(target, view.position());
                Violation.unless(!mustOpen(target) || !target.isOpen(view) || isExcused,
                        Invariant.OFFERED_CAN_BE_OPENED,
                        () -> "the view of " + view.position() + " cannot be read: " + failed);
            }
        }, done);
    }

    private ByteBuffer read(BlockDevice device) throws IOException {
        ByteBuffer whole = ByteBuffer.allocate((int) device.sizeBytes());
        for (long at = 0; at < device.sizeBytes();) {
            int length = (int) Math.min(dice.scaled(SectorContent.SECTOR_BYTES, CHUNK_BYTES), device.sizeBytes() - at);
            device.read(at, whole.slice((int) at, length));
            at += length;
        }
        return whole;
    }

    /** The promoted disks are the state of the position. */
    void lookAtPromoted(SimHost host, Position position) {
        List<ByteBuffer> contents = new ArrayList<>();
        for (SimDisk disk : scene.baseDisks(host.name())) {
            ByteBuffer whole = ByteBuffer.allocate((int) disk.sizeBytes());
            disk.peek(0, whole);
            contents.add(whole);
        }
        Oracle.Verdict verdict = scene.oracle().judge(contents, scene.oracle().boundsOf(position), position);
        Violation.unless(verdict.isRight(), Invariant.PROMOTED_IS_TRUE, () -> position + ": " + verdict.problem());
        scene.witness().fenced(host);
        tally.count("checked: promotions true");
    }
}
