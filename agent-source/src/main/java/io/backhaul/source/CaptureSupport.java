package io.backhaul.source;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What this machine has of what the capture in the kernel needs, found out by reading {@code /proc} and {@code /sys} only.
 *
 * @param findings
 *            one for each thing looked at
 */
public record CaptureSupport(List<Finding> findings) {
    private static final Pattern VERSION = Pattern.compile("(\\d+)\\.(\\d+)");
    private static final Set<String> SYMBOLS = Set.of("__traceiter_block_bio_queue", "__bpf_trace_bio", "bpf_loop",
            "page_offset_base", "vmemmap_base", "bpf_probe_read_kernel");
    private static final String LIBRARY = "libbpf.so.1";
    private static final List<String> LIBRARY_FOLDERS = List.of("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu",
            "usr/lib64", "lib64", "usr/lib", "lib", "usr/local/lib", "usr/local/lib64");
    private static final int CAP_SYS_ADMIN = 21;
    private static final int CAP_PERFMON = 38;
    private static final int CAP_BPF = 39;
    /** Major and minor in one number. */
    private static final int OLDEST_KERNEL = 508;
    private static final int KERNEL_WITH_LOOP = 517;
    private static final int KERNEL_WITH_OWN_ACCOUNTING = 511;

    public CaptureSupport {
        findings = List.copyOf(findings);
    }

    /** How a finding bears upon the capture. */
    public enum Verdict {
        /** As it should be. */
        FINE,
        /** Not there; another way is taken that needs no doing. */
        OTHERWISE,
        /** Not there, and needed. */
        MISSING
    }

    /**
     * One thing looked at.
     *
     * @param name
     *            a word for scripts
     * @param text
     *            what was found, and where something is missing what to do
     */
    public record Finding(String name, Verdict verdict, String text) {}

    /** Looks at this machine. */
    public static CaptureSupport read() {
        return read(Path.of("/"));
    }

    static CaptureSupport read(Path root) {
        var look = new Look(root);
        return new CaptureSupport(
                List.of(look.system(), look.rights(), look.kernel(), look.types(), look.library(), look.tracepoint(),
                        look.loops(), look.addresses(), look.pinning(), look.lockdown(), look.memory()));
    }

    /** Whether nothing is missing. */
    public boolean isComplete() {
        return findings.stream().noneMatch(finding -> finding.verdict() == Verdict.MISSING);
    }

    /** What is missing, in one line; empty where nothing is. */
    public String missing() {
        return findings.stream().filter(finding -> finding.verdict() == Verdict.MISSING).map(Finding::text)
                .collect(Collectors.joining("; "));
    }

    private static final class Look {
        private final Path root;
        private final int release;
        private final Set<String> symbols;

        Look(Path root) {
            this.root = root;
            Matcher version = VERSION.matcher(line("proc/sys/kernel/osrelease"));
            this.release = version.find()
                    ? Integer.parseInt(version.group(1)) * 100 + Integer.parseInt(version.group(2))
                    : 0;
            this.symbols = symbols();
        }

        private Finding system() {
            String arch = System.getProperty("os.arch", "");
            return arch.equals("amd64")
                    ? fine("processor", "x86-64")
                    : missing("processor", "the processor is " + arch + ", and the capture knows x86-64 only: use nbd");
        }

        private Finding rights() {
            long mask = 0;
            for (String each : lines("proc/self/status")) {
                if (each.startsWith("CapEff:")) {
                    mask = Long.parseUnsignedLong(each.substring("CapEff:".length()).strip(), 16);
                }
            }
            if (has(mask, CAP_SYS_ADMIN)) {
                return fine("rights", "administrator");
            }
            return has(mask, CAP_BPF) && has(mask, CAP_PERFMON)
                    ? fine("rights", "CAP_BPF and CAP_PERFMON")
                    : missing("rights", "this user may not load programs into the kernel: run as root");
        }

        private static boolean has(long mask, int capability) {
            return ((mask >>> capability) & 1) == 1;
        }

        private Finding kernel() {
            String text = "kernel " + line("proc/sys/kernel/osrelease");
            return release >= OLDEST_KERNEL
                    ? fine("kernel", text)
                    : missing("kernel", text + " is older than 5.8, the first with ring buffers: use nbd");
        }

