package io.backhaul.source;

import io.backhaul.protocol.Position;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Those who wait for the stream to get somewhere. Owned by the session's loop. */
final class SourceWaits {
    /** Who waits for a plan. */
    interface Plan {
        void done(long differingBytes);

        void failed(String why);
    }

    /** Waits for a position to be journaled; {@code told} hears an empty text then, or why it will not come. */
    private record Wait(Position position, Consumer<String> told) {}

    private final List<Wait> journaled = new ArrayList<>();
    private final List<Consumer<String>> ordered = new ArrayList<>();
    private @Nullable Plan plan;

    void whenJournaled(Position position, Consumer<String> told) {
        journaled.add(new Wait(position, told));
    }

    void whenOrdered(Consumer<String> told) {
        ordered.add(told);
    }

    void journaled(Position position) {
        List<Wait> due = journaled.stream().filter(wait -> position.isAtLeast(wait.position())).toList();
        journaled.removeAll(due);
        due.forEach(wait -> wait.told().accept(""));
    }

    void ordered() {
        List<Consumer<String>> due = List.copyOf(ordered);
        ordered.clear();
        due.forEach(told -> told.accept(""));
    }

    void plan(Plan next) {
        cancelPlan("another plan takes its place");
        plan = next;
    }

    void planned(long differingBytes) {
        Plan done = plan;
        plan = null;
        if (done != null) {
            done.done(differingBytes);
        }
    }

    void cancelPlan(String why) {
        Plan failed = plan;
        plan = null;
        if (failed != null) {
            failed.failed(why);
        }
    }

    void failAll(String why) {
        List<Consumer<String>> due = new ArrayList<>(ordered);
        journaled.forEach(wait -> due.add(wait.told()));
        journaled.clear();
        ordered.clear();
        due.forEach(told -> told.accept(why));
        cancelPlan(why);
    }
}
