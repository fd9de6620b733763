package io.backhaul.cli;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.Disks;
import io.backhaul.blockio.nbd.Endpoint;
import io.backhaul.blockio.nbd.NbdClient;
import io.backhaul.blockio.nbd.NbdClientOptions;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;

/** Opens what a command line names as a disk: a raw file, a block device, a flat VMDK, or an NBD URI. */
final class DiskSource {
    private static final String SOCKET = "socket=";

    private DiskSource() {}

    /** Opens it for reading. */
    static BlockDevice open(String name) throws IOException {
        if (name.startsWith("nbd:") || name.startsWith("nbd+unix:")) {
            return connect(name);
        }
        return Disks.open(Path.of(name), true);
    }

    /** Connects to what an NBD URI names, in the form of the NBD project's doc/uri.md without TLS. */
    static NbdClient connect(String name) throws IOException {
        try {
            URI uri = new URI(name);
            String path = uri.getPath() == null ? "" : uri.getPath();
            String export = path.startsWith("/") ? path.substring(1) : path;
            return NbdClient.connect(endpoint(uri), export, NbdClientOptions.defaults());
        } catch (URISyntaxException | IllegalArgumentException malformed) {
            throw Failure.usage("'" + name + "' is no NBD URI: " + malformed.getMessage()
                    + "; write nbd://HOST:PORT/EXPORT or nbd+unix:///EXPORT?socket=PATH");
        }
    }

    private static Endpoint endpoint(URI uri) {
        if ("nbd+unix".equals(uri.getScheme())) {
            String query = uri.getQuery() == null ? "" : uri.getQuery();
            if (!query.startsWith(SOCKET)) {
                throw new IllegalArgumentException("it names no socket");
            }
            return new Endpoint.Unix(Path.of(query.substring(SOCKET.length())));
        }
        if (uri.getHost() == null) {
            throw new IllegalArgumentException("it names no host");
        }
        int port = uri.getPort() < 0 ? Endpoint.DEFAULT_PORT : uri.getPort();
        return Endpoint.parse(uri.getHost() + ":" + port);
    }
}
