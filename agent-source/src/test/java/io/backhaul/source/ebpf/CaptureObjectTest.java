package io.backhaul.source.ebpf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The programs that are loaded are those that can be read. */
class CaptureObjectTest {
    private static final Path SOURCES = Path.of("src/main/bpf").toAbsolutePath();
    private static final Path OBJECTS = Path.of("src/main/resources/io/backhaul/source/ebpf").toAbsolutePath();
    private static final String OBJECT = "capture.bpf.o";
    private static final String SUM = "capture.bpf.sum";
    private static final Path HEADERS = Path.of("/usr/include/bpf/bpf_core_read.h");

    @TempDir
    Path folder;

    private static String digest(Path file) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
    }

    private static Map<String, String> sums(Path in) throws IOException {
        Map<String, String> sums = new HashMap<>();
        for (String line : Files.readAllLines(in.resolve(SUM))) {
            sums.put(line.substring(0, line.indexOf(' ')), line.substring(line.indexOf(' ') + 1));
        }
        return sums;
    }

    @Test
    void theCommittedObjectWasMadeOfTheCommittedSource() throws Exception {
        Map<String, String> sums = sums(OBJECTS);
        assertThat(digest(SOURCES.resolve("capture.bpf.c")))
                .as("the source; src/main/bpf/build.sh makes the object anew")
                .isEqualTo(sums.get("source"));
        assertThat(digest(OBJECTS.resolve(OBJECT))).as("the object").isEqualTo(sums.get("object"));
    }

    @Test
    void theSameCompilerMakesTheSameObject() throws Exception {
        assumeTrue(Files.exists(HEADERS), "not run: the headers of libbpf are not installed (libbpf-dev)");
        Process build = new ProcessBuilder(SOURCES.resolve("build.sh").toString(), folder.toString())
                .redirectErrorStream(true).redirectOutput(folder.resolve("log").toFile()).start();
        int exit = build.waitFor();
        assumeTrue(exit != 2, "not run: clang is not installed");
        assertThat(exit).as(Files.readString(folder.resolve("log"))).isZero();
        assumeTrue(Objects.equals(sums(folder).get("clang"), sums(OBJECTS).get("clang")),
                "compiled, but not compared: another clang made the committed object");
        assertThat(digest(folder.resolve(OBJECT))).isEqualTo(digest(OBJECTS.resolve(OBJECT)));
    }
}
