package io.backhaul.engine.fault;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.backhaul.engine.time.Clock;
import io.backhaul.protocol.FaultCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class FaultLogTest {
    private final ManualClock clock = new ManualClock();
    private final FaultLog faults = new FaultLog(clock);
    private final ListAppender<ILoggingEvent> logged = new ListAppender<>();
    private final Logger logger = (Logger) LoggerFactory.getLogger(FaultLog.class);

    private static final class ManualClock implements Clock {
        private long nanos;

        @Override
        public long nanos() {
            return nanos;
        }

        @Override
        public long wallMicros() {
            return nanos / 1000;
        }
    }

    @BeforeEach
    void listen() {
        logged.start();
        logger.setAdditive(false);
        logger.addAppender(logged);
    }

    @AfterEach
    void leave() {
        logger.detachAppender(logged);
        logger.setAdditive(true);
    }

    @Test
    void theFirstOfAKindIsLoggedWithItsRemedyAndRepeatsAreCounted() {
        for (int time = 0; time < 100; time++) {
            faults.report(FaultCode.NOT_AUTHORISED, "10.0.0.1", "refused");
        }
        assertThat(logged.list).hasSize(1);
        assertThat(logged.list.getFirst().getFormattedMessage()).contains("BH-0003", "10.0.0.1", "refused",
                FaultCode.NOT_AUTHORISED.remedy());
        assertThat(faults.recent()).singleElement().satisfies(fault -> assertThat(fault.count()).isEqualTo(100));
        assertThat(faults.total(FaultCode.NOT_AUTHORISED)).isEqualTo(100);
    }

    @Test
    void anotherSubjectIsAnotherKind() {
        faults.report(FaultCode.STORE_FULL, "a", "full");
        faults.report(FaultCode.STORE_FULL, "b", "full");
        assertThat(logged.list).hasSize(2);
        assertThat(faults.recent()).hasSize(2);
    }

    @Test
    void aFaultThatGoesOnIsCalledToMindWithItsCount() {
        faults.report(FaultCode.UNREACHABLE, "a", "refused");
        clock.nanos += 599_000_000_000L;
        faults.report(FaultCode.UNREACHABLE, "a", "refused");
        assertThat(logged.list).hasSize(1);
        clock.nanos += 2_000_000_000L;
        faults.report(FaultCode.UNREACHABLE, "a", "refused");
        assertThat(logged.list).hasSize(2);
        assertThat(logged.list.getLast().getFormattedMessage()).contains("3 times so far");
    }

    @Test
    void aClearedFaultStandsNoMoreUntilItComesAgain() {
        faults.report(FaultCode.STORE_FULL, "a", "full");
        faults.clear(FaultCode.STORE_FULL, "a");
        assertThat(faults.recent().getFirst().standing()).isFalse();
        faults.report(FaultCode.STORE_FULL, "a", "full");
        assertThat(faults.recent().getFirst().standing()).isTrue();
        assertThat(faults.recent().getFirst().asMap()).containsEntry("count", 2L).containsEntry("code", "BH-0012");
    }

    @Test
    void theLatestComesFirstAndTheOldestMakesRoom() {
        for (int peer = 0; peer < 1000; peer++) {
            clock.nanos += 1_000_000;
            faults.report(FaultCode.TLS_FAILED, "peer " + peer, "no certificate");
        }
        assertThat(logged.list).as("a scanner of ports does not fill the log").hasSize(32);
        assertThat(faults.recent()).hasSize(256);
        assertThat(faults.recent().getFirst().subject()).isEqualTo("peer 999");
        assertThat(faults.total(FaultCode.TLS_FAILED)).isEqualTo(1000);
    }

    @Test
    void theCommittedPageIsTheGeneratedOne() throws IOException {
        Path page = Path.of(System.getProperty("house.root", ".."), "docs", "FAULTS.md");
        if (Boolean.getBoolean("pages.write")) {
            Files.writeString(page, FaultsPage.render());
        }
        assertThat(page).as("run the tests with -Dpages.write=true to write it anew").hasContent(FaultsPage.render());
    }
}
