package io.backhaul.management;

import io.backhaul.protocol.Identity;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A certificate that was issued.
 *
 * @param identity
 *            whom it names
 * @param serial
 *            its serial number in hexadecimal
 * @param issuedMicros
 *            when, microseconds since the epoch
 * @param expiresMicros
 *            until when it is valid
 */
public record Issued(Identity identity, String serial, long issuedMicros, long expiresMicros) {
    /** The form of files and control sockets. */
    public Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("identity", identity.uri());
        map.put("serial", serial);
        map.put("issuedMicros", issuedMicros);
        map.put("expiresMicros", expiresMicros);
        return map;
    }
}
