package io.backhaul.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.blockio.system.BlockDevices;
import io.backhaul.engine.config.ConfigException;
import io.backhaul.source.SourceSettings.CaptureKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which capture is used for files, on any machine; devices are for those who may have some. */
class CaptureChoiceTest {
    @TempDir
    private Path folder;

    private Path image = Path.of("");

    @BeforeEach
    void makeImage() throws IOException {
        image = Files.createFile(folder.resolve("image"));
    }

    private CaptureKind conclude(CaptureKind configured) throws IOException, ConfigException {
        return new CaptureChoice(BlockDevices.read(), () -> "").conclude(configured, List.of(image));
    }

    @Test
    void whatIsNamedIsUsed() throws Exception {
        assertThat(conclude(CaptureKind.NBD)).isEqualTo(CaptureKind.NBD);
        assertThat(conclude(CaptureKind.SCAN)).isEqualTo(CaptureKind.SCAN);
    }

    @Test
    void filesAreServedWhereNothingIsNamed() throws Exception {
        assertThat(conclude(CaptureKind.AUTO)).isEqualTo(CaptureKind.NBD);
    }

    @Test
    void filesAreNotSeenInTheKernel() {
        assertThatThrownBy(() -> conclude(CaptureKind.EBPF)).isInstanceOf(ConfigException.class)
                .hasMessageContaining(image + " is no block device");
    }
}
