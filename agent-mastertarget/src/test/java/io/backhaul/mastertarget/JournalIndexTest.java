package io.backhaul.mastertarget;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.engine.log.CrashVolume;
import io.backhaul.engine.log.LogKind;
import io.backhaul.engine.log.SegmentLimits;
import io.backhaul.engine.log.SegmentLog;
import io.backhaul.engine.log.SegmentLog.Placement;
import io.backhaul.mastertarget.Layers.Found;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.Fidelity;
import io.backhaul.protocol.FidelityChange;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.GenerationStart;
import io.backhaul.protocol.Mark;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.WriteBatchBuilder;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The index of a journal beside an oracle that knows where each sector was written last. */
final class JournalIndexTest {
    private static final UUID MACHINE = new UUID(1, 2);
    private static final int[] DISKS = {0, 1};
    private static final int SECTORS = 200;

    /** What a sector held after a frame: where it was written, and by which frame. */
    private record Written(Placement at, int payloadOffset, boolean zero, Position position) {}

    /** What is open. */
    private record Life(SegmentLog log, JournalIndex index, Indexer indexer, Timeline timeline) {}

    @SuppressWarnings("ArrayRecordComponent")
    private record State(Position position, @Nullable Written[] sectors) {}

    private final CrashVolume volume = new CrashVolume("machine");
    private final List<State> states = new ArrayList<>();
    private final List<Mark> marks = new ArrayList<>();
    private @Nullable Written[] sectors = new Written[DISKS.length * SECTORS];
    private Random random = new Random(1);
    private World world = new World(random);
    private IndexLimits limits = new IndexLimits(40, 32 << 10);
    private @Nullable Life life;
    private Position last = Position.NONE;

    private void open() throws IOException {
        world = new World(random);
        SegmentLog log = SegmentLog.open(volume.folder("journal"), LogKind.JOURNAL, MACHINE,
                SegmentLimits.ofSegments(16 << 10), ByteBufAllocator.DEFAULT);
        List<PlacedDisk> placed = Arrays.stream(DISKS)
                .mapToObj(
                        disk -> new PlacedDisk(new DiskInfo(disk, "serial", SECTORS * 512L, 512), DiskFormat.RAW, "d"))
                .toList();
        Checkpoint checkpoint = Checkpoint.fresh(MACHINE, new UUID(3, 4)).withDisks("machine", placed)
                .withDirect(false);
        Timeline timeline = new Timeline(checkpoint.base());
        RunSet runs = new RunSet(log, MACHINE, new RunFiles(volume.folder("index")), limits.cacheBytes());
        JournalIndex index = new IndexOpening(runs, limits, timeline, checkpoint, checkpoint.base().position()).run();
        Indexer indexer = new Indexer(index, world.loop, world.lane(), DISKS);
        indexer.begin();
        life = new Life(log, index, indexer, timeline);
    }

    private SegmentLog log() {
        return Objects.requireNonNull(life).log;
    }

    private JournalIndex index() {
        return Objects.requireNonNull(life).index;
    }

    private Indexer indexer() {
        return Objects.requireNonNull(life).indexer;
    }

    private Timeline timeline() {
        return Objects.requireNonNull(life).timeline;
    }

    private void close() throws IOException {
        index().runs().files().close();
        log().close();
    }

    private void begin(long seed) throws Exception {
        System.out.println("seed " + seed);
        random = new Random(seed);
        open();
        last = new Position(1, 1);
        put(new GenerationStart(MACHINE, 1, 1_000, Position.NONE, Fidelity.BASELINE, new UUID(1, 1), "machine",
                List.of(new DiskInfo(0, "a", SECTORS * 512L, 512), new DiskInfo(1, "b", SECTORS * 512L, 512)))
                .frame(ByteBufAllocator.DEFAULT));
        last = last.plus(1);
        put(new FidelityChange(MACHINE, last, 1_000, Fidelity.ORDERED, new UUID(3, 4)).frame(ByteBufAllocator.DEFAULT));
    }

    private Placement put(Frame frame) throws Exception {
        Placement at = log().append(frame);
        log().sync();
        index().add(frame, at);
        timeline().add(frame);
        frame.release();
        return at;
    }

    private void frames(int count) throws Exception {
        for (int i = 0; i < count; i++) {
            if (random.nextInt(20) == 0) {
                last = last.plus(1);
                Mark mark = new Mark(MACHINE, last, last.sequence() * 10, Mark.Kind.USER, "mark " + last);
                marks.add(mark);
                put(mark.frame(ByteBufAllocator.DEFAULT));
            } else {
                writes();
            }
            states.add(new State(last, sectors.clone()));
            world.steps(random.nextInt(3));
        }
    }

