package io.backhaul.source;

import java.io.IOException;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Process servers that run on this machine, as far as the kernel tells: who listens at an address of this machine that is
 * dialled, and which files that process has open for writing. Its spool is among them. Where the process is not running yet, is in
 * another container, or belongs to someone else, nothing is known of it.
 */
final class LocalReceivers {
    private static final String LISTENING = "0A";
    private static final int LOCAL = 1;
    private static final int STATE = 3;
    private static final int INODE = 9;

    private final Path proc;

    LocalReceivers(Path proc) {
        this.proc = proc;
    }

    /**
     * What is open for writing there.
     *
     * @param addresses
     *            HOST:PORT each
     * @return files, by what to call them
     */
    Map<String, Path> files(List<String> addresses) {
        Map<String, Path> files = new LinkedHashMap<>();
        for (String address : addresses) {
            int colon = address.lastIndexOf(':');
            if (colon > 0 && isOurs(address.substring(0, colon))) {
                Set<String> sockets = listening(Integer.parseInt(address.substring(colon + 1)));
                for (Path process : sockets.isEmpty() ? List.<Path>of() : processes()) {
                    add(process, sockets, "the process server at " + address, files);
                }
            }
        }
        return files;
    }

    private List<Path> processes() {
        return children(proc).stream()
                .filter(each -> String.valueOf(each.getFileName()).chars().allMatch(Character::isDigit)).toList();
    }

    private static boolean isOurs(String host) {
        try {
            String bare = host.startsWith("[") && host.endsWith("]") ? host.substring(1, host.length() - 1) : host;
            InetAddress address = InetAddress.getByName(bare);
            return address.isLoopbackAddress() || NetworkInterface.getByInetAddress(address) != null;
        } catch (IOException unknown) {
            // A name that is not known just now is no address of this machine.
            return false;
        }
    }

    /** The sockets that listen at a port, as descriptors name them. */
    private Set<String> listening(int port) {
        Set<String> sockets = new TreeSet<>();
        for (String table : List.of("tcp", "tcp6")) {
            for (String line : lines(proc.resolve("net").resolve(table))) {
                String[] fields = line.strip().split("\\s+", -1);
                if (fields.length > INODE && fields[STATE].equals(LISTENING)
                        && fields[LOCAL].endsWith(":%04X".formatted(port))) {
                    sockets.add("socket:[" + fields[INODE] + "]");
                }
            }
        }
        return sockets;
    }

    private static void add(Path process, Set<String> sockets, String owner, Map<String, Path> files) {
        Map<Path, String> open = new LinkedHashMap<>();
        children(process.resolve("fd")).forEach(each -> open.put(each, target(each)));
        if (open.values().stream().noneMatch(sockets::contains)) {
            return;
        }
        open.forEach((descriptor, target) -> {
            Path file = Path.of(target);
            if (file.isAbsolute() && Files.isRegularFile(file) && isWritable(process, descriptor)) {
                files.put(owner + " (process " + process.getFileName() + ") writes to descriptor "
                        + descriptor.getFileName() + ", and its file", file);
            }
        });
    }

    private static boolean isWritable(Path process, Path descriptor) {
        return lines(process.resolve("fdinfo").resolve(descriptor.getFileName())).stream()
                .filter(line -> line.startsWith("flags:"))
                .anyMatch(line -> (Long.parseLong(line.substring("flags:".length()).strip(), 8) & 3) != 0);
    }

    private static String target(Path descriptor) {
        try {
            return Files.readSymbolicLink(descriptor).toString();
        } catch (IOException closed) {
            // It was closed meanwhile.
            return "";
        }
    }

    private static List<String> lines(Path file) {
        try {
            return Files.readAllLines(file);
        } catch (IOException missing) {
            // Not there in this kernel, or not any more.
            return List.of();
        }
    }

    private static List<Path> children(Path folder) {
        List<Path> all = new ArrayList<>();
        try (DirectoryStream<Path> found = Files.newDirectoryStream(folder)) {
            found.forEach(all::add);
        } catch (IOException unreadable) {
            // Somebody else's, or just gone.
            return List.of();
        }
        return all;
    }
}
