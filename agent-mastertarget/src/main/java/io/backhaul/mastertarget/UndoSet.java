package io.backhaul.mastertarget;

import io.backhaul.blockio.volume.StoredFile;
import io.backhaul.blockio.volume.Volume;
import io.backhaul.engine.log.StoreException;
import io.backhaul.engine.log.StoreException.Kind;
import io.backhaul.mastertarget.Checkpoint.Base;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The old content of what has been folded: files that follow each other, each begun where the base disks stood then, at
 * position X<sub>i</sub>. What a byte was at X<sub>i</sub> stands in the first file from the <i>i</i>th on that holds it,
 * and else in the base disks. The oldest point that can be opened is X of the oldest file.
 * <p>
 * Files are begun, filled and deleted by one lane at a time, and the loop says when; any thread reads. What a reader has
 * pinned is not deleted.
 */
final class UndoSet implements AutoCloseable {
    private static final Pattern NAME = Pattern.compile("([0-9a-f]{16})\\.undo");
    private static final int MAX_ZERO_BYTES = 1 << 30;

    private final Volume volume;
    private final UUID machine;
    private final Damages damages;
    private volatile List<UndoFile> files = List.of();
    private volatile List<Long> gone = List.of();
    private final Queue<UndoFile> unused = new ConcurrentLinkedQueue<>();
    private long lastNumber;
    private volatile long damagedNumber;

    /** Where the old content of a stretch of a disk is; not here where there is no file. */
    record Found(long from, long to, @Nullable UndoFile file, UndoMap map, int index) {
        boolean zero() {
            return file != null && map.zero(index);
        }

        /** Whether nobody knows what stood there. */
        boolean lost() {
            return file != null && map.lost(index);
        }
    }

    private record Stretch(long from, long to, boolean zero) {}

    /**
     * @param damages
     *            is told of every file that is not what was written
     */
    UndoSet(Volume volume, UUID machine, Damages damages) {
        this.volume = volume;
        this.machine = machine;
        this.damages = damages;
    }

    /**
     * Finds what has been saved. Of the files only those count that follow each other up to the newest, and lie between the
     * journal's beginning and where the base disks stand; the others are deleted. Files that were begun behind that are left
     * of before the disks were brought back, and those in front of them count. Blocks.
     */
    void open(Position journalBefore, Position base) throws IOException {
        List<Long> numbers = numbers();
        List<UndoFile> chain = new ArrayList<>();
        Position limit = base;
        boolean follows = true;
        try {
            for (long number : numbers.reversed()) {
                lastNumber = chain.isEmpty() ? Math.max(lastNumber, number) : lastNumber;
                boolean adjoins = chain.isEmpty() || chain.getFirst().number() == number + 1;
                UndoFile file = follows && adjoins ? open(number) : null;
                if (file != null && chain.isEmpty() && base.isBefore(file.at().position())) {
                    file.close();
                    continue;
                }
                if (file != null && limit.isAtLeast(file.at().position())
                        && file.at().position().isAtLeast(journalBefore)) {
                    lastNumber = chain.isEmpty() ? number : lastNumber;
                    chain.addFirst(file);
                    limit = file.at().position();
                    continue;
                }
                if (file != null) {
                    file.close();
                }
                follows &= number == numbers.getLast() && wasBeingMade(number);
            }
        } catch (IOException failed) {
            for (UndoFile file : chain) {
                file.close();
            }
            throw failed;
        }
        files = List.copyOf(chain);
        gone = numbers.stream().filter(number -> chain.stream().noneMatch(each -> each.number() == number)).toList();
        clear();
    }

    /** Whether a file has nothing but a header, if that: nothing was overwritten on the strength of it. */
    private boolean wasBeingMade(long number) throws IOException {
        try (StoredFile file = volume.open(UndoFile.name(number))) {
            return file.length() <= UndoFile.HEADER_BYTES;
        }
    }

    private List<Long> numbers() throws IOException {
        List<Long> numbers = new ArrayList<>();
        for (String name : volume.list("")) {
            Matcher matcher = NAME.matcher(name);
            if (matcher.matches()) {
                numbers.add(Long.parseUnsignedLong(matcher.group(1), 16));
            }
        }
        Collections.sort(numbers);
        return numbers;
    }

    /** Null where it is damaged, or was only being made. */
    private @Nullable UndoFile open(long number) throws IOException {
        try {
            return UndoFile.open(volume, machine, number);
        } catch (StoreException failed) {
            if (failed.kind() != Kind.CORRUPT) {
                throw failed;
            }
            damages.undo(number, failed);
            return null;
        }
    }

    boolean isEmpty() {
        return files.isEmpty();
    }

    int count() {
        return files.size();
    }

    /** The state of the source that can be had at the oldest; there is one. */
    Base oldest() {
        return files.getFirst().at();
    }

