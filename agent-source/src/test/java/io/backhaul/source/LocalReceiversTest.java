package io.backhaul.source;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** This process listens itself, and has files open. */
class LocalReceiversTest {
    @TempDir
    Path folder;

    @Test
    void whatAProcessWritesToThatListensHereIsKnown() throws Exception {
        Path written = Files.createFile(folder.resolve("written")).toRealPath();
        Path read = Files.createFile(folder.resolve("read")).toRealPath();
        var receivers = new LocalReceivers(Path.of("/proc"));
        String address;
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                FileChannel one = FileChannel.open(written, StandardOpenOption.WRITE);
                FileChannel other = FileChannel.open(read, StandardOpenOption.READ)) {
            address = "127.0.0.1:" + server.getLocalPort();
            assertThat(one.isOpen() && other.isOpen()).isTrue();
            assertThat(receivers.files(List.of("192.0.2.1:" + server.getLocalPort(), address)))
                    .containsValue(written)
                    .doesNotContainValue(read)
                    .allSatisfy((name, file) -> assertThat(name).contains(address,
                            "process " + ProcessHandle.current().pid()));
        }
        assertThat(receivers.files(List.of(address))).isEmpty();
    }
}
