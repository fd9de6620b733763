package io.backhaul.mastertarget;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.file.RawDevice;
import io.backhaul.blockio.nbd.Endpoint;
import io.backhaul.blockio.nbd.NbdServer;
import io.backhaul.blockio.nbd.NbdServerOptions;
import io.backhaul.blockio.overlay.OverlayDevice;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Views that are served over NBD, by name. Safe for any thread; blocks. */
final class Exports implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Exports.class);

    private final Path sockets;
    private final Path scratch;
    private final long scratchBytes;
    private final AtomicInteger lastNumber = new AtomicInteger();
    private final Map<String, Export> exports = new ConcurrentHashMap<>();

    /** A view with its server. */
    record Export(String name, UUID machine, View view, boolean writable, NbdServer server, List<Served> served)
            implements
                AutoCloseable {
        /** A disk of it. */
        record Served(int disk, String export, BlockDevice device) {}

        String uri(Served disk) {
            return server.endpoint().uri(disk.export());
        }

        @Override
        public void close() throws IOException {
            try {
                server.close();
                for (Served each : served) {
                    each.device().close();
                }
            } finally {
                view.close();
            }
        }
    }

    Exports(Path sockets, Path scratch, long scratchBytes) {
        this.sockets = sockets;
        this.scratch = scratch;
        this.scratchBytes = scratchBytes;
    }

    /**
     * Serves a view, which it takes over, also when it fails.
     *
     * @param endpoint
     *            null: a unix socket that is chosen here
     */
    Export open(UUID machine, View view, boolean writable, @Nullable Endpoint endpoint) throws IOException {
        String name = "view-" + lastNumber.incrementAndGet();
        List<Export.Served> served = new ArrayList<>();
        NbdServer server = null;
        try {
            Endpoint where = endpoint == null ? new Endpoint.Unix(sockets.resolve(name + ".sock")) : endpoint;
            server = NbdServer.listen(where, NbdServerOptions.defaults()
                    .withProblems(problem -> LOG.warn("NBD export {}: {}", name, problem)));
            for (View.Disk disk : view.disks()) {
                BlockDevice device = writable ? writable(name, disk) : disk.device();
                Export.Served one = new Export.Served(disk.index(), "disk-" + disk.index(), device);
                served.add(one);
                server.export(one.export(), device);
            }
            Export export = new Export(name, machine, view, writable, server, List.copyOf(served));
            exports.put(name, export);
            return export;
        } catch (IOException | RuntimeException failed) {
            if (server != null) {
                server.close();
            }
            for (Export.Served each : served) {
                each.device().close();
            }
            view.close();
            throw failed;
        }
    }

    /** The scratch has a name only until it is open: nothing of it can be left behind. */
    private BlockDevice writable(String name, View.Disk disk) throws IOException {
        Files.createDirectories(scratch);
        Path path = scratch.resolve(name + "-disk-" + disk.index() + ".scratch");
        Files.deleteIfExists(path);
        long whole = disk.device().sizeBytes() + OverlayDevice.BLOCK_BYTES;
        long size = Math.min(scratchBytes, whole) / OverlayDevice.BLOCK_BYTES * OverlayDevice.BLOCK_BYTES;
        RawDevice device = RawDevice.create(path, size);
        Files.delete(path);
        return new OverlayDevice(disk.device(), device);
    }

    List<Export> all() {
        return List.copyOf(new LinkedHashMap<>(exports).values());
    }

    /** Closes one; false where there is none of that name. */
    boolean close(String name) throws IOException {
        Export export = exports.remove(name);
        if (export == null) {
            return false;
        }
        export.close();
        return true;
    }

    @Override
    public void close() throws IOException {
        for (String name : List.copyOf(exports.keySet())) {
            close(name);
        }
    }
}
