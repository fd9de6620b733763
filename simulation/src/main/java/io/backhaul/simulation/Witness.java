package io.backhaul.simulation;

import io.backhaul.protocol.Credit;
import io.backhaul.protocol.Digests;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.FidelityChange;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.FrameType;
import io.backhaul.protocol.GenerationStart;
import io.backhaul.protocol.Limits;
import io.backhaul.protocol.MalformedBodyException;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Positions;
import io.backhaul.protocol.Refusal;
import io.backhaul.protocol.Role;
import io.backhaul.protocol.Welcome;
import io.backhaul.protocol.WriteBatch;
import io.backhaul.simulation.world.Scheduler;
import io.backhaul.simulation.world.SimHost;
import io.backhaul.simulation.world.SimNetwork;
import io.backhaul.simulation.world.SimProcess;
import io.backhaul.simulation.world.Tally;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Reads every frame of one machine that arrives anywhere, and knows from that alone what the parts have promised. It checks
 * the promises against each other, and answers of which fidelity a position is.
 */
final class Witness implements SimNetwork.Tap {
    private final Scheduler scheduler;
    private final Function<SimProcess, Role> roles;
    private final Tally tally;
    private final NavigableMap<Position, Long> records = new TreeMap<>();
    private final NavigableMap<Position, Fidelity> fidelities = new TreeMap<>();
    private final Map<String, Told> told = new TreeMap<>();
    private final Map<String, Long> generations = new TreeMap<>();
    private final Set<String> forgiven = new TreeSet<>();
    private final Map<String, Integer> damaged = new TreeMap<>();
    private final Predicate<String> namesDamage;
    private static final long GRACE_NANOS = 60_000_000_000L;
    private long allowedNanos;
    private long settledNanos = -1;
    private Position orderedAt = Position.NONE;
    private String allowedBecause = "it was the first";
    private boolean unseen;
    private final Set<String> givenUp = new TreeSet<>();
    private final Map<String, Position> targetGreeted = new TreeMap<>();
    private boolean continuityLost;
    private boolean regroups;
    private boolean askedAgain;
    private int losses;
    private final Map<String, Integer> lossesHeardOf = new TreeMap<>();
    private final Set<String> fenced = new TreeSet<>();
    private final Map<String, String> welcomed = new TreeMap<>();
    private final Map<String, Position> advanced = new TreeMap<>();
    private final Map<String, Long> credits = new TreeMap<>();
    private final Map<Long, Position> bases = new TreeMap<>();
    private final Map<Long, Integer> turns = new TreeMap<>();
    private final Map<String, Reach> reached = new TreeMap<>();

    /** How far a master target can have come at most, by what has arrived there; and where a generation has met it. */
    private static final class Reach {
        private final Map<Long, Position> met = new TreeMap<>();
        private final Map<Long, Position> stood = new TreeMap<>();
        private Position farthest = Position.NONE;
        private long newest;

        void comes(Position at) {
            farthest = farthest.max(at);
        }
    }

    /** What a host has told to be durable. */
    private static final class Told {
        private Position durable = Position.NONE;
        private Position journaled = Position.NONE;
    }

    /**
     * @param namesDamage
     *            whether a host has said that something it stored is damaged, or need not say so
     */
    Witness(Scheduler scheduler, Function<SimProcess, Role> roles, Predicate<String> namesDamage, Tally tally) {
        this.scheduler = scheduler;
        this.roles = roles;
        this.namesDamage = namesDamage;
        this.tally = tally;
    }

    /** Frames of writes may be made of other records when they are sent again: only their records stay. */
    void framesMayRegroup() {
        regroups = true;
    }

    /** From now on the disks may be compared, because of this, until they are in order again and that is known. */
    void allowBaseline(String why) {
        allowedNanos = scheduler.nanos();
        settledNanos = -1;
        orderedAt = Position.NONE;
        allowedBecause = why;
    }

    /** The disks were written to past an agent that only compares: it finds out when it is started the next time. */
    void writtenUnseen() {
        allowBaseline("the disks were written to unseen");
        unseen = true;
    }

