package io.backhaul.engine.control;

import java.util.Arrays;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/** One JSON object on one line: requests and replies alike. */
final class ControlLine {
    /** The longest line taken from either side, in bytes. */
    static final int MAX_REQUEST_BYTES = 64 * 1024;
    static final int MAX_REPLY_BYTES = 16 * 1024 * 1024;
    /** In a request: which handler is meant. */
    static final String VERB = "verb";
    /** In a reply: {@link #PROGRESS}, {@link #DONE} or {@link #FAILED}. */
    static final String STATE = "reply";
    static final String PROGRESS = "progress";
    static final String DONE = "done";
    static final String FAILED = "failed";
    static final String MESSAGE = "message";

    private static final JsonMapper JSON = JsonMapper.builder(JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(32).build()).build()).build();

    private ControlLine() {}

    static byte[] write(Map<String, ?> line) {
        byte[] text = JSON.writeValueAsBytes(line);
        byte[] ended = Arrays.copyOf(text, text.length + 1);
        ended[text.length] = '\n';
        return ended;
    }

    static Map<String, Object> read(byte[] line) throws ControlFault {
        try {
            return JSON.readValue(line, new TypeReference<Map<String, Object>>() {});
        } catch (JacksonException malformed) {
            throw new ControlFault("the line is no JSON object: " + malformed.getOriginalMessage(), malformed);
        }
    }
}
