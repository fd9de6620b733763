package io.backhaul.mastertarget;

import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.log.SegmentDamage;
import io.backhaul.engine.log.SegmentLog;
import io.backhaul.engine.log.SegmentLog.Placement;
import io.backhaul.engine.log.StoreException;
import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import io.backhaul.mastertarget.RunHeader.Span;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Resend;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What of a machine's stored files is known not to be what was written, whoever has found it, and what follows from that:
 * records of the journal take the points that need them; a file of old content takes the points before the next one; a run
 * takes nothing, and is made anew.
 * <p>
 * A point needs a damaged record as long as the record holds the newest version of any byte there, and nothing newer that
 * the point could be built upon holds it: neither the base disks nor old content. What later records have overwritten is
 * found out here, time and again, so that points are offered again once the blocks were sent anew; {@link Asking} sees to
 * that they are.
 * <p>
 * Owned by the machine's loop; what is told of damage may come from any thread.
 */
final class Damages {
    private static final int MAX_RECORDS = 256;
    private static final String SCRUB = "scrub";
    private static final long EXAMINE_NANOS = 5_000_000_000L;

    private final UUID machine;
    private final Loop loop;
    private final FaultLog faults;
    private final List<DamagedRecords> records = new ArrayList<>();
    private final Map<String, String> others = new TreeMap<>();
    private final Map<String, MachineStatus.Damage> noted = new LinkedHashMap<>();
    private @Nullable Means means;
    private @Nullable Asking asking;
    private boolean examining;
    private int looking;
    private boolean saving;
    private DamageFile.Known remembered = DamageFile.Known.NOTHING;
    private @Nullable BaseDamages base;
    private final Map<String, String> sums = new TreeMap<>();
    private boolean armed;

    /**
     * What it works with.
     *
     * @param changed
     *            runs when other points are offered, or other files needed, than before
     * @param source
     *            is asked for what the newest point lacks
     * @param reach
     *            how far a fold may have brought the base disks
     */
    record Means(Replica replica, Lane lane, Runnable changed, Predicate<Resend> source, Supplier<Position> reach) {}

    Damages(UUID machine, Loop loop, FaultLog faults) {
        this.machine = machine;
        this.loop = loop;
        this.faults = faults;
    }

    /** The replica is open. */
    void attach(Means next) {
        means = next;
        asking = new Asking(machine, next.replica, next.lane, next.source);
        others.keySet().forEach(file -> faults.clear(FaultCode.STORE_CORRUPT, subject(file)));
        others.clear();
        remembered = next.replica.remembered();
        BaseDamages disks = new BaseDamages(
                new BaseDamages.Means(next.replica, next.lane, next.reach, new BaseEars(next.replica)));
        base = disks;
        next.replica.damagedBefore().forEach(this::journal);
        disks.known(remembered.base(), next.replica.undo().lost());
    }

    private final class BaseEars implements BaseDamages.Listener {
        private final Replica replica;

        BaseEars(Replica replica) {
            this.replica = replica;
        }

        @Override
        public void damaged(BaseStretch stretch, boolean onDisk) {
            String file = path(replica, stretch);
            String text = words(stretch, onDisk);
            faults.report(FaultCode.STORE_CORRUPT, subject(file), text);
            note(new MachineStatus.Damage(file, text, Position.NONE, Position.NONE));
            remember();
            changed();
            examine();
        }

        @Override
        public void mended() {
            List<String> left = stretches().stream().map(each -> path(replica, each.place())).toList();
            replica.disks().all().stream().map(disk -> disk.placed().path()).filter(file -> !left.contains(file))
                    .forEach(file -> faults.clear(FaultCode.STORE_CORRUPT, subject(file)));
            remember();
            changed();
        }
    }

    private static String path(Replica replica, BaseStretch stretch) {
        return replica.disks().disk(stretch.disk()).placed().path();
    }

    private static String words(BaseStretch stretch, boolean onDisk) {
        return onDisk ? stretch + " of the base disk are not what was written"
                : stretch + " of the base disk had rotted before they could be saved; older points lack them";
    }

    private List<DamagedStretch> stretches() {
        BaseDamages known = base;
        return known == null ? List.of() : known.all();
    }