        private Finding types() {
            return Files.isReadable(root.resolve("sys/kernel/btf/vmlinux"))
                    ? fine("types", "the kernel describes its types (BTF)")
                    : missing("types", "the kernel does not describe its types: /sys/kernel/btf/vmlinux is missing;"
                            + " use a kernel with CONFIG_DEBUG_INFO_BTF");
        }

        private Finding library() {
            return LIBRARY_FOLDERS.stream().anyMatch(folder -> Files.exists(root.resolve(folder).resolve(LIBRARY)))
                    ? fine("library", LIBRARY)
                    : missing("library", LIBRARY + " is not installed: install libbpf (Debian: libbpf1)");
        }

        private Finding tracepoint() {
            return symbols.contains("__traceiter_block_bio_queue") || symbols.contains("__bpf_trace_bio")
                    || symbols.isEmpty()
                            ? fine("tracepoint", "block_bio_queue")
                            : missing("tracepoint", "the kernel has no tracepoint block_bio_queue:"
                                    + " use one with CONFIG_TRACEPOINTS and CONFIG_BLK_DEV_IO_TRACE");
        }

        private Finding loops() {
            return release >= KERNEL_WITH_LOOP || symbols.contains("bpf_loop")
                    ? fine("loops", "bpf_loop")
                    : otherwise("loops", "no bpf_loop (before 5.17): bounded loops are used");
        }

        private Finding addresses() {
            return symbols.contains("page_offset_base") && symbols.contains("vmemmap_base")
                    ? fine("addresses", "the bases of memory are in kallsyms")
                    : otherwise("addresses", "the bases of memory are not in kallsyms: they are found by calibration");
        }

        private Finding pinning() {
            String point = "/sys/fs/bpf";
            boolean isMounted = lines("proc/self/mountinfo").stream()
                    .anyMatch(line -> line.contains(" " + point + " ") && line.contains(" - bpf "));
            if (isMounted) {
                return fine("pinning", "bpf file system at " + point);
            }
            return lines("proc/filesystems").stream().anyMatch(line -> line.endsWith("bpf"))
                    ? otherwise("pinning", "the bpf file system is not mounted at " + point + ": the agent mounts it")
                    : missing("pinning", "the kernel has no bpf file system: use one with CONFIG_BPF_SYSCALL");
        }

        private Finding lockdown() {
            return line("sys/kernel/security/lockdown").contains("[confidentiality]")
                    ? missing("lockdown",
                            "the kernel is locked down for confidentiality, and lets nobody read its memory:"
                                    + " boot it with lockdown=integrity or none")
                    : fine("lockdown", "the kernel's memory may be read");
        }

        private Finding memory() {
            if (release >= KERNEL_WITH_OWN_ACCOUNTING) {
                return fine("memory", "maps are accounted to the control group");
            }
            return lines("proc/self/limits").stream()
                    .anyMatch(line -> line.startsWith("Max locked memory") && line.contains("unlimited"))
                            ? fine("memory", "locked memory is not limited")
                            : otherwise("memory", "locked memory is limited (ulimit -l): the agent raises the limit");
        }

        private Set<String> symbols() {
            try (Stream<String> all = Files.lines(root.resolve("proc/kallsyms"))) {
                return all.map(line -> line.split("[ \\t]", -1)).filter(words -> words.length >= 3)
                        .map(words -> words[2]).filter(SYMBOLS::contains)
                        .collect(Collectors.toCollection(TreeSet::new));
            } catch (IOException | RuntimeException hidden) {
                return Set.of();
            }
        }

        private String line(String file) {
            List<String> all = lines(file);
            return all.isEmpty() ? "" : all.getFirst().strip();
        }

        private List<String> lines(String file) {
            try {
                return new ArrayList<>(Arrays.asList(Files.readString(root.resolve(file)).split("\n", -1)));
            } catch (IOException absent) {
                return List.of();
            }
        }

        private static Finding fine(String name, String text) {
            return new Finding(name, Verdict.FINE, text);
        }

        private static Finding otherwise(String name, String text) {
            return new Finding(name, Verdict.OTHERWISE, text);
        }

        private static Finding missing(String name, String text) {
            return new Finding(name, Verdict.MISSING, text);
        }
    }
}
