package io.backhaul.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Programs of other projects that are asked for help or judgement. */
record Tool(int exitCode, String output) {
    /** Where a program is: on the path or where Debian keeps those of administrators. */
    static Optional<Path> find(String name) {
        String path = System.getenv().getOrDefault("PATH", "") + ":/usr/sbin:/sbin";
        return Stream.of(path.split(":", -1)).filter(folder -> !folder.isEmpty())
                .map(folder -> Path.of(folder, name)).filter(Files::isExecutable).findFirst();
    }

    /** Runs a program to its end and keeps all that it says. */
    static Tool run(String name, String... arguments) throws IOException, InterruptedException {
        Path program = find(name).orElseThrow(() -> new IOException(name + " is not installed (Debian: e2fsprogs)"));
        List<String> command = new ArrayList<>(List.of(program.toString()));
        command.addAll(List.of(arguments));
        var builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("LC_ALL", "C");
        Process process = builder.start();
        process.getOutputStream().close();
        try {
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return new Tool(process.waitFor(), output);
        } finally {
            process.destroyForcibly();
        }
    }

    /** The last line said. */
    String lastLine() {
        return output.strip().lines().reduce((first, second) -> second).orElse("");
    }
}
