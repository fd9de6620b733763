package io.backhaul.source;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.blockio.Tool;
import io.backhaul.blockio.system.BlockDevices;
import io.backhaul.engine.config.ConfigException;
import io.backhaul.source.ebpf.LoopDisk;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the agent writes to may lie anywhere but on a disk that it protects, however many layers are in between. */
class FeedbackIT {
    private static final int MIB = 1 << 20;
    private static final int SECTOR = 512;

    @TempDir
    Path folder;

    private @Nullable LoopDisk disk;

    @BeforeEach
    void need() throws Exception {
        LoopDisk.needRoot();
    }

    @AfterEach
    void removeDisk() throws Exception {
        if (disk != null) {
            disk.remove();
        }
    }

    private LoopDisk made(String... options) throws Exception {
        LoopDisk made = LoopDisk.make(folder, 64 * MIB, List.of(options));
        disk = made;
        return made;
    }

    private static void refuse(Path device, Path place) throws Exception {
        new Feedback(BlockDevices.read()).refuse(List.of(device), Map.of("state =", place));
    }

    @Test
    void aPlaceOnTheDiskIsRefusedWithCauseAndCure() throws Exception {
        LoopDisk own = made();
        Tool.run("mke2fs", "-q", "-t", "ext4", own.path().toString());
        Path mounted = own.mount(own.path(), folder.resolve("mounted"));
        assertThatThrownBy(() -> refuse(own.path(), mounted.resolve("not/there/yet")))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("state = " + mounted.resolve("not/there/yet") + " lies on " + own.path())
                .hasMessageContaining("name a place on a disk that is not protected");
        assertThatCode(() -> refuse(own.path(), folder.resolve("state"))).doesNotThrowAnyException();
    }

    @Test
    void aPlaceOnAPartitionOfTheDiskIsRefusedAndOneOnAnotherPartitionIsNot() throws Exception {
        Tool.need("addpart");
        LoopDisk own = made("-P");
        Path first = own.partition(1, MIB / SECTOR, 16 * MIB / SECTOR);
        Path second = own.partition(2, 20 * MIB / SECTOR, 16 * MIB / SECTOR);
        Tool.run("mke2fs", "-q", "-t", "ext4", first.toString());
        Path mounted = own.mount(first, folder.resolve("mounted"));
        assertThatThrownBy(() -> refuse(own.path(), mounted)).isInstanceOf(ConfigException.class)
                .hasMessageContaining("lies on " + first + " and with it on " + own.path());
        assertThatThrownBy(() -> refuse(first, mounted)).isInstanceOf(ConfigException.class);
        assertThatCode(() -> refuse(second, mounted)).doesNotThrowAnyException();
    }
}
