package io.backhaul.simulation.world;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class FiberTest {
    private final Scheduler scheduler = new Scheduler(new EventLog());
    private final SimHost host = new SimHost("host", scheduler, new Dice(5, "test"));
    private final SimDisk disk = new SimDisk(host, "disk", 1 << 20, 512, new Tally());
    private final List<String> heard = new ArrayList<>();

    private void write(SimProcess process, int value) {
        try {
            var device = disk.open(process);
            device.write(0, ByteBuffer.wrap(new byte[]{(byte) value}));
            device.write(1, ByteBuffer.wrap(new byte[]{(byte) value}));
        } catch (IOException failed) {
            throw new AssertionError(failed);
        }
    }

    private int at(int offset) {
        ByteBuffer found = ByteBuffer.allocate(1);
        disk.peek(offset, found);
        return found.get(0);
    }

    @Test
    void calls_that_take_time_overlap() {
        host.interleave(1);
        SimProcess process = host.boot();
        boolean mixed = false;
        for (int i = 0; i < 50; i++) {
            process.call(() -> write(process, 1), () -> heard.add("one"));
            process.call(() -> write(process, 2), () -> heard.add("two"));
            while (scheduler.step()) {
                assertThat(heard).hasSizeLessThan(101);
            }
            mixed |= at(0) != at(1);
        }
        assertThat(heard).hasSize(100);
        assertThat(mixed).isTrue();
    }

    @Test
    void work_on_a_lane_stops_where_its_process_dies() {
        host.interleave(1);
        SimProcess process = host.boot();
        Loop loop = process.newLoop();
        process.newLane().submit(() -> {
            write(process, 1);
            return true;
        }, loop, new Lane.Outcome<Boolean>() {
            @Override
            public void done(Boolean result) {
                heard.add("done");
            }

            @Override
            public void failed(IOException cause) {
                heard.add("failed");
            }
        });
        host.dieInOperation(3, false);
        while (scheduler.step()) {
            assertThat(scheduler.eventsRun()).isLessThan(1000);
        }
        assertThat(heard).isEmpty();
        assertThat(at(0)).isEqualTo(1);
        assertThat(at(1)).isZero();
        scheduler.close();
    }
}