    /** A stretch of a base disk is not what was written, or may not be; from any thread. */
    void base(BaseStretch stretch) {
        loop.execute(() -> {
            BaseDamages known = base;
            if (known != null && means != null) {
                known.suspect(stretch);
            }
        });
    }

    /** A stretch of a base disk had rotted before it was saved; from any thread. */
    void lost(BaseStretch stretch) {
        loop.execute(() -> {
            BaseDamages known = base;
            if (known != null) {
                known.lost(stretch);
            }
        });
    }

    /** The checksums of a disk are lost, and are made anew from what it holds; from any thread. */
    void forgottenSums(PlacedDisk disk, String why) {
        String file = BaseSums.file(disk.index());
        String text = "the checksums of " + disk.path() + " are lost (" + why
                + "), and are made anew from what it holds; "
                + "`backhaul resync` finds what had rotted before";
        faults.report(FaultCode.STORE_CORRUPT, subject(file), text);
        loop.execute(() -> sums.put(file, text));
    }

    /** All that a disk holds has a checksum again; from any thread. */
    void sumsMade(int disk) {
        String file = BaseSums.file(disk);
        faults.clear(FaultCode.STORE_CORRUPT, subject(file));
        loop.execute(() -> sums.remove(file));
    }

    /** What was known is not any more. */
    void forgotten(StoreException why) {
        faults.report(why.code(), subject(DamageFile.NAME), String.valueOf(why.getMessage()));
    }

    /** Saves what is damaged, where that is not what was saved last. */
    private void remember() {
        Means now = means;
        BaseDamages disks = base;
        List<Placement> places = records.stream().map(DamagedRecords::damage).filter(SegmentDamage::takesRecords)
                .map(each -> new Placement(each.segment(), each.offset(), each.lengthBytes())).toList();
        var known = new DamageFile.Known(places, disks == null ? List.of() : disks.onDisk());
        if (now == null || saving || known.equals(remembered)) {
            return;
        }
        saving = true;
        now.replica.remember(known, new Lane.Outcome<DamageFile.Known>() {
            @Override
            public void done(DamageFile.Known saved) {
                saving = false;
                remembered = saved;
                remember();
            }

            @Override
            public void failed(IOException cause) {
                saving = false;
                faults.report(StoreException.of(cause, "").code(), subject(DamageFile.NAME),
                        String.valueOf(cause.getMessage()));
                loop.schedule(EXAMINE_NANOS, Damages.this::remember);
            }
        });
    }

    private String subject(String file) {
        return file + " of " + machine;
    }

    private static String ofJournal(String file) {
        return "journal/" + file;
    }

    private static String ofRun(Span span) {
        return "index/" + span.fileName();
    }

    static String ofUndo(long number) {
        return "undo/" + UndoFile.name(number);
    }

    /** A frame could not be read; from any thread. */
    void frame(SegmentLog log, Placement at, StoreException why) {
        faults.report(why.code(), subject(ofJournal(SegmentLog.fileName(at))), String.valueOf(why.getMessage()));
        loop.execute(() -> {
            Means now = means;
            if (now == null || records.stream().anyMatch(each -> each.damage().holds(at))) {
                return;
            }
            looking++;
            now.lane.submit(() -> log.look(at), loop, new Lane.Outcome<List<SegmentDamage>>() {
                @Override
                public void done(List<SegmentDamage> found) {
                    looking--;
                    found.forEach(each -> add(each));
                }

                @Override
                public void failed(IOException cause) {
                    // Whoever reads it the next time asks again.
                    looking--;
                    faults.report(FaultCode.STORE_FAILED, subject("journal"), String.valueOf(cause.getMessage()));
                }
            });
        });
    }

    /** A file of old content is not what was written; from any thread. */
    void undo(long number, StoreException why) {
        String file = ofUndo(number);
        String text = String.valueOf(why.getMessage());
        faults.report(why.code(), subject(file), text);
        loop.execute(() -> {
            note(new MachineStatus.Damage(file, text, Position.NONE, Position.NONE));
            others.put(file, text);
            changed();
        });
    }

    /** A run is not what was written. */
    void run(Span span) {
        String text = "a run of the index is damaged, and is made anew";
        faults.report(FaultCode.STORE_CORRUPT, subject(ofRun(span)), text);
        note(new MachineStatus.Damage(ofRun(span), text, Position.NONE, Position.NONE));
        others.put(ofRun(span), text);
    }

