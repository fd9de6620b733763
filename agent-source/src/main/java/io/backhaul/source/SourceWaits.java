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

    /** Who waits for a position to be journaled. */
    interface Arrival {
        void journaled();

        /** The stream began anew before: the position will never be journaled. */
        void lost();

        /** Nothing more will be journaled. */
        void ended(String why);
    }

    private record Wait(Position position, Arrival arrival) {}

    private final List<Wait> journaled = new ArrayList<>();
    private final List<Consumer<String>> ordered = new ArrayList<>();
    private @Nullable Plan plan;

    void whenJournaled(Position position, Arrival arrival) {
        journaled.add(new Wait(position, arrival));
    }

    void whenOrdered(Consumer<String> told) {
        ordered.add(told);
    }

    void journaled(Position position) {
        List<Wait> due = journaled.stream().filter(wait -> position.isAtLeast(wait.position())).toList();
        journaled.removeAll(due);
        due.forEach(wait -> wait.arrival().journaled());
    }

    /** A generation begins: what is not journaled by now, up to its basis, is lost as far as positions go. */
    void begun() {
        List<Wait> due = List.copyOf(journaled);
        journaled.clear();
        due.forEach(wait -> wait.arrival().lost());
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
        List<Wait> lost = List.copyOf(journaled);
        journaled.clear();
        ordered.clear();
        due.forEach(told -> told.accept(why));
        lost.forEach(wait -> wait.arrival().ended(why));
        cancelPlan(why);
    }
}
