package io.backhaul.cli;

import io.backhaul.engine.time.Clock;
import java.io.Console;
import java.io.PrintStream;
import java.util.Locale;
import java.util.Optional;

/**
 * Work under way, shown on stderr: a bar that is drawn over itself on a terminal, and otherwise a line every two
 * seconds. Owned by one thread.
 */
final class ProgressLine implements AutoCloseable {
    private static final int WIDTH = 28;
    private static final long REDRAW_NANOS = 100_000_000L;
    private static final long RELINE_NANOS = 2_000_000_000L;

    private final PrintStream out;
    private final Clock clock;
    private final boolean isTerminal;
    private final String title;
    private final long startNanos;
    private long shownNanos;
    private boolean isDrawn;

    ProgressLine(String title, Clock clock) {
        this.title = title;
        this.clock = clock;
        this.out = System.err;
        this.isTerminal = Optional.ofNullable(System.console()).map(Console::isTerminal).orElse(false);
        this.startNanos = clock.nanos();
        this.shownNanos = startNanos - (isTerminal ? REDRAW_NANOS : 0);
    }

    /** Shows how far it is, where that is due. */
    void show(long doneBytes, long totalBytes, String note) {
        long now = clock.nanos();
        if (now - shownNanos >= (isTerminal ? REDRAW_NANOS : RELINE_NANOS)) {
            shownNanos = now;
            draw(doneBytes, totalBytes, note);
        }
    }

    private void draw(long doneBytes, long totalBytes, String note) {
        double part = totalBytes <= 0 ? 1 : Math.min(1, (double) doneBytes / totalBytes);
        double seconds = Math.max(1e-3, (clock.nanos() - startNanos) / 1e9);
        double rate = doneBytes / seconds;
        String eta = part > 0.01 && part < 1 ? "  " + Printing.millis((1 - part) / part * seconds * 1000) + " left"
                : "";
        int full = (int) (part * WIDTH);
        String bar = "#".repeat(full) + ".".repeat(WIDTH - full);
        String line = String.format(Locale.ROOT, "  %s [%s] %3.0f %%  %s of %s  %s/s%s%s", title, bar, part * 100,
                Printing.bytes(doneBytes), Printing.bytes(totalBytes), Printing.bytes(rate), eta,
                note.isEmpty() ? "" : "  " + note);
        out.print(isTerminal ? "\r" + line + "\u001b[K" : line + System.lineSeparator());
        out.flush();
        isDrawn = true;
    }

    /** Shows the end. */
    void end(long totalBytes, String note) {
        draw(totalBytes, totalBytes, note);
    }

    @Override
    public void close() {
        if (isDrawn && isTerminal) {
            out.println();
        }
    }
}
