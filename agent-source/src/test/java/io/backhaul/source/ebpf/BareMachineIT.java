package io.backhaul.source.ebpf;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.blockio.Tool;
import io.backhaul.blockio.system.BlockDevices;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Machines on which nobody has prepared anything, each in a mount namespace of its own. */
class BareMachineIT {
    private static final int RING_BYTES = 1 << 20;
    private static final int BLOCK_BYTES = 64 << 10;
    private static final long PATIENCE_NANOS = 60_000_000_000L;

    private final UUID machine = UUID.randomUUID();

    @TempDir
    Path folder;

    @BeforeEach
    void need() throws Exception {
        LoopDisk.needRoot();
    }

    /** Runs a program of this test where a script has changed what is mounted, and perhaps what it may do. */
    private static Tool.Result where(String script, Class<?> program, String... words) throws Exception {
        Tool.need("setpriv");
        List<String> command = new ArrayList<>(List.of("unshare", "--mount", "sh", "-c", script,
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED", "-XX:TieredStopAtLevel=1", "-cp",
                System.getProperty("java.class.path"), program.getName()));
        command.addAll(List.of(words));
        return Tool.attempt(command.toArray(String[]::new));
    }

    @Test
    void whereNothingIsMountedForPinsItIsMounted() throws Exception {
        LoopDisk disk = LoopDisk.make(folder, 4 << 20);
        try {
            Tool.Result result = where("while umount -l /sys/fs/bpf 2>/dev/null; do :; done; exec \"$0\" \"$@\"",
                    Captures.class, disk.path().toString(), machine.toString());
            assertThat(result.printed()).contains("captured 1, detached true");
            assertThat(result.exitCode()).isZero();
        } finally {
            disk.remove();
        }
    }

    @Test
    void whoMayNotSeeThePinsIsToldWhatToBe() throws Exception {
        Tool.Result result = where("mount -t tmpfs -o mode=0700,uid=65534 pins /sys/fs/bpf"
                + " && exec setpriv --bounding-set=-all --inh-caps=-all \"$0\" \"$@\"", Detaches.class,
                machine.toString());
        assertThat(result.printed()).contains("run as root");
        assertThat(result.exitCode()).isNotZero();
    }

    /** Captures one write, and takes the capture away again. */
    static final class Captures {
        private Captures() {}

        /** Takes the device and the machine. */
        public static void main(String[] words) throws Exception {
            Path device = Path.of(words[0]);
            UUID machine = UUID.fromString(words[1]);
            var bounds = new EbpfPins.Bounds(RING_BYTES, BLOCK_BYTES, PATIENCE_NANOS, false);
            CaptureRing ring = EbpfPins.attach(machine, List.of(EbpfTarget.of(0, device, BlockDevices.read())), bounds,
                    device, new Random(1)).ring();
            int records = 0;
            try {
                Tool.run("dd", "if=/dev/urandom", "of=" + device, "bs=4096", "count=1", "oflag=direct",
                        "conv=notrunc", "status=none");
                CaptureRing.Cursor cursor = new CaptureRing.Cursor();
                for (long at = ring.tail(); at < ring.head() && ring.read(at, cursor); at = cursor.next) {
                    records++;
                }
            } finally {
                ring.close();
            }
            System.out.println("captured " + records + ", detached " + EbpfPins.detach(machine));
        }
    }

    /** Takes a capture away. */
    static final class Detaches {
        private Detaches() {}

        /** Takes the machine. */
        public static void main(String[] words) throws IOException {
            EbpfPins.detach(UUID.fromString(words[0]));
        }
    }
}