    /** A run is there, whole. */
    void runMade(Span span) {
        gone(ofRun(span));
    }

    /** Something could not be read back. */
    void unreadable(StoreException why) {
        faults.report(why.code(), subject(SCRUB), String.valueOf(why.getMessage()));
    }

    /** Everything could. */
    void readable() {
        faults.clear(FaultCode.STORE_FAILED, subject(SCRUB));
    }

    private void gone(String file) {
        if (others.remove(file) != null) {
            faults.clear(FaultCode.STORE_CORRUPT, subject(file));
        }
    }

    /** A stretch of the journal is not what was written; on the loop. */
    void journal(SegmentDamage damage) {
        if (add(damage)) {
            faults.report(FaultCode.STORE_CORRUPT, subject(ofJournal(damage.fileName())), words(damage));
        }
    }

    private static String words(SegmentDamage damage) {
        return damage.lengthBytes() + " bytes at " + damage.offset() + ": " + damage.what()
                + (damage.takesRecords() ? "; records after " + damage.after() + " up to " + damage.upTo() : "");
    }

    private boolean add(SegmentDamage damage) {
        Means now = means;
        boolean isKnown = records.stream().anyMatch(each -> each.damage().equals(damage));
        if (now == null || isKnown || damage.segment() < now.replica.log().oldestSegment()) {
            return false;
        }
        if (records.size() == MAX_RECORDS) {
            // So much is damaged that where exactly does not matter any more.
            records.add(records.removeLast().widened(damage));
        } else {
            records.add(DamagedRecords.of(damage, now.replica));
        }
        remember();
        changed();
        examine();
        return true;
    }

    private void changed() {
        Means now = means;
        if (now != null) {
            now.changed.run();
        }
    }

    /** What has been deleted is damaged no more. */
    void forget() {
        Means now = means;
        if (now == null) {
            return;
        }
        long oldest = now.replica.log().oldestSegment();
        List<DamagedRecords> left = records.stream().filter(each -> each.damage().segment() >= oldest).toList();
        records.stream().filter(each -> left.stream().noneMatch(other -> other.isInFileOf(each))).forEach(
                each -> faults.clear(FaultCode.STORE_CORRUPT, subject(ofJournal(each.damage().fileName()))));
        records.retainAll(left);
        remember();
        List<String> files = now.replica.undo().all().stream().map(file -> ofUndo(file.number())).toList();
        others.keySet().stream().filter(file -> file.startsWith("undo/") && !files.contains(file)).toList()
                .forEach(this::gone);
        BaseDamages disks = base;
        if (disks != null && !disks.isEmpty()) {
            disks.forget();
            examine();
        }
    }

    private void note(MachineStatus.Damage damage) {
        if (noted.size() < MAX_RECORDS) {
            noted.put(damage.file(), damage);
        }
    }

    /** Forgets what was noted. */
    void noteFromNowOn() {
        noted.clear();
    }

    /** What is damaged now, and what was found to be and has been mended. */
    List<MachineStatus.Damage> noted() {
        List<MachineStatus.Damage> all = all();
        noted.values().stream().filter(each -> all.stream().noneMatch(other -> other.file().equals(each.file())))
                .forEach(all::add);
        return all;
    }

    /** What is damaged now. */
    List<MachineStatus.Damage> all() {
        List<MachineStatus.Damage> all = new ArrayList<>();
        for (DamagedRecords each : records) {
            SegmentDamage damage = each.damage();
            String words = words(damage) + (each.areUnknown() ? "; " + MachineStatus.UNKNOWN : "");
            all.add(new MachineStatus.Damage(ofJournal(damage.fileName()), words, damage.after(), damage.upTo()));
        }
        Means now = means;
        if (now != null) {
            for (DamagedStretch each : stretches()) {
                all.add(new MachineStatus.Damage(path(now.replica, each.place()), words(each.place(), each.isOnDisk()),
                        Position.NONE, Position.NONE));
            }
        }
        for (Map<String, String> named : List.of(others, sums)) {
            named.forEach((file, what) -> all.add(new MachineStatus.Damage(file, what, Position.NONE, Position.NONE)));
        }
        return all;
    }

