package io.backhaul.source;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.blockio.system.BlockDevices.Sighting;
import io.backhaul.engine.fault.FaultLog;
import io.backhaul.engine.loop.Lane;
import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.stream.TestLoop;
import io.backhaul.protocol.FaultCode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What is said of a device that changes under the agent. */
class DiskWatchTest {
    private static final Sighting FIRST = new Sighting(1 << 20, 7);

    private final TestLoop loop = new TestLoop();
    private final FaultLog faults = new FaultLog(loop.clock());
    private final List<String> returned = new ArrayList<>();
    private Sighting now = FIRST;
    private boolean isUnreadable;
    private final DiskWatch watch;

    DiskWatchTest() throws IOException {
        var watched = new DiskWatch.Watched("/dev/sdx", () -> {
            if (isUnreadable) {
                throw new IOException("going");
            }
            return now;
        });
        watch = new DiskWatch(loop, inline(), faults, List.of(watched), returned::add);
        watch.start();
    }

    private static Lane inline() {
        return new Lane() {
            @Override
            public <T> void submit(Work<T> work, Loop replyTo, Outcome<T> outcome) {
                try {
                    T result = work.run();
                    replyTo.execute(() -> outcome.done(result));
                } catch (IOException failed) {
                    replyTo.execute(() -> outcome.failed(failed));
                }
            }
        };
    }

    private void see(Sighting next) {
        now = next;
        loop.runFor(3000);
    }

    private List<String> standing() {
        return faults.recent().stream().filter(FaultLog.Fault::standing).map(fault -> fault.code().name()).toList();
    }

    @Test
    void nothingIsSaidOfADiskThatStaysAsItIs() {
        see(FIRST);
        see(FIRST);
        assertThat(faults.recent()).isEmpty();
        assertThat(watch.presence("/dev/sdx")).isEqualTo(DiskWatch.Presence.PRESENT);
    }

    @Test
    void aDetachedDiskIsSaidOnceAndComparedWhenItIsThereAgain() {
        see(Sighting.GONE);
        see(Sighting.GONE);
        assertThat(faults.total(FaultCode.DISK_GONE)).isEqualTo(1);
        assertThat(watch.presence("/dev/sdx")).isEqualTo(DiskWatch.Presence.GONE);
        assertThat(returned).isEmpty();
        see(new Sighting(1 << 20, 9));
        assertThat(returned).containsExactly("/dev/sdx");
        assertThat(standing()).containsExactly("DISK_RETURNED");
    }

    @Test
    void aDiskThatWasAwayBetweenTwoLooksIsComparedToo() {
        see(new Sighting(1 << 20, 9));
        assertThat(returned).containsExactly("/dev/sdx");
    }

    @Test
    void aDiskThatCannotBeLookedAtHasGone() {
        isUnreadable = true;
        see(FIRST);
        assertThat(standing()).containsExactly("DISK_GONE");
    }

    @Test
    void aChangedSizeIsSaidUntilItIsTheOldOneAgain() {
        see(new Sighting(2 << 20, 7));
        see(new Sighting(2 << 20, 7));
        assertThat(faults.total(FaultCode.DISK_RESIZED)).isEqualTo(1);
        assertThat(watch.presence("/dev/sdx")).isEqualTo(DiskWatch.Presence.RESIZED);
        see(FIRST);
        assertThat(standing()).isEmpty();
        assertThat(returned).isEmpty();
    }

    @Test
    void aStoppedWatchLooksNoMore() {
        watch.stop();
        see(Sighting.GONE);
        assertThat(faults.recent()).isEmpty();
    }
}
