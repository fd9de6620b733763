package io.backhaul.blockio.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class EndpointTest {
    @Test
    void readsSocketsAndAddresses() {
        assertThat(Endpoint.parse("unix:/run/x.sock")).isEqualTo(new Endpoint.Unix(Path.of("/run/x.sock")));
        assertThat(Endpoint.parse("localhost:10809")).isEqualTo(new Endpoint.Tcp("localhost", 10809));
        assertThat(Endpoint.parse("[::1]:0")).isEqualTo(new Endpoint.Tcp("::1", 0));
    }

    @ParameterizedTest
    @ValueSource(strings = {"unix:/run/x.sock", "localhost:10809", "[::1]:10809"})
    void writesWhatItReads(String text) {
        assertThat(Endpoint.parse(text)).hasToString(text);
    }

    @ParameterizedTest
    @CsvSource({"unix:, needs a path", "host, not an endpoint", "::1, not an endpoint", "::1:80, not an endpoint",
        "host:port, is not a port", "host:65536, is not a port", "host:-1, is not a port", ":80, host is missing",
        "[::1], not an endpoint"})
    void saysWhatIsWrong(String text, String says) {
        assertThatThrownBy(() -> Endpoint.parse(text)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(says);
    }

    @Test
    void refusesASocketPathThatLinuxWouldNotTake() {
        assertThatThrownBy(() -> Endpoint.parse("unix:/" + "x".repeat(107))).hasMessageContaining("longer than 107");
        assertThat(Endpoint.parse("unix:/" + "x".repeat(106))).isInstanceOf(Endpoint.Unix.class);
    }

    @Test
    void namesItselfAsOtherProgramsDo() {
        assertThat(Endpoint.parse("unix:/run/x.sock").uri("a b")).isEqualTo("nbd+unix:///a%20b?socket=/run/x.sock");
        assertThat(Endpoint.parse("[::1]:1").uri("e0")).isEqualTo("nbd://[::1]:1/e0");
    }
}