    /** The stretches of points that need what is damaged. */
    List<Damaged.Hidden> hidden() {
        Means now = means;
        return now == null ? List.of()
                : damaged().stream().flatMap(each -> each.hidden(now.replica.undo(), now.replica.base()).stream())
                        .toList();
    }

    /** What points may need. */
    private List<Damaged> damaged() {
        List<Damaged> damaged = new ArrayList<>(stretches());
        records.stream().filter(each -> each.damage().takesRecords()).forEach(damaged::add);
        return damaged;
    }

    /** Whether the point needs what is damaged. */
    boolean hides(Position point) {
        return hidden().stream().anyMatch(each -> each.holds(point));
    }

    /**
     * How far the base disks may be brought from one position towards another, without reading what is damaged: perhaps
     * farther, behind what has overwritten it; perhaps not at all.
     */
    Position passable(Position from, Position wanted) {
        List<DamagedRecords> ahead = records.stream()
                .filter(each -> each.damage().takesRecords() && from.isBefore(each.damage().upTo())).toList();
        Position target = wanted;
        for (DamagedRecords each : ahead) {
            target = each.isInside(target) && each.isSuperseded() ? each.supersededAt() : target;
        }
        return stopBefore(ahead, target);
    }

    /** The same, where it may not be farther. */
    Position passableAtMost(Position from, Position wanted) {
        return stopBefore(records.stream()
                .filter(each -> each.damage().takesRecords() && from.isBefore(each.damage().upTo())).toList(), wanted);
    }

    private static Position stopBefore(List<DamagedRecords> ahead, Position wanted) {
        Position target = wanted;
        Position before = Position.NONE;
        while (!target.equals(before)) {
            before = target;
            for (DamagedRecords each : ahead) {
                target = each.isInside(target) ? each.damage().after() : target;
            }
        }
        return target;
    }

    /** Whether points could be built upon the base disks at a position, that cannot be upon what is older. */
    boolean isSupersededBy(Position older, Position base) {
        return records.stream().anyMatch(each -> each.damage().takesRecords() && !each.isSuperseded()
                && !each.isBehind(older) && each.isBehind(base));
    }

    /** Whether a stretch of the journal begins amid a unit that cannot be read in parts. */
    boolean splits(Position from, Position to) {
        return records.stream().anyMatch(each -> each.damage().takesRecords() && each.splits(from, to));
    }

    /** Looks whether records have been overwritten. */
    private void examine() {
        Means now = means;
        if (now == null || examining) {
            return;
        }
        BaseDamages disks = base;
        if (disks != null && disks.examine(this::examineOn)) {
            examining = true;
            return;
        }
        for (Damaged each : damaged()) {
            Damaged.Question question = each.question(now.replica);
            if (question != null) {
                examining = true;
                now.lane.submit(question::answer, loop, examined(each));
                return;
            }
        }
        if (asking != null) {
            asking.consider(damaged());
        }
        if (!armed && damaged().stream().anyMatch(each -> each.isOpen(now.replica))) {
            armed = true;
            loop.schedule(EXAMINE_NANOS, () -> {
                armed = false;
                damaged().forEach(Damaged::askAgain);
                examine();
            });
        }
    }

    private void examineOn() {
        examining = false;
        changed();
        examine();
    }

    private Lane.Outcome<Position> examined(Damaged about) {
        return new Lane.Outcome<>() {
            @Override
            public void done(Position supersededAt) {
                examining = false;
                if (!supersededAt.equals(Position.NONE)) {
                    about.supersede(supersededAt);
                    changed();
                }
                examine();
            }

            @Override
            public void failed(IOException cause) {
                // Nothing new may ever come to the machine: it is not left at that.
                examining = false;
                about.unanswered();
                examine();
            }
        };
    }

    /** What the source was asked for last. */
    MachineStatus.Asked asked() {
        return asking == null ? MachineStatus.Asked.NOTHING : asking.asked();
    }

    /** Whether its lane reads just now. */
    boolean isLooking() {
        return examining || looking > 0 || isLookingAtDisks() || (asking != null && asking.isFinding());
    }

    /** Whether it is being found out what of the base disks is damaged. */
    boolean isLookingAtDisks() {
        return base != null && base.isLooking();
    }

    /** Nothing more is looked at. */
    void close() {
        means = null;
    }
}
