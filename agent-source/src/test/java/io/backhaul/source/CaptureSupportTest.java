package io.backhaul.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.backhaul.source.CaptureSupport.Verdict;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every thing that may be missing is found, and said with what to do. */
class CaptureSupportTest {
    @TempDir
    private Path root;

    @BeforeEach
    void makeAMachineThatHasAll() throws IOException {
        write("proc/sys/kernel/osrelease", "6.18.44-generic\n");
        write("proc/self/status", "Name:\tjava\nCapEff:\t000001ffffffffff\n");
        write("sys/kernel/btf/vmlinux", "types");
        write("usr/lib64/libbpf.so.1", "");
        write("proc/kallsyms", """
                ffffffff81af24b0 T __traceiter_block_bio_queue
                ffffffff81516b20 T bpf_loop
                ffffffff82000000 D page_offset_base
                ffffffff82000008 D vmemmap_base
                """);
        write("proc/self/mountinfo", "30 23 0:28 / /sys/fs/bpf rw - bpf bpf rw\n");
        write("proc/filesystems", "nodev\tbpf\n");
        write("proc/self/limits", "Max locked memory         8388608              8388608              bytes\n");
    }

    private void write(String file, String content) throws IOException {
        Path path = root.resolve(file);
        Files.createDirectories(path.resolveSibling("."));
        Files.writeString(path, content);
    }

    private Verdict verdict(String name) {
        return CaptureSupport.read(root).findings().stream().filter(finding -> finding.name().equals(name))
                .map(CaptureSupport.Finding::verdict).findFirst().orElseThrow();
    }

    @Test
    void aMachineThatHasAllIsComplete() {
        assumeTrue(System.getProperty("os.arch", "").equals("amd64"), "this processor is not x86-64");
        assertThat(CaptureSupport.read(root).missing()).isEmpty();
        assertThat(CaptureSupport.read(root).isComplete()).isTrue();
    }

    @Test
    void anOrdinaryUserMayNot() throws IOException {
        write("proc/self/status", "CapEff:\t0000000000000000\n");
        assertThat(CaptureSupport.read(root).missing()).contains("run as root");
        write("proc/self/status", "CapEff:\t000000c000000000\n");
        assertThat(verdict("rights")).isEqualTo(Verdict.FINE);
    }

    @Test
    void anOldKernelIsNamed() throws IOException {
        write("proc/sys/kernel/osrelease", "5.4.0\n");
        assertThat(CaptureSupport.read(root).missing()).contains("kernel 5.4.0 is older than 5.8");
        write("proc/sys/kernel/osrelease", "5.10.0\n");
        assertThat(verdict("kernel")).isEqualTo(Verdict.FINE);
        assertThat(verdict("memory")).isEqualTo(Verdict.OTHERWISE);
    }

    @Test
    void missingTypesTracepointAndPinningAreNamed() throws IOException {
        Files.delete(root.resolve("sys/kernel/btf/vmlinux"));
        write("proc/kallsyms", "ffffffff81516b20 T bpf_loop\n");
        write("proc/self/mountinfo", "");
        write("proc/filesystems", "ext4\n");
        assertThat(CaptureSupport.read(root).missing()).contains("CONFIG_DEBUG_INFO_BTF", "block_bio_queue",
                "CONFIG_BPF_SYSCALL");
    }

    @Test
    void aMissingLibraryIsNamedWithItsPackage() throws IOException {
        Files.delete(root.resolve("usr/lib64/libbpf.so.1"));
        assertThat(CaptureSupport.read(root).missing()).contains("Debian: libbpf1");
    }

    @Test
    void whatHasAnotherWayIsNotMissing() throws IOException {
        write("proc/kallsyms", "ffffffff81af24b0 T __traceiter_block_bio_queue\n");
        write("proc/self/mountinfo", "");
        assertThat(verdict("addresses")).isEqualTo(Verdict.OTHERWISE);
        assertThat(verdict("pinning")).isEqualTo(Verdict.OTHERWISE);
        assertThat(CaptureSupport.read(root).missing()).doesNotContain("kallsyms").doesNotContain("mounted");
    }

    @Test
    void aKernelWithoutLoopsOfItsOwnHasBoundedOnesUnlessTheyWereAddedToIt() throws IOException {
        assertThat(verdict("loops")).isEqualTo(Verdict.FINE);
        write("proc/sys/kernel/osrelease", "5.14.0-503.el9.x86_64\n");
        assertThat(verdict("loops")).as("listed in kallsyms").isEqualTo(Verdict.FINE);
        write("proc/kallsyms", "ffffffff81af24b0 T __traceiter_block_bio_queue\n");
        assertThat(verdict("loops")).isEqualTo(Verdict.OTHERWISE);
        assertThat(CaptureSupport.read(root).missing()).isEmpty();
    }

    @Test
    void aLockedDownKernelIsNamed() throws IOException {
        write("sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
        assertThat(CaptureSupport.read(root).missing()).contains("lockdown");
    }
}
