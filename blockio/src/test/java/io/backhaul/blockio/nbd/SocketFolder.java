package io.backhaul.blockio.nbd;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** A folder for unix domain sockets, whose paths must be short; gone after the test. */
final class SocketFolder implements AutoCloseable {
    private final Path path;

    SocketFolder() throws IOException {
        path = Files.createTempDirectory(Path.of("/tmp"), "nbd");
    }

    Endpoint socket() {
        return new Endpoint.Unix(path.resolve("s"));
    }

    Path path() {
        return path;
    }

    @Override
    public void close() throws IOException {
        List<Path> all;
        try (Stream<Path> walk = Files.walk(path)) {
            all = walk.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path one : all) {
            Files.delete(one);
        }
    }
}