    private void writes() throws Exception {
        WriteBatchBuilder builder = new WriteBatchBuilder(ByteBufAllocator.DEFAULT, 64 << 10);
        int records = 1 + random.nextInt(6);
        Position first = last.plus(1);
        List<int[]> written = new ArrayList<>();
        int payload = 0;
        for (int i = 0; i < records; i++) {
            int disk = random.nextInt(DISKS.length);
            int start = random.nextInt(SECTORS);
            int length = 1 + random.nextInt(Math.min(12, SECTORS - start));
            boolean zero = random.nextInt(4) == 0;
            if (zero) {
                builder.zero(disk, 512L * start, 512 * length);
            } else {
                builder.data(disk, 512L * start, ByteBuffer.allocate(512 * length));
            }
            written.add(new int[]{disk * SECTORS + start, length, zero ? -1 : payload});
            payload += zero ? 0 : 512 * length;
        }
        last = last.plus(records);
        Placement at = put(builder.close(new WriteBatchBuilder.Heading(MACHINE, first, first.sequence() * 10, false)));
        for (int[] each : written) {
            for (int i = 0; i < each[1]; i++) {
                sectors[each[0] + i] = new Written(at, each[2] < 0 ? 0 : each[2] + 512 * i, each[2] < 0, last);
            }
        }
    }

    private void check(Position after, State state, boolean exact) throws IOException {
        IndexStretch stretch = exact ? index().exactly(after, state.position) : index().stretch(after, state.position);
        Layers layers = stretch.open(DISKS);
        int from = random.nextInt(SECTORS);
        int to = from + 1 + random.nextInt(SECTORS - from);
        for (int disk : DISKS) {
            long at = 512L * from;
            for (Found found : layers.find(disk, at, 512L * to)) {
                assertThat(found.from()).isEqualTo(at);
                for (at = found.from(); at < found.to(); at += 512) {
                    check(state.sectors[disk * SECTORS + (int) (at / 512)], found, after, at, exact);
                }
            }
            assertThat(at).isEqualTo(512L * to);
        }
        long live = Arrays.stream(state.sectors).filter(each -> each != null && after.isBefore(each.position)).count();
        if (exact) {
            assertThat(layers.liveBytes()).isEqualTo(512 * live);
        }
    }

    private static void check(@Nullable Written written, Found found, Position after, long at, boolean exact) {
        Piece piece = found.piece();
        boolean isNewer = written != null && after.isBefore(written.position);
        if (piece == null) {
            assertThat(isNewer).as("%s at %s", written, at).isFalse();
            return;
        }
        Objects.requireNonNull(written);
        assertThat(isNewer || !exact).isTrue();
        assertThat(piece.at()).isEqualTo(written.at);
        assertThat(piece.zero()).isEqualTo(written.zero);
        assertThat(piece.payloadOffset() + (piece.zero() ? 0 : at - found.from())).isEqualTo(written.payloadOffset);
    }