    /** A master target has lost what it had, or another one is responsible: what it had journaled may count for nothing. */
    void continuityIsLost(String why) {
        continuityLost = true;
        losses++;
        allowBaseline(why);
    }

    /** A host has lost what it stored: it may fall behind what it has told. */
    void diskLost(SimHost host) {
        told.remove(host.name());
        reached.remove(host.name());
        generations.remove(host.name());
        fenced.remove(host.name());
        damaged.remove(host.name());
        SimProcess last = host.process();
        if (last != null) {
            forgiven.add(last.name());
        }
    }

    /** Something that a host has stored was damaged; it may find out at any time, and fall behind what it has told. */
    void damaged(SimHost host) {
        damaged.merge(host.name(), 1, Integer::sum);
    }

    /** The machine was promoted there: nothing more may be journaled. */
    void fenced(SimHost host) {
        fenced.add(host.name());
    }

    @Override
    public void arrived(SimProcess from, SimProcess to, Frame frame) {
        if (frame.type().isStream() && roles.apply(to) == Role.MASTER_TARGET && !forgiven.contains(to.name())) {
            Reach reach = reachOf(to.host());
            if (frame.type() == FrameType.GENERATION) {
                reach.met.merge(frame.generation(), reach.farthest, Position::max);
                reach.stood.putIfAbsent(frame.generation(), journaledAt(to.host().name()));
                reach.newest = frame.generation();
            }
            reach.comes(frame.last());
        }
        try {
            if (frame.type() == FrameType.WELCOME) {
                credits.put(hop(to, from), Welcome.read(frame).creditBytes());
            } else if (frame.type() == FrameType.CREDIT) {
                credits.merge(hop(to, from), Credit.read(frame).bytes(), Long::sum);
            } else if (frame.type() == FrameType.POSITIONS && roles.apply(to) == Role.SOURCE && settledNanos < 0) {
                settle(Positions.read(frame));
            } else if (frame.type() == FrameType.RESEND && roles.apply(to) == Role.SOURCE) {
                tally.count("resend: asked");
                askedAgain = true;
            }
        } catch (MalformedBodyException broken) {
            throw new Violation(Invariant.NO_UNEXPECTED_EXCEPTION, frame + " arrives broken: " + broken);
        }
    }

    private Reach reachOf(SimHost host) {
        return reached.computeIfAbsent(host.name(), any -> new Reach());
    }

    /** What a master target has received may build only upon what it had. */
    private void hasBasis(SimProcess from, Positions at) {
        Position met = reachOf(from.host()).met.get(at.received().generation());
        Position basis = bases.get(at.received().generation());
        if (met != null && basis != null && !forgiven.contains(from.name())) {
            Violation.unless(met.isAtLeast(basis), Invariant.BASIS_IS_KNOWN, () -> from.name() + " takes "
                    + at.received() + ", which builds upon " + basis + ", and had come to " + met + " at most");
            Position stood = reachOf(from.host()).stood.getOrDefault(at.received().generation(), Position.NONE);
            Violation.unless(!isOfThePast(at.received().generation(), stood), Invariant.BASIS_IS_KNOWN,
                    () -> from.name() + " takes " + at.received() + ", which builds upon " + basis
                            + ", though the stream has begun anew since");
        }
    }

    /**
     * Whether a generation was begun by a source that has lost its state since, and has begun anew, on nothing: that may have
     * been given a lower number.
     *
     * @param met
     *            how far the master target had come when it was given the generation
     */
    private boolean isOfThePast(long generation, Position met) {
        Position basis = bases.getOrDefault(generation, Position.NONE);
        int turn = turns.getOrDefault(generation, Integer.MAX_VALUE);
        return !basis.equals(Position.NONE) && bases.entrySet().stream()
                .anyMatch(each -> each.getValue().equals(Position.NONE) && turns.getOrDefault(each.getKey(), 0) > turn
                        && basis.generation() < each.getKey() && met.generation() >= each.getKey());
    }

    private static String hop(SimProcess sender, SimProcess receiver) {
        return sender.name() + " to " + receiver.name();
    }

