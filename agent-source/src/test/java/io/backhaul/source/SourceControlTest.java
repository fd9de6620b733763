package io.backhaul.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.engine.control.ControlFault;
import io.backhaul.engine.control.ControlReply;
import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.time.Clock;
import io.backhaul.protocol.Position;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;

/** What an operator asks of a source, and is told; the machine stands on fake ports, and time passes when it is asked. */
class SourceControlTest {
    private static final long DISK_BYTES = 1 << 20;
    private static final long PATIENCE_NANOS = 20_000_000_000L;

    private final Rig rig = new Rig(11, DISK_BYTES);
    private final SourceControl control = new SourceControl();
    private final List<Map<String, ?>> progress = new ArrayList<>();
    private final List<Map<String, ?>> done = new ArrayList<>();
    private Runnable onProgress = () -> {};

    /** Does what it is given, and what comes of it within a while. */
    private final class EagerLoop implements Loop {
        @Override
        public void execute(Runnable task) {
            task.run();
            long end = rig.steps.clock().nanos() + PATIENCE_NANOS;
            rig.steps.until(() -> rig.steps.clock().nanos() > end, 3_000_000, "the end of a while");
        }

        @Override
        public Timer schedule(long delayNanos, Runnable task) {
            throw new UnsupportedOperationException("control uses no timers");
        }

        @Override
        public boolean isCurrent() {
            return true;
        }

        @Override
        public Clock clock() {
            return rig.steps.clock();
        }
    }

    private void serve() {
        rig.start();
        rig.converge();
        control.serve(new SourceControl.Target(new EagerLoop(), rig.machine(), () -> Map.of("role", "source"),
                () -> List.of(Map.of("path", "/dev/one")), new ProofPlace(List.of())));
    }

    private Map<String, ?> ask(String what, Map<String, Object> request) throws ControlFault, InterruptedException {
        done.clear();
        Objects.requireNonNull(control.handlers().get(what)).handle(request, new ControlReply() {
            @Override
            public void progress(Map<String, ?> line) {
                assertThat(done).isEmpty();
                progress.add(line);
                onProgress.run();
            }

            @Override
            public void done(Map<String, ?> line) {
                done.add(line);
            }
        });
        assertThat(done).hasSize(1);
        return done.getFirst();
    }

    @Test
    void saysThatItIsStillStarting() {
        assertThatThrownBy(() -> ask("status", Map.of())).isInstanceOf(ControlFault.class)
                .hasMessageContaining("still starting");
    }

    @Test
    void tellsItsStatus() throws Exception {
        serve();
        Map<String, ?> status = ask("status", Map.of());
        assertThat(status.get("role")).isEqualTo("source");
        assertThat(status.get("machines")).asInstanceOf(InstanceOfAssertFactories.list(Map.class))
                .singleElement().satisfies(machine -> {
                    assertThat(machine.get("machine")).isEqualTo(Rig.MACHINE.toString());
                    assertThat(machine.get("name")).isEqualTo("rig");
                    assertThat(machine.get("fidelity")).isEqualTo("ORDERED");
                    assertThat(machine.get("disks")).asString().contains("/dev/one")
                            .contains("sizeBytes=" + DISK_BYTES);
                });
    }

    @Test
    void placesAMarkAndSaysWhere() throws Exception {
        serve();
        Map<String, ?> mark = ask("mark", Map.of("label", "before the update", "wait", true));
        assertThat(mark.get("label")).isEqualTo("before the update");
        assertThat(mark.get("position")).isEqualTo(rig.machine().stream().captured().toString());
        assertThat(rig.machine().status().positions().journaled()).isEqualTo(rig.machine().stream().captured());
    }

    @Test
    void refusesAMarkWithoutAProperLabel() {
        serve();
        for (Map<String, Object> request : List.<Map<String, Object>>of(Map.of(), Map.of("label", " "),
                Map.of("label", 7), Map.of("label", "ä".repeat(128)))) {
            assertThatThrownBy(() -> ask("mark", request)).as("%s", request).isInstanceOf(ControlFault.class)
                    .hasMessageContaining("1 to 255 bytes");
        }
    }

    @Test
    void drainsAndTellsHowFarItIs() throws Exception {
        serve();
        rig.downstream.journaling = false;
        rig.write(0, 4096, new byte[]{1, 2, 3});
        onProgress = rig.downstream::resume;
        Map<String, ?> drained = ask("drain", Map.of());
        assertThat(drained.get("position")).isEqualTo(rig.machine().stream().captured().toString());
        assertThat(progress).isNotEmpty();
        assertThat((Long) progress.getFirst().get("lagBytes")).isPositive();
        assertThat(progress.getFirst().get("fidelity")).isEqualTo("ORDERED");
        assertThat(rig.machine().status().lag().lagBytes()).isZero();
    }

    @Test
    void plansAResyncWithoutSendingAnything() throws Exception {
        serve();
        long sent = rig.downstream.payloadBytes;
        assertThat(ask("resync", Map.of("plan", true)).get("differingBytes")).isEqualTo(0L);
        assertThat(rig.downstream.payloadBytes).isEqualTo(sent);
        Position before = rig.machine().stream().captured();
        Map<String, ?> answer = ask("resync", Map.of());
        assertThat(answer.get("differingBytes")).isEqualTo(0L);
        assertThat(Position.parse(String.valueOf(answer.get("position")))).isGreaterThan(before);
        assertThat(rig.machine().status().readBytes()).isPositive();
    }
}
