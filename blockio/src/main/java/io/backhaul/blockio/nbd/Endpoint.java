package io.backhaul.blockio.nbd;

import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.ProtocolFamily;
import java.net.URLEncoder;
import java.net.UnixDomainSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/** Where an NBD server listens: {@code unix:PATH} or {@code HOST:PORT} ({@code [::1]:10809} for IPv6). */
public sealed interface Endpoint {
    /** The port that is NBD's own. */
    int DEFAULT_PORT = 10809;

    /** A unix domain socket. */
    record Unix(Path path) implements Endpoint {
        /** The longest path of a socket on Linux, without the final zero. */
        private static final int PATH_LIMIT_BYTES = 107;

        /** Refuses a path that the kernel would refuse, with a clearer sentence. */
        public Unix {
            if (path.toString().isEmpty()) {
                throw new IllegalArgumentException("unix: needs a path, as in unix:/run/disk.sock");
            }
            if (path.toString().getBytes(StandardCharsets.UTF_8).length > PATH_LIMIT_BYTES) {
                throw new IllegalArgumentException("the socket path " + path + " is longer than " + PATH_LIMIT_BYTES
                        + " bytes, which Linux does not allow: choose a shorter one");
            }
        }

        @Override
        public String toString() {
            return "unix:" + path;
        }
    }

    /** A TCP address; port 0 lets the system choose when listening. */
    record Tcp(String host, int port) implements Endpoint {
        /** Checks the port. */
        public Tcp {
            if (host.isEmpty()) {
                throw new IllegalArgumentException("the host is missing before the port " + port);
            }
            if (port < 0 || port > 65535) {
                throw new IllegalArgumentException(port + " is not a port: 0 to 65535");
            }
        }

        @Override
        public String toString() {
            return (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
        }
    }

    /**
     * Reads an endpoint from text.
     *
     * @throws IllegalArgumentException with one sentence that says what is wrong
     */
    static Endpoint parse(String text) {
        if (text.startsWith("unix:")) {
            try {
                return new Unix(Path.of(text.substring("unix:".length())));
            } catch (InvalidPathException invalid) {
                throw new IllegalArgumentException(text + " is not a path: " + invalid.getMessage(), invalid);
            }
        }
        int colon = text.lastIndexOf(':');
        boolean bracketed = text.startsWith("[") && colon > 0 && text.charAt(colon - 1) == ']';
        String host = colon < 0 ? text : bracketed ? text.substring(1, colon - 1) : text.substring(0, colon);
        if (colon < 0 || (!bracketed && host.contains(":"))) {
            throw new IllegalArgumentException(
                    "\"" + text + "\" is not an endpoint: write unix:PATH, HOST:PORT or [IPV6]:PORT");
        }
        try {
            return new Tcp(host, Integer.parseInt(text.substring(colon + 1)));
        } catch (NumberFormatException invalid) {
            throw new IllegalArgumentException(
                    "\"" + text.substring(colon + 1) + "\" in \"" + text + "\" is not a port", invalid);
        }
    }

    /** The address to bind or to connect to; a host name is resolved here. */
    default SocketAddress address() {
        return switch (this) {
            case Unix unix -> UnixDomainSocketAddress.of(unix.path());
            case Tcp tcp -> new InetSocketAddress(tcp.host(), tcp.port());
        };
    }

    /** The family of the socket to open. */
    default ProtocolFamily family() {
        return switch (this) {
            case Unix unix -> StandardProtocolFamily.UNIX;
            case Tcp tcp -> tcp.host().contains(":") ? StandardProtocolFamily.INET6 : StandardProtocolFamily.INET;
        };
    }

    /** The URI by which other programs open the export, as in the NBD project's doc/uri.md. */
    default String uri(String export) {
        String name = URLEncoder.encode(export, StandardCharsets.UTF_8).replace("+", "%20");
        return switch (this) {
            case Unix unix -> "nbd+unix:///" + name + "?socket=" + unix.path();
            case Tcp tcp -> "nbd://" + tcp + "/" + name;
        };
    }
}