    /** A sender has used credit. One that is known late, from a link before, counts for the sender. */
    private void spend(SimProcess from, SimProcess to, Frame frame) {
        long left = credits.merge(hop(from, to), (long) -frame.lengthBytes(), Long::sum);
        tally.add("credit: spent to the last frame", left < Limits.MAX_FRAME_BYTES / 4 ? 1 : 0);
        Violation.unless(left >= 0, Invariant.CREDIT_IS_KEPT,
                () -> from.name() + " sends " + frame + " to " + to.name() + ", " + -left + " bytes beyond its credit");
    }

    private void settle(Positions at) {
        if (!orderedAt.equals(Position.NONE) && at.journaled().isAtLeast(orderedAt)) {
            settledNanos = scheduler.nanos();
        }
    }

    @Override
    public void sent(SimProcess from, SimProcess to, Frame frame) {
        try {
            if (frame.type().isStream()) {
                spend(from, to, frame);
                stream(from, frame);
            } else if (frame.type() == FrameType.POSITIONS) {
                positions(from, to, Positions.read(frame));
            } else if (frame.type() == FrameType.WELCOME) {
                welcomed.put(from.name(), to.name());
                welcome(from, to, Welcome.read(frame));
            } else if (frame.type() == FrameType.REFUSAL) {
                refusal(from, to, Refusal.read(frame));
            } else if (frame.type() == FrameType.DIGESTS) {
                tally.count("digests: " + Digests.read(frame).status());
            }
        } catch (MalformedBodyException broken) {
            throw new Violation(Invariant.NO_UNEXPECTED_EXCEPTION, from.name() + " sends " + frame + ": " + broken);
        }
    }

    private void refusal(SimProcess from, SimProcess to, Refusal refusal) {
        tally.count("refusal: " + refusal.fault());
        tally.add("refusal: another replica", refusal.text().contains("orders replica") ? 1 : 0);
        FaultCode fault = refusal.fault();
        if (fault == FaultCode.BASIS_UNKNOWN && roles.apply(from) == Role.MASTER_TARGET) {
            Reach reach = reachOf(from.host());
            boolean isOfThePast = isOfThePast(reach.newest, reach.farthest);
            tally.add("refusal: of the past", isOfThePast ? 1 : 0);
            boolean hasRotted = damaged.containsKey(from.host().name()) && refusal.text().contains("began anew");
            if (hasRotted) {
                allowBaseline("what says where the stream began has rotted");
            }
            Violation.unless(continuityLost || isOfThePast || hasRotted, Invariant.ACKNOWLEDGED_IS_KEPT,
                    () -> from.name() + " has lost nothing and refuses: " + refusal.text());
            givenUp.add(to.host().name());
        }
        if (fault == FaultCode.GAP && roles.apply(to) == Role.SOURCE && continuityLost) {
            // It holds what follows a position that the target has lost, or never had.
            givenUp.add(from.host().name());
        }
        Violation.unless(fault != FaultCode.CREDIT_EXCEEDED, Invariant.CREDIT_IS_KEPT,
                () -> from.name() + " refuses: " + refusal.text());
        Violation.unless(fault != FaultCode.GAP || roles.apply(from) != Role.MASTER_TARGET, Invariant.NO_GAPS,
                () -> from.name() + " refuses: " + refusal.text());
        Violation.unless(fault != FaultCode.BAD_FRAME, Invariant.NO_UNEXPECTED_EXCEPTION,
                () -> from.name() + " refuses: " + refusal.text());
    }

    /** What a process server holds may build upon what the target has lost, or never had: it finds out when it is welcomed. */
    private void welcomedByTarget(String relay) {
        if (lossesHeardOf.getOrDefault(relay, 0) < losses) {
            lossesHeardOf.put(relay, losses);
            givenUp.add(relay);
        }
    }

