package io.backhaul.engine.control;

import java.io.EOFException;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;

/** Asks a daemon through its control socket. */
public final class ControlClient {
    private static final Duration REQUEST_PATIENCE = Duration.ofSeconds(10);

    private final Path path;
    private final Duration patience;

    /**
     * @param patience
     *            the longest silence between two lines of an answer
     */
    public ControlClient(Path path, Duration patience) {
        this.path = path;
        this.patience = patience;
    }

    /** Asks for {@code verb} and returns the last line of the answer. */
    public Map<String, Object> ask(String verb, Map<String, ?> request) throws ControlFault {
        return ask(verb, request, line -> {});
    }

    /**
     * Asks for {@code verb}, hands on each line on the way, and returns the last one.
     *
     * @throws ControlFault
     *             where no daemon answers, or it says that the request failed; the message is for the operator
     */
    public Map<String, Object> ask(String verb, Map<String, ?> request, Consumer<Map<String, Object>> progress)
            throws ControlFault {
        Map<String, Object> line = new LinkedHashMap<>(request);
        line.put(ControlLine.VERB, verb);
        try (var lines = new LineChannel(connected(), ControlLine.MAX_REPLY_BYTES)) {
            lines.write(ControlLine.write(line), REQUEST_PATIENCE);
            return lastOf(lines, progress);
        } catch (EOFException ended) {
            throw new ControlFault("the daemon at " + path + " ended before it had answered; see its log", ended);
        } catch (IOException failing) {
            throw new ControlFault("the daemon at " + path + " cannot be asked: " + failing.getMessage(), failing);
        }
    }

    private SocketChannel connected() throws ControlFault {
        try {
            return SocketChannel.open(UnixDomainSocketAddress.of(path));
        } catch (IOException | RuntimeException refused) {
            String why = !Files.exists(path)
                    ? "there is no socket at " + path
                    : Files.isReadable(path) && Files.isWritable(path)
                            ? "nobody answers at " + path
                            : "this user may not open " + path;
            throw new ControlFault("the daemon is not running: " + why + "; start it, or name the right configuration",
                    refused);
        }
    }

    private Map<String, Object> lastOf(LineChannel lines, Consumer<Map<String, Object>> progress)
            throws IOException, ControlFault {
        while (true) {
            Map<String, Object> line = ControlLine.read(lines.readLine(patience));
            String state = String.valueOf(line.remove(ControlLine.STATE));
            switch (state) {
                case ControlLine.PROGRESS -> progress.accept(line);
                case ControlLine.DONE -> {
                    return line;
                }
                case ControlLine.FAILED -> throw new ControlFault(String.valueOf(line.get(ControlLine.MESSAGE)));
                default -> throw new ControlFault("the daemon at " + path + " answered a line without a state");
            }
        }
    }
}
