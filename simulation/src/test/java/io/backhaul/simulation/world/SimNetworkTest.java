package io.backhaul.simulation.world;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.engine.link.Dialler;
import io.backhaul.engine.link.Link;
import io.backhaul.engine.loop.Loop;
import io.backhaul.protocol.FaultCode;
import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Heartbeat;
import io.backhaul.protocol.Identity;
import io.backhaul.protocol.MalformedBodyException;
import io.backhaul.protocol.Role;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class SimNetworkTest {
    private static final UUID MACHINE = new UUID(1, 2);
    private final EventLog log = new EventLog();
    private final Scheduler scheduler = new Scheduler(log);
    private final Dice dice = new Dice(11, "test");
    private final SimNetwork network = new SimNetwork(scheduler, dice, new Tally());
    private final SimHost here = new SimHost("here", scheduler, dice);
    private final SimHost there = new SimHost("there", scheduler, dice);
    private final SimProcess caller = here.boot();
    private final SimProcess called = there.boot();
    private final List<Long> heard = new ArrayList<>();
    private final List<String> ends = new ArrayList<>();

    private void listen() {
        Loop loop = called.newLoop();
        network.listen(called, "there:1", new Identity(Role.PROCESS_SERVER, MACHINE),
                link -> link.attach(loop, new Link.Listener() {
                    @Override
                    public void frame(Frame frame) {
                        try {
                            heard.add(Heartbeat.read(frame).token());
                        } catch (MalformedBodyException broken) {
                            throw new AssertionError(broken);
                        } finally {
                            frame.release();
                        }
                    }

                    @Override
                    public void closed(String why) {
                        ends.add(why);
                    }
                }));
    }

    private void dialAndSend(int frames) {
        Loop loop = caller.newLoop();
        network.dialler(caller, new Identity(Role.SOURCE, MACHINE)).dial("there:1", Role.PROCESS_SERVER, loop,
                new Dialler.Outcome() {
                    @Override
                    public void connected(Link link) {
                        link.attach(loop, new Link.Listener() {
                            @Override
                            public void frame(Frame frame) {
                                frame.release();
                            }

                            @Override
                            public void closed(String why) {
                                ends.add("caller: " + why);
                            }
                        });
                        for (int i = 0; i < frames; i++) {
                            link.send(new Heartbeat(MACHINE, false, i).frame(caller.allocator()));
                        }
                    }

                    @Override
                    public void failed(FaultCode code, String why) {
                        ends.add(why);
                    }
                });
    }

    private void run() {
        while (scheduler.step()) {
            assertThat(scheduler.eventsRun()).isLessThan(100_000);
        }
    }

    @Test
    void frames_arrive_whole_and_in_order_however_they_were_cut() {
        listen();
        dialAndSend(500);
        run();
        assertThat(heard).hasSize(500).isSorted().doesNotHaveDuplicates();
        assertThat(caller.buffersBytes()).isLessThan(1000);
    }

    @Test
    void a_cut_gives_a_prefix_and_tells_both() {
        listen();
        network.cable(here, there).cutChance(0.01);
        dialAndSend(500);
        run();
        assertThat(heard).hasSizeLessThan(500).isSorted().doesNotHaveDuplicates();
        assertThat(ends).containsExactlyInAnyOrder("connection reset", "caller: connection reset");
    }

    @Test
    void the_peer_of_a_killed_process_is_told() {
        listen();
        dialAndSend(3);
        run();
        there.kill();
        run();
        assertThat(heard).containsExactly(0L, 1L, 2L);
        assertThat(ends).containsExactly("caller: connection reset by peer");
    }

    @Test
    void nobody_listening_is_a_failure_in_words() {
        dialAndSend(1);
        run();
        assertThat(ends).containsExactly("there:1: connection refused");
    }
}