    private void checkSome(int times, Position from) throws IOException {
        List<State> left = states.stream().filter(state -> from.isBefore(state.position)).toList();
        for (int i = 0; i < times && !left.isEmpty(); i++) {
            State state = left.get(random.nextInt(left.size()));
            List<Position> ends = states.stream().map(State::position)
                    .filter(end -> end.isAtLeast(from) && end.isBefore(state.position)).toList();
            Position after = ends.isEmpty() || random.nextInt(3) == 0 ? from : ends.get(random.nextInt(ends.size()));
            check(after, state, random.nextBoolean());
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void saysWhereEachByteWasWrittenLastAtAnyPosition(long seed) throws Exception {
        limits = new IndexLimits(1 << (3 + seed % 4), 4096L << (seed % 5));
        begin(seed);
        for (int round = 0; round < 6; round++) {
            frames(40);
            checkSome(20, Position.NONE);
            if (random.nextInt(3) == 0) {
                world.pass(1_000_000_000L);
                checkSome(20, Position.NONE);
            }
            if (random.nextInt(3) == 0) {
                close();
                lose();
                open();
                assertThat(timeline().newest()).isEqualTo(last);
                assertThat(timeline().marks(Position.NONE)).isEqualTo(marks);
                checkSome(20, Position.NONE);
            }
        }
        close();
    }

    /** The power fails, or some of the runs are gone, cut or changed. */
    private void lose() {
        CrashVolume runs = volume.folder("index");
        switch (random.nextInt(4)) {
            case 0 -> volume.crash(random);
            case 1 -> runs.list("").forEach(this::deleteOrNot);
            case 2 -> runs.list("").forEach(this::flipOrNot);
            default -> {
                // a stop in order
            }
        }
    }

    private void deleteOrNot(String name) {
        try {
            if (random.nextInt(3) > 0) {
                volume.folder("index").delete(name);
            }
        } catch (IOException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private void flipOrNot(String name) {
        byte[] bytes = volume.folder("index").bytes(name);
        if (random.nextInt(3) == 0 && bytes.length > 0) {
            bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
            volume.folder("index").put(name,
                    random.nextInt(4) == 0 ? Arrays.copyOf(bytes, random.nextInt(bytes.length)) : bytes);
        }
    }

    @Test
    void aRunThatRotsWhileItIsInUseIsPassedOverAndMadeAnew() throws Exception {
        limits = new IndexLimits(10, 0);
        begin(7);
        frames(400);
        world.pass(1_000_000_000L);
        CrashVolume runs = volume.folder("index");
        State newest = states.getLast();
        for (int i = 0; i < 30; i++) {
            List<String> names = runs.list("");
            String name = names.get(random.nextInt(names.size()));
            byte[] whole = runs.bytes(name);
            byte[] rotten = whole.clone();
            for (int at = 4096; at < rotten.length; at += 4096) {
                rotten[at + random.nextInt(Math.min(4096, rotten.length - at))] ^= 64;
            }
            runs.put(name, rotten);
            check(Position.NONE, newest, true);
            checkSome(3, Position.NONE);
            world.pass(2_000_000_000L);
        }
        checkSome(100, Position.NONE);
        close();
    }

    @Test
    void aStartReadsTheNewestSegmentOnlyAndAFewRunsCoverEverything() throws Exception {
        limits = new IndexLimits(4, 1 << 20);
        begin(8);
        frames(400);
        world.pass(10_000_000_000L);
        assertThat(indexer().isIdle()).isTrue();
        long units = index().runs().units().size();
        assertThat(units).isGreaterThan(130);
        int levels = 1 + (int) (Math.log((double) units) / Math.log(RunSet.FAN_IN));
        for (int i = 0; i < 100; i++) {
            State state = states.get(random.nextInt(states.size()));
            assertThat(index().stretch(Position.NONE, state.position).open(DISKS).count())
                    .isLessThanOrEqualTo(1 + (RunSet.FAN_IN - 1) * levels);
        }
        close();
        open();
        assertThat(index().runs().units().size()).isEqualTo((int) units);
        assertThat(index().memoryBytes()).isLessThan(1 << 20);
        assertThat(indexer().isIdle()).isTrue();
        checkSome(50, Position.NONE);
        close();
    }

    @Test
    void whatIsTrimmedLeavesTheIndexAndItsFilesToo() throws Exception {
        limits = new IndexLimits(10, 64 << 10);
        begin(9);
        for (int round = 0; round < 10; round++) {
            frames(100);
            world.pass(1_000_000_000L);
            Position base = states.get(states.size() - 40).position;
            log().trimTo(base);
            indexer().forget(index().trimTo(log().before()));
            world.pass(1_000_000_000L);
            checkSome(30, base);
            if (random.nextBoolean()) {
                Position before = log().before();
                close();
                open();
                assertThat(log().before()).isEqualTo(before);
                checkSome(30, base);
            }
            world.pass(1_000_000_000L);
            assertThat(volume.folder("index").list("")).hasSameElementsAs(
                    index().runs().spans().stream().map(RunHeader.Span::fileName).toList());
        }
        assertThat(index().runs().units().firstKey()).isGreaterThan(10);
        close();
    }

    @Test
    void onAFullVolumeNothingIsHalfMadeAndWhatIsTrimmedGivesItsRoomBack() throws Exception {
        limits = new IndexLimits(10, 64 << 10);
        begin(11);
        frames(300);
        world.pass(1_000_000_000L);
        CrashVolume runs = volume.folder("index");
        runs.capacity(runs.list("").stream().mapToLong(name -> runs.bytes(name).length).sum() + 6_000);
        frames(200);
        world.pass(5_000_000_000L);
        assertThat(indexer().isIdle()).isFalse();
        assertThat(runs.list("")).noneMatch(name -> name.endsWith(".new"));
        checkSome(30, Position.NONE);
        Position base = states.get(250).position;
        log().trimTo(base);
        indexer().forget(index().trimTo(log().before()));
        world.pass(5_000_000_000L);
        assertThat(runs.list("")).doesNotContain(RunSet.span(0, 1).fileName());
        checkSome(30, base);
        runs.capacity(Long.MAX_VALUE);
        world.pass(5_000_000_000L);
        assertThat(indexer().isIdle()).isTrue();
        checkSome(30, base);
        close();
    }

    @Test
    void timesAreFoundAsInAJournalThatIsReadWhole() throws Exception {
        limits = new IndexLimits(10, 64 << 10);
        begin(10);
        frames(300);
        for (State state : states) {
            IndexUnit unit = Objects
                    .requireNonNull(index().newestUpTo(state.position.sequence() * 10 + 5));
            Position found = index().source(unit).get().lastUpTo(state.position.sequence() * 10 + 5);
            assertThat(found.isAtLeast(state.position)).isTrue();
            assertThat(index().stretch(Position.NONE, state.position).open(DISKS)).isNotNull();
            IndexStretch stretch = index().stretch(Position.NONE, state.position);
            stretch.open(DISKS);
            assertThat(stretch.lastMicros()).isBetween(10L, state.position.sequence() * 10);
        }
        close();
    }
}
