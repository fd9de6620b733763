package io.backhaul.blockio.nbd;

import java.util.function.Consumer;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * How a server serves.
 *
 * @param workersPerConnection  threads that work for one connection beside its reader
 * @param inFlightLimitBytes    memory that the requests of one connection may hold at once
 * @param inFlightLimitRequests requests of one connection that may be under way at once
 * @param connectionLimit       connections at once; more are closed at once
 * @param handshakeLimitMillis  how long a client may take until it has chosen an export
 * @param tls                   offers STARTTLS with these keys; null for none
 * @param tlsRequired           refuses clients that do not start TLS
 * @param clientCertificates    asks TLS clients for a certificate and refuses those without a trusted one
 * @param problems              is told, in one line, of peers that misbehave and devices that fail
 */
public record NbdServerOptions(int workersPerConnection, long inFlightLimitBytes, int inFlightLimitRequests,
        int connectionLimit,
        long handshakeLimitMillis, @Nullable SSLContext tls, boolean tlsRequired, boolean clientCertificates,
        Consumer<String> problems) {
    /** Checks the limits. */
    public NbdServerOptions {
        if (workersPerConnection < 1 || inFlightLimitBytes < 1 || inFlightLimitRequests < 1 || connectionLimit < 1
                || handshakeLimitMillis < 1) {
            throw new IllegalArgumentException("the limits of an NBD server are at least 1");
        }
        if (tlsRequired && tls == null) {
            throw new IllegalArgumentException("TLS is required but there are no keys for it");
        }
    }

    /** Four workers and 64 MiB for each connection, 64 connections, ten seconds to say hello, no TLS, problems to nobody. */
    public static NbdServerOptions defaults() {
        return new NbdServerOptions(4, 64L << 20, 256, 64, 10_000, null, false, false, problem -> {});
    }

    /** The same, with TLS. */
    public NbdServerOptions withTls(SSLContext context, boolean required, boolean certificates) {
        return new NbdServerOptions(workersPerConnection, inFlightLimitBytes, inFlightLimitRequests, connectionLimit,
                handshakeLimitMillis, context, required, certificates, problems);
    }

    /** The same, telling problems to another. */
    public NbdServerOptions withProblems(Consumer<String> listener) {
        return new NbdServerOptions(workersPerConnection, inFlightLimitBytes, inFlightLimitRequests, connectionLimit,
                handshakeLimitMillis, tls, tlsRequired, clientCertificates, listener);
    }

    /** The same, with another limit for the handshake. */
    public NbdServerOptions withHandshakeLimitMillis(long millis) {
        return new NbdServerOptions(workersPerConnection, inFlightLimitBytes, inFlightLimitRequests, connectionLimit,
                millis, tls,
                tlsRequired, clientCertificates, problems);
    }

    /** The same, with other limits for what is in flight on a connection. */
    public NbdServerOptions withInFlightLimits(long bytes, int requests) {
        return new NbdServerOptions(workersPerConnection, bytes, requests, connectionLimit, handshakeLimitMillis, tls,
                tlsRequired,
                clientCertificates, problems);
    }

    /** The same, with another number of connections. */
    public NbdServerOptions withConnectionLimit(int connections) {
        return new NbdServerOptions(workersPerConnection, inFlightLimitBytes, inFlightLimitRequests, connections,
                handshakeLimitMillis, tls, tlsRequired, clientCertificates, problems);
    }
}