    private void stream(SimProcess from, Frame frame) throws MalformedBodyException {
        Long before = records.get(frame.first());
        tally.add("stream: duplicate frame", before == null ? 0 : 1);
        if (regroups && frame.type() == FrameType.WRITES) {
            WriteBatch batch = WriteBatch.open(frame);
            for (int i = 0; i < batch.records(); i++) {
                long outline = Objects.hash(batch.disk(i), batch.offset(i), batch.lengthBytes(i), batch.isZero(i));
                same(new Position(frame.generation(), frame.sequence() + i), outline, from, frame);
            }
        } else {
            same(frame.first(), contentHash(frame), from, frame);
        }
        if (roles.apply(from) == Role.SOURCE && before == null) {
            begun(frame);
        }
    }

    private void same(Position position, long content, SimProcess from, Frame frame) {
        Long before = records.put(position, content);
        Violation.unless(before == null || before == content, Invariant.ONE_POSITION_ONE_RECORD,
                () -> position + " in " + frame + " from " + from.name() + " is not what it was before");
    }

    private static long contentHash(Frame frame) {
        java.util.zip.CRC32C crc = new java.util.zip.CRC32C();
        for (java.nio.ByteBuffer part : frame.bytes().nioBuffers()) {
            crc.update(part);
        }
        return crc.getValue();
    }

    private void begun(Frame frame) throws MalformedBodyException {
        switch (frame.type()) {
            case GENERATION -> {
                GenerationStart start = GenerationStart.read(frame);
                bases.put(frame.generation(), start.basis());
                turns.putIfAbsent(frame.generation(), turns.size());
                fidelity(frame.first(), start.fidelity());
                tally.count("stream: generation " + start.fidelity());
            }
            case FIDELITY -> {
                Fidelity next = FidelityChange.read(frame).fidelity();
                tally.add("resend: heeded", askedAgain && next == Fidelity.CATCH_UP ? 1 : 0);
                askedAgain = false;
                fidelity(frame.first(), next);
            }
            default -> {
                // Writes and marks are of the fidelity they stand in.
            }
        }
    }

    private void fidelity(Position from, Fidelity next) {
        fidelities.put(from, next);
        tally.count("stream: " + next);
        if (next == Fidelity.BASELINE) {
            unseen = false;
            orderedAt = Position.NONE;
            Violation.unless(settledNanos < 0 || scheduler.nanos() - settledNanos < GRACE_NANOS,
                    Invariant.NO_NEEDLESS_RESYNC, () -> "the disks are compared from " + from
                            + " on; the last reason was that " + allowedBecause + ", at " + allowedNanos / 1_000_000
                            + " ms");
        } else if (next == Fidelity.ORDERED && orderedAt.equals(Position.NONE) && !unseen) {
            orderedAt = from;
        }
    }

    private void positions(SimProcess from, SimProcess to, Positions at) {
        if (roles.apply(from) == Role.MASTER_TARGET) {
            hasBasis(from, at);
        }
        Position before = advanced.getOrDefault(from.name(), Position.NONE);
        if (before.isBefore(at.received())) {
            advanced.put(from.name(), at.received());
            Violation.unless(to.name().equals(welcomed.get(from.name())), Invariant.ONE_STREAM_ADVANCES,
                    () -> from.name() + " takes " + at.received() + " from " + to.name() + ", but has welcomed "
                            + welcomed.get(from.name()) + " since");
        }
        Violation.unless(at.areLawful(), Invariant.LAW_OF_POSITIONS, () -> from.name() + " tells " + at);
        durable(from, roles.apply(from) == Role.MASTER_TARGET ? at.journaled() : at.spooled());
        journaled(from, at.journaled());
    }

