package io.backhaul.management;

import io.backhaul.engine.config.WholeFile;
import io.backhaul.engine.config.WholeFile.Readers;
import io.backhaul.protocol.Identity;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * What was issued, in a file. Its first line is {@code backhaul-inventory VERSION CRC32C}, the checksum over all the
 * rest; each further line is one certificate: identity, serial, issued and expires in microseconds.
 */
final class Inventory {
    private static final String MAGIC = "backhaul-inventory";
    private static final int VERSION = 1;

    private final Path file;

    Inventory(Path file) {
        this.file = file;
    }

    List<Issued> read() throws IOException {
        if (!Files.exists(file)) {
            return List.of();
        }
        String text = Files.readString(file);
        int headEnd = text.indexOf('\n');
        String[] head = text.substring(0, Math.max(0, headEnd)).split(" ", -1);
        if (head.length != 3 || !head[0].equals(MAGIC)) {
            throw new IOException(file + " is no inventory; restore it from a backup");
        }
        if (!head[1].equals(String.valueOf(VERSION))) {
            throw new IOException(file + " has the format version " + head[1] + ", this program knows " + VERSION
                    + "; use the version of Backhaul that wrote it");
        }
        String body = text.substring(headEnd + 1);
        if (!head[2].equals(checksum(body))) {
            throw new IOException(file + " does not match its checksum; restore it from a backup");
        }
        List<Issued> issued = new ArrayList<>();
        for (String line : body.lines().toList()) {
            issued.add(parsed(line));
        }
        return issued;
    }

    private Issued parsed(String line) throws IOException {
        String[] fields = line.split(" ", -1);
        try {
            Identity identity = Identity.parse(fields[0]).orElseThrow(() -> new IllegalArgumentException(fields[0]));
            return new Issued(identity, fields[1], Long.parseLong(fields[2]), Long.parseLong(fields[3]));
        } catch (IllegalArgumentException | ArrayIndexOutOfBoundsException malformed) {
            throw new IOException(file + " holds a line that is no certificate: " + line, malformed);
        }
    }

    void add(Issued one) throws IOException {
        var body = new StringBuilder();
        List<Issued> all = new ArrayList<>(read());
        all.add(one);
        for (Issued issued : all) {
            body.append(issued.identity().uri()).append(' ').append(issued.serial()).append(' ')
                    .append(issued.issuedMicros()).append(' ').append(issued.expiresMicros()).append('\n');
        }
        String head = MAGIC + " " + VERSION + " " + checksum(body.toString()) + "\n";
        WholeFile.replace(file, (head + body).getBytes(StandardCharsets.UTF_8), Readers.EVERYBODY);
    }

    private static String checksum(String body) {
        var sum = new CRC32C();
        sum.update(body.getBytes(StandardCharsets.UTF_8));
        return "%08x".formatted(sum.getValue());
    }
}