    /** The file that is being filled; there is one. */
    UndoFile newest() {
        return files.getLast();
    }

    /** Where the state ends that is had with the help of a file: where the next one begins. */
    Position endOf(int index, Position base) {
        return index + 1 < files.size() ? files.get(index + 1).at().position() : base;
    }

    /** The newest state known that is not after the position; {@code otherwise} where there is none. */
    Position startFor(Position position, Position otherwise) {
        for (UndoFile file : files.reversed()) {
            if (position.isAtLeast(file.at().position())) {
                return file.at().position();
            }
        }
        return otherwise;
    }

    long bytes() {
        return files.stream().mapToLong(UndoFile::bytes).sum();
    }

    long stretches() {
        return files.stream().mapToLong(UndoFile::stretches).sum();
    }

    /** Begins a file where the base disks stand, and hold nothing newer. Blocks. */
    void begin(Base base) throws IOException {
        List<UndoFile> next = new ArrayList<>(files);
        try {
            next.add(UndoFile.create(volume, machine, lastNumber + 1, base));
        } catch (IOException failed) {
            gone = List.of(lastNumber + 1);
            throw StoreException.of(failed, "beginning a file of old content");
        }
        lastNumber++;
        files = List.copyOf(next);
    }

    /** Takes so many of the oldest files out of use; they are to be deleted. Nobody has pinned them. */
    void giveUp(int count) {
        List<Long> numbers = new ArrayList<>(gone);
        for (UndoFile file : files.subList(0, count)) {
            numbers.add(file.number());
            unused.add(file);
        }
        gone = List.copyOf(numbers);
        files = List.copyOf(files.subList(count, files.size()));
    }

    /** Takes the files out of use that were begun behind a position to which the base disks have been brought back. */
    void giveUpAfter(Position position) {
        List<Long> numbers = new ArrayList<>(gone);
        List<UndoFile> left = new ArrayList<>();
        for (UndoFile file : files) {
            if (position.isBefore(file.at().position())) {
                numbers.add(file.number());
                unused.add(file);
            } else {
                left.add(file);
                lastNumber = file.number();
            }
        }
        gone = List.copyOf(numbers);
        files = List.copyOf(left);
    }

    /** Whether files are still to be deleted: nothing is folded before, as a start would take them to be right. */
    boolean mustClear() {
        return !gone.isEmpty();
    }

    /** Deletes what is out of use, the oldest first, durably. Blocks. */
    void clear() throws IOException {
        while (!unused.isEmpty()) {
            unused.remove().close();
        }
        for (long number : gone) {
            if (volume.exists(UndoFile.name(number))) {
                volume.delete(UndoFile.name(number));
                volume.syncFolder("");
            }
        }
        if (!gone.isEmpty()) {
            volume.syncFolder("");
        }
        gone = List.of();
    }

    /**
     * Saves what is about to be overwritten, as far as the newest file does not hold it, durably. Blocks.
     *
     * @param work
     *            what will be written, without overlaps
     */
    void save(List<Piece> work, BaseSet disks) throws IOException {
        UndoFile file = newest();
        try {
            file.begin();
            Saving saving = new Saving(file, disks);
            for (Piece piece : work.stream().sorted(Folder.BY_PLACE).toList()) {
                saving.add(piece);
            }
            saving.end();
            file.commit();
            saving.lost.forEach(damages::lost);
        } catch (IOException failed) {
            throw StoreException.of(failed, "saving old content");
        }
    }

    /** Joins what lies side by side, and copies it. What has rotted is not copied as if it were right, but said to be lost. */
    private static final class Saving {
        private final UndoFile file;
        private final BaseSet disks;
        private final ByteBuffer content = ByteBuffer
                .allocate(UndoFile.MAX_STRETCH_BYTES + 2 * SectorSums.SECTOR_BYTES);
        private final List<BaseStretch> lost = new ArrayList<>();
        private int disk;
        private long from;
        private long to;

        Saving(UndoFile file, BaseSet disks) {
            this.file = file;
            this.disks = disks;
        }

        void add(Piece piece) throws IOException {
            UndoMap map = file.map(piece.disk());
            long at = piece.start();
            for (int next = map.firstEndingAfter(at); at < piece.end(); next++) {
                boolean more = next < map.count();
                long start = more ? Math.min(map.start(next), piece.end()) : piece.end();
                if (at < start) {
                    add(piece.disk(), at, start);
                }
                at = more ? Math.max(start, map.end(next)) : start;
            }
        }

        private void add(int ofDisk, long start, long end) throws IOException {
            if (ofDisk != disk || start != to) {
                end();
                disk = ofDisk;
                from = start;
            }
            to = end;
        }