    private void welcome(SimProcess from, SimProcess to, Welcome welcome) {
        if (roles.apply(from) == Role.MASTER_TARGET) {
            welcomedByTarget(to.host().name());
        }
        // A process server counts what is journaled as spooled, whether it still holds it or not.
        Position durable = welcome.durable();
        Position kept = roles.apply(from) == Role.MASTER_TARGET ? durable
                : durable.max(welcome.journaled()).max(journaledAnywhere());
        // What builds on something that the target does not know is given up, and the source is told so.
        boolean forgivenOnce = givenUp.remove(from.host().name());
        if (roles.apply(from) == Role.MASTER_TARGET) {
            targetGreeted.put(to.host().name(), durable);
            if (!forgiven.contains(from.name())) {
                reachOf(from.host()).comes(durable);
            }
        } else if (continuityLost && durable.equals(targetGreeted.get(from.host().name()))) {
            // It holds what follows a position that the target has lost, and goes on where that one stands.
            forgivenOnce = true;
        }
        if (forgivenOnce) {
            told(from.host()).durable = durable;
            generations.put(from.host().name(), durable.generation());
        }
        Position before = durableAt(from.host().name());
        int flipped = damaged.getOrDefault(from.host().name(), 0);
        // Two bits may have hit the frames and the mark that vouches for them.
        Violation.unless(kept.isAtLeast(before) || flipped != 1 || namesDamage.test(from.host().name()),
                Invariant.DAMAGE_IS_NAMED, () -> from.name() + " goes on behind " + durable + ", has told " + before
                        + " to be durable, and says nothing of damage");
        Violation.unless(kept.isAtLeast(before) || flipped > 0, Invariant.ACKNOWLEDGED_IS_KEPT,
                () -> from.name() + " goes on behind " + durable + " and has told " + before + " to be durable");
        durable(from, durable);
        journaled(from, welcome.journaled());
    }

    private Told told(SimHost host) {
        return told.computeIfAbsent(host.name(), any -> new Told());
    }

    private void durable(SimProcess from, Position durable) {
        if (forgiven.contains(from.name()) || damaged.containsKey(from.host().name())) {
            return;
        }
        Told mine = told(from.host());
        mine.durable = mine.durable.max(durable);
        Long highest = generations.merge(from.host().name(), durable.generation(), Math::max);
        boolean relays = roles.apply(from) == Role.PROCESS_SERVER && journaledAnywhere().generation() >= highest;
        Violation.unless(relays || highest == durable.generation(), Invariant.OLD_GENERATIONS_STAY_OUT,
                () -> from.name() + " stands at " + durable + " after generation " + highest);
    }

    private void journaled(SimProcess from, Position journaled) {
        if (forgiven.contains(from.name())) {
            return;
        }
        Told mine = told(from.host());
        if (roles.apply(from) == Role.MASTER_TARGET) {
            String host = from.host().name();
            if (damaged.containsKey(host) && namesDamage.test(host)) {
                // What rotted is lost where it was named, or may be taken for torn.
                mine.journaled = mine.journaled.min(journaled);
            }
            Violation.unless(journaled.isAtLeast(mine.journaled), Invariant.ACKNOWLEDGED_IS_KEPT,
                    () -> from.name() + " has journaled " + journaled + " after " + mine.journaled);
            Violation.unless(!fenced.contains(from.host().name()) || journaled.equals(mine.journaled),
                    Invariant.PROMOTED_IS_FENCED,
                    () -> from.name() + " has journaled " + journaled + " after the promotion at " + mine.journaled);
        }
        mine.journaled = mine.journaled.max(journaled);
    }

    /** The fidelity of the state at a position, by what the source has sent; null where it has sent nothing there. */
    @Nullable
    Fidelity fidelityAt(Position position) {
        Map.Entry<Position, Fidelity> entry = fidelities.floorEntry(position);
        return entry == null || entry.getKey().generation() != position.generation() ? null : entry.getValue();
    }

    /** Whether nothing between two positions of a generation is of another fidelity than ORDERED. */
    boolean isAllOrdered(Position from, Position to) {
        return fidelities.subMap(from, false, to, true).values().stream().allMatch(each -> each == Fidelity.ORDERED);
    }

    /** What a host has told to be durable last. */
    Position durableAt(String host) {
        Told mine = told.get(host);
        return mine == null ? Position.NONE : mine.durable;
    }

    /** What some master target has told to be journaled. */
    Position journaledAnywhere() {
        Position highest = Position.NONE;
        for (Map.Entry<String, Told> each : told.entrySet()) {
            highest = each.getKey().startsWith("target") ? highest.max(each.getValue().journaled) : highest;
        }
        return highest;
    }

    /** What a host has told to be journaled last. */
    Position journaledAt(String host) {
        Told mine = told.get(host);
        return mine == null ? Position.NONE : mine.journaled;
    }
}
