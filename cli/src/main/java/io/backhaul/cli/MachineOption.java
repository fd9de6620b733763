package io.backhaul.cli;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import picocli.CommandLine.Option;

/** Which machine a command is about; a daemon with one machine needs no telling. */
final class MachineOption {
    private static final UUID UNSAID = new UUID(0, 0);

    @Option(names = "--machine", paramLabel = "UUID", description = "The machine, where the daemon has several.")
    private UUID machine = UNSAID;

    /** The beginning of a request. */
    Map<String, Object> request() {
        Map<String, Object> request = new LinkedHashMap<>();
        if (!machine.equals(UNSAID)) {
            request.put("machine", machine.toString());
        }
        return request;
    }
}