        /** Copies what has been joined. */
        void end() throws IOException {
            List<Stretch> parts = new ArrayList<>();
            if (from < to) {
                disks.disk(disk).extents(from, to - from,
                        (offset, length, zero) -> parts.add(new Stretch(offset, offset + length, zero)));
            }
            for (Stretch part : parts) {
                long step = part.zero ? MAX_ZERO_BYTES : UndoFile.MAX_STRETCH_BYTES;
                for (long at = part.from; at < part.to; at += step) {
                    copy(at, (int) Math.min(step, part.to - at), part.zero);
                }
            }
            from = to;
        }

        private void copy(long at, int length, boolean zero) throws IOException {
            if (zero) {
                file.add(disk, at, length, null);
                return;
            }
            long first = BaseDisk.floor(at);
            content.clear().limit((int) (BaseDisk.ceiling(at + length) - first));
            long next = at;
            for (BaseStretch wrong : disks.disk(disk).readAndCheck(first, content)) {
                BaseStretch gone = new BaseStretch(disk, Math.max(at, wrong.from()), Math.min(at + length, wrong.to()));
                keep(first, next, gone.from());
                file.addLost(gone);
                lost.add(gone);
                next = gone.to();
            }
            keep(first, next, at + length);
        }

        private void keep(long first, long start, long end) throws IOException {
            if (start < end) {
                int bytes = (int) (end - start);
                file.add(disk, start, bytes, content.slice((int) (start - first), bytes));
            }
        }
    }

    /** What a range was at a position where a file begins, or where the first one began later; rising without gaps. */
    List<Found> find(Position from, int disk, long start, long end) {
        List<Found> found = new ArrayList<>();
        List<UndoFile> now = files;
        int first = 0;
        while (first < now.size() && now.get(first).at().position().isBefore(from)) {
            first++;
        }
        descend(now.subList(first, now.size()), disk, start, end, found);
        return found;
    }

    private static void descend(List<UndoFile> oldestFirst, int disk, long start, long end, List<Found> found) {
        if (oldestFirst.isEmpty()) {
            found.add(new Found(start, end, null, UndoMap.EMPTY, 0));
            return;
        }
        UndoFile file = oldestFirst.getFirst();
        List<UndoFile> later = oldestFirst.subList(1, oldestFirst.size());
        UndoMap map = file.map(disk);
        long at = start;
        for (int next = map.firstEndingAfter(at); at < end; next++) {
            boolean more = next < map.count() && map.start(next) < end;
            long begin = more ? Math.max(at, map.start(next)) : end;
            if (at < begin) {
                descend(later, disk, at, begin, found);
            }
            at = begin;
            if (more) {
                at = Math.min(end, map.end(next));
                found.add(new Found(begin, at, file, map, next));
            }
        }
    }

    /** Reads what was found; where that is zero, zeroes. */
    void read(Found found, ByteBuffer target) throws IOException {
        UndoFile file = found.file;
        if (file == null) {
            throw new IllegalArgumentException("nothing has been saved from " + found.from);
        }
        if (found.lost()) {
            throw new StoreException(Kind.CORRUPT, (found.to - found.from) + " bytes at " + found.from
                    + " had rotted on the base disk before they were saved");
        }
        try {
            file.read(found.map, found.index, found.from, target);
        } catch (StoreException failed) {
            damage(file, failed);
            throw failed;
        }
    }

    /** A file is not what was written: neither it nor those before it can be relied upon. From any thread. */
    private synchronized void damage(UndoFile file, StoreException why) {
        damagedNumber = Math.max(damagedNumber, file.number());
        damages.undo(file.number(), why);
    }

    /** The stretches that had rotted before they were saved. */
    List<BaseStretch> lost() {
        return files.stream().flatMap(file -> file.lost().stream()).toList();
    }

    /** How many of the oldest files cannot be relied upon. */
    int damagedCount() {
        return (int) files.stream().filter(file -> file.number() <= damagedNumber).count();
    }

    /**
     * Reads a part of a file back; from any thread.
     *
     * @return how far it has come; -1 at the end, or where it is damaged, which is told
     */
    long check(UndoFile file, long from) throws IOException {
        if (from >= file.bytes() || !files.contains(file)) {
            return -1;
        }
        try {
            return file.check(machine, from);
        } catch (StoreException failed) {
            if (failed.kind() == Kind.CORRUPT && files.contains(file)) {
                damage(file, failed);
                return -1;
            }
            throw failed;
        } catch (IOException failed) {
            if (files.contains(file)) {
                throw failed;
            }
            return -1;
        }
    }

    /** All files, the oldest first. */
    List<UndoFile> all() {
        return files;
    }

    /** The files that begin at the position or behind it, the oldest first. */
    List<UndoFile> from(Position position) {
        return files.stream().filter(file -> file.at().position().isAtLeast(position)).toList();
    }

    @Override
    public void close() throws IOException {
        for (UndoFile file : unused) {
            file.close();
        }
        for (UndoFile file : files) {
            file.close();
        }
    }
}
