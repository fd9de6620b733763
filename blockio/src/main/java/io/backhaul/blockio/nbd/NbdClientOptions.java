package io.backhaul.blockio.nbd;

import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * How a client connects.
 *
 * @param connectLimitMillis how long connecting and the handshake may take
 * @param requestLimitMillis how long the server may be silent while it owes a reply, until the connection is given up; 0 for ever
 * @param requestsInFlight   requests under way at once
 * @param tls                starts TLS with these keys, and refuses a server without TLS; null for none
 * @param serverName         the name that the server's certificate must have; null to accept any that the keys trust
 */
public record NbdClientOptions(long connectLimitMillis, long requestLimitMillis, int requestsInFlight,
        @Nullable SSLContext tls,
        @Nullable String serverName) {
    /** Checks the limits. */
    public NbdClientOptions {
        if (connectLimitMillis < 1 || requestLimitMillis < 0 || requestsInFlight < 1) {
            throw new IllegalArgumentException("the limits of an NBD client are at least 1");
        }
    }

    /** Ten seconds to connect, no limit for requests, 64 requests in flight, no TLS. */
    public static NbdClientOptions defaults() {
        return new NbdClientOptions(10_000, 0, 64, null, null);
    }

    /** The same, with TLS. */
    public NbdClientOptions withTls(SSLContext context, @Nullable String name) {
        return new NbdClientOptions(connectLimitMillis, requestLimitMillis, requestsInFlight, context, name);
    }

    /** The same, with other limits in time. */
    public NbdClientOptions withLimitsMillis(long connect, long request) {
        return new NbdClientOptions(connect, request, requestsInFlight, tls, serverName);
    }
}
