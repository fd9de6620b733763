package io.backhaul.blockio.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.blockio.DeviceFullException;
import io.backhaul.blockio.Tool;
import io.backhaul.blockio.nbd.Endpoint;
import io.backhaul.blockio.nbd.NbdClient;
import io.backhaul.blockio.nbd.NbdClientOptions;
import io.backhaul.blockio.nbd.NbdServer;
import io.backhaul.blockio.nbd.NbdServerOptions;
import io.backhaul.blockio.volume.DirectoryVolume;
import io.backhaul.blockio.volume.StoredFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A file system that is full: a small tmpfs, which needs root. */
class FullDiskIT {
    private static final int SMALL_BYTES = 1 << 20;

    @TempDir
    Path folder;

    private boolean mounted;

    @BeforeEach
    void mount() throws Exception {
        Tool.Result result = Tool.attempt("mount", "-t", "tmpfs", "-o", "size=" + SMALL_BYTES, "tmpfs",
                folder.toString());
        mounted = result.exitCode() == 0;
        if (!mounted) {
            Tool.absent("a small tmpfs cannot be mounted here (it needs root): " + result.printed().strip());
        }
    }

    @AfterEach
    void unmount() throws Exception {
        if (mounted) {
            Tool.run("umount", folder.toString());
        }
    }

    @Test
    void aThinDiskThatCannotGrowSaysSoHereAndOverNbdAndGoesOnWhenThereIsRoomAgain() throws Exception {
        try (RawDevice disk = RawDevice.create(folder.resolve("disk"), 4L * SMALL_BYTES);
                NbdServer server = NbdServer.listen(Endpoint.parse("127.0.0.1:0"), NbdServerOptions.defaults())) {
            assertThatThrownBy(() -> disk.write(0, ByteBuffer.allocate(2 * SMALL_BYTES)))
                    .isInstanceOf(DeviceFullException.class)
                    .hasMessageContaining("no space left");
            server.export("e", disk);
            try (NbdClient client = NbdClient.connect(server.endpoint(), "e", NbdClientOptions.defaults())) {
                assertThatThrownBy(() -> client.write(2L * SMALL_BYTES, ByteBuffer.allocate(2 * SMALL_BYTES)))
                        .isInstanceOf(DeviceFullException.class);
                client.zero(0, client.sizeBytes());
                client.write(3L * SMALL_BYTES, ByteBuffer.wrap(new byte[]{1, 2, 3}));
                client.flush();
                byte[] read = new byte[3];
                client.read(3L * SMALL_BYTES, ByteBuffer.wrap(read));
                assertThat(read).containsExactly(1, 2, 3);
            }
        }
    }

    @Test
    void aLogThatCannotGrowIsPoisonedUntilItIsOpenedAgain() throws Exception {
        DirectoryVolume volume = DirectoryVolume.open(folder);
        assertThat(volume.freeBytes()).isEqualTo(SMALL_BYTES);
        try (StoredFile log = volume.create("log")) {
            log.write(0, ByteBuffer.allocate(1000));
            log.sync();
            assertThatThrownBy(() -> log.write(1000, ByteBuffer.allocate(2 * SMALL_BYTES)))
                    .isInstanceOf(DeviceFullException.class);
            assertThatThrownBy(log::sync).isInstanceOf(IOException.class).hasMessageContaining("after a failure");
        }
        try (StoredFile log = volume.open("log")) {
            log.truncate(1000);
            log.write(1000, ByteBuffer.allocate(1000));
            log.sync();
            assertThatThrownBy(() -> log.preallocate(2L * SMALL_BYTES)).isInstanceOf(DeviceFullException.class);
        }
    }
}
