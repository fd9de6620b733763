package io.backhaul.cli;

import io.backhaul.engine.control.ControlFault;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.LongAdder;

/** Marks moments of a {@link CheckedLoad} whose version is known, again and again. */
final class SoakMarks implements AutoCloseable {
    private static final long BETWEEN_MILLIS = 400;

    /** A mark that the master target has journaled, as the agent said. */
    record Kept(String label, Position position, long version) {}

    private final Fleet fleet;
    private final CheckedLoad load;
    private final Ledger ledger;
    private final List<Kept> kept = new CopyOnWriteArrayList<>();
    private final Worker worker;
    private final LongAdder refused = new LongAdder();

    private SoakMarks(Fleet fleet, CheckedLoad load, Ledger ledger) {
        this.fleet = fleet;
        this.load = load;
        this.ledger = ledger;
        this.worker = new Worker("marking", this::run);
    }

    static SoakMarks of(Fleet fleet, CheckedLoad load, Ledger ledger) {
        var marks = new SoakMarks(fleet, load, ledger);
        marks.worker.start();
        return marks;
    }

    private void run() throws IOException, InterruptedException {
        for (int number = 0; !worker.rest(BETWEEN_MILLIS); number++) {
            mark("kept-" + number);
        }
    }

    private void mark(String label) throws IOException, InterruptedException {
        try {
            Optional<Kept> mark = load.pause(() -> {
                try {
                    Answer answer = new Answer(fleet.client(Part.SOURCE).ask("mark", Map.of("label", label)));
                    return Optional.of(new Kept(label, Position.parse(answer.text("position")), ledger.latest()));
                } catch (ControlFault notOrdered) {
                    return Optional.empty();
                }
            });
            if (mark.isEmpty()) {
                refused.increment();
                return;
            }
            // Whoever answers this has been there all the time, and what stands before it in the stream is journaled too.
            fleet.client(Part.SOURCE).ask("mark", Map.of("label", label + "-journaled", "wait", true));
            kept.add(mark.get());
        } catch (ControlFault lost) {
            refused.increment();
        }
    }

    List<Kept> kept() {
        return kept;
    }

    /** Marks that nobody was promised anything of. */
    long refused() {
        return refused.sum();
    }

    void stop() throws IOException, InterruptedException {
        worker.stop();
    }

    @Override
    public void close() {
        worker.close();
    }
}
