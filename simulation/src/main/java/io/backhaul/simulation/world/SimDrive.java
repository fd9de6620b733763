package io.backhaul.simulation.world;

import io.backhaul.blockio.volume.Volume;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.SortedSet;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A file system: what its folders say and what of that is durable. Changes of a folder that were not synced are, when the
 * power fails, kept or lost one by one; the kept ones are applied in order.
 */
public final class SimDrive implements SimHost.Store {
    private final SimHost host;
    private final String name;
    private final Dice dice;
    private final Trouble trouble;
    private final Tally tally;
    private TreeMap<String, Inode> current = new TreeMap<>();
    private final TreeMap<String, Inode> durable = new TreeMap<>();
    private final List<Change> pending = new ArrayList<>();
    private final TreeSet<String> folders = new TreeSet<>();
    private final long usualBytes;
    private final PagedBytes.Usage usage = new PagedBytes.Usage();
    private long capacityBytes;

    /** A file's bytes and length. */
    static final class Inode {
        final PagedBytes bytes;
        long length;
        long durableLength;

        Inode(PagedBytes bytes) {
            this.bytes = bytes;
        }
    }

    Inode newInode() {
        return new Inode(new PagedBytes(usage));
    }

    /** A change of a folder that has not been synced. */
    record Change(String folder, String from, @Nullable String to, @Nullable Inode inode) {
        void apply(Map<String, Inode> entries) {
            if (inode != null) {
                entries.put(from, inode);
            } else {
                Inode moved = entries.remove(from);
                if (to != null && moved != null) {
                    entries.put(to, moved);
                }
            }
        }
    }

    public SimDrive(SimHost host, String name, long capacityBytes, Tally tally) {
        this.host = host;
        this.name = name;
        this.dice = host.dice().fork("drive " + name);
        this.trouble = new Trouble(host.scheduler(), tally);
        this.usualBytes = capacityBytes;
        this.capacityBytes = capacityBytes;
        this.tally = tally;
        host.attach(this);
    }

    /** The file system as a process sees it. */
    public Volume mount(SimProcess process) {
        return new SimVolume(this, process, "");
    }

    public String name() {
        return host.name() + ":" + name;
    }

    public Trouble trouble() {
        return trouble;
    }

    Dice dice() {
        return dice;
    }

    Tally tally() {
        return tally;
    }

    public void resize(long bytes) {
        capacityBytes = bytes;
    }

    /** What fits where nothing is wrong. */
    public long usualBytes() {
        return usualBytes;
    }

    public long usedBytes() {
        return usage.bytes();
    }

    /** Everything that was stored is gone, as after the replacement of a disk. */
    public void wipe() {
        current.clear();
        durable.clear();
        pending.clear();
        folders.clear();
        usage.recount(List.of());
    }

    /** Flips a bit in one of the files whose name contains the text; false where there is nothing to flip. */
    public boolean flipBit(String part) {
        List<Inode> files = new ArrayList<>();
        current.forEach((file, inode) -> {
            if (file.contains(part)) {
                files.add(inode);
            }
        });
        return !files.isEmpty() && dice.pick(files).bytes.flipBit(dice);
    }

    /** The same in the first half of a file that holds everything twice, and of which nothing is being written just now. */
    public boolean flipBitOfFirstCopy(String file) {
        Inode inode = current.get(file);
        return inode != null && !inode.bytes.isDirty() && inode.bytes.flipBit(dice, inode.length / 2);
    }

    /** The system writes some of what is dirty back by itself. */
    public void writeBack() {
        current.values().forEach(inode -> {
            if (inode.bytes.isDirty()) {
                inode.bytes.writeBack(dice, 0.5);
            }
        });
    }

    Map<String, Inode> entries() {
        return current;
    }

    SortedSet<String> folders() {
        return folders;
    }

    void change(Change change) {
        Inode replaced = change.to() != null ? current.get(change.to())
                : change.inode() == null
                        ? current.get(change.from())
                        : null;
        if (replaced != null) {
            replaced.bytes.unlink();
        }
        change.apply(current);
        pending.add(change);
    }

    void syncFolder(String folder) {
        pending.removeIf(change -> {
            if (!change.folder().equals(folder)) {
                return false;
            }
            change.apply(durable);
            return true;
        });
    }

    @Override
    public void losePower() {
        double survival = dice.pick(List.of(0.0, 0.0, 0.3, 0.5, 0.9, 1.0));
        for (Change change : pending) {
            if (dice.chance(survival)) {
                change.apply(durable);
            } else {
                tally.count("power: folder change lost");
            }
        }
        pending.clear();
        current = new TreeMap<>(durable);
        for (Inode inode : new ArrayList<>(current.values())) {
            if (inode.bytes.isDirty()) {
                tally.count("power: file with unsynced bytes");
            }
            inode.bytes.losePower(dice, survival);
            if (inode.length != inode.durableLength && !dice.chance(survival)) {
                inode.length = dice.chance(0.7) ? inode.durableLength
                        : dice.between(Math.min(inode.length, inode.durableLength),
                                Math.max(inode.length, inode.durableLength));
                inode.bytes.cut(inode.length);
                inode.bytes.sync();
            }
            inode.durableLength = inode.length;
        }
        usage.recount(current.values().stream().map(inode -> inode.bytes).toList());
    }

    long freeBytes() {
        return Math.max(0, capacityBytes - usedBytes());
    }

    SimHost host() {
        return host;
    }
}
