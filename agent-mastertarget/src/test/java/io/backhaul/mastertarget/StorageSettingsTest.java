package io.backhaul.mastertarget;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.blockio.file.RawDevice.Preallocation;
import io.backhaul.engine.config.ConfigException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Volumes and datastores: one of each in the short form, several by name, and what is refused. */
class StorageSettingsTest {
    private static final String MACHINE = "0b6e3a52-6f0e-4a49-9d8e-5d1f2a7c9e10";

    @TempDir
    private Path folder = Path.of("");

    private StorageSettings concluded(String text) throws IOException, ConfigException {
        Path file = Files.writeString(folder.resolve("target.conf"), text);
        return StorageSettings.of(file, MasterTargetSettings.load(file));
    }

    private void refused(String text, String... parts) {
        assertThatThrownBy(() -> concluded(text)).isInstanceOf(ConfigException.class)
                .hasMessageContainingAll(parts).message().doesNotContain("\n");
    }

    @Test
    void whereNothingIsSaidThereIsOneOfEach() throws IOException, ConfigException {
        StorageSettings places = concluded("");
        assertThat(places.volumes()).containsExactly(new RetentionVolume("retention", folder.resolve("retention")));
        assertThat(places.datastores()).containsExactly(new Datastore("datastore", folder.resolve("datastore"),
                DiskFormat.VMDK, Preallocation.THIN));
    }

    @Test
    void theShortFormNamesAFolderEach() throws IOException, ConfigException {
        StorageSettings places = concluded("retention.folder = /r\ndatastore = /d");
        assertThat(places.volumes()).extracting(RetentionVolume::folder).containsExactly(Path.of("/r"));
        assertThat(places.datastores()).extracting(Datastore::folder).containsExactly(Path.of("/d"));
    }

    @Test
    void severalHaveNamesAndMachinesAreAssignedToThem() throws IOException, ConfigException {
        StorageSettings places = concluded(
                """
                        volumes = [{ name = fast, folder = /r1 }, { name = slow, folder = /r2 }]
                        datastores = [{ name = a, folder = /d1, preallocation = thick, format = raw }, { name = b, folder = /d2 }]
                        space { warn = 30, alarm = 10 }
                        machines = [{ id = "%s", retention-volume = slow, datastore = b }]
                        """
                        .formatted(MACHINE));
        assertThat(places.volumes()).extracting(RetentionVolume::name).containsExactly("fast", "slow");
        assertThat(places.datastores().getFirst()).isEqualTo(
                new Datastore("a", Path.of("/d1"), DiskFormat.RAW, Preallocation.THICK));
        assertThat(places.levels()).isEqualTo(new SpaceLevels(30, 10));
    }

    @Test
    void aNameThatIsNotThereIsRefusedWithThoseThatAre() {
        refused("volumes = [{ name = fast, folder = /r1 }]\nmachines = [{ id = \"" + MACHINE
                + "\", retention-volume = slow }]", MACHINE, "retention-volume = slow", "fast");
        refused("machines = [{ id = \"" + MACHINE + "\", datastore = lost }]", "datastore = lost",
                "there are: datastore");
    }

    @Test
    void contradictionsAreRefused() {
        refused("retention.folder = /r\nvolumes = [{ name = a, folder = /s }]", "retention.folder and volumes");
        refused("datastore = /r\ndatastores = [{ name = a, folder = /s }]", "datastore and datastores");
        refused("volumes = [{ name = a, folder = /s }, { name = a, folder = /t }]", "two entries called a");
        refused("datastores = [{ name = a, folder = /s }, { name = b, folder = /s/t }]", "lie in each other");
        refused("space { warn = 5, alarm = 20 }", "space.alarm is 20");
        refused("datastores = [{ name = a, folder = /s, format = device }]", "vmdk or raw");
        refused("volumes = [{ name = \"a/b\", folder = /s }]", "name");
    }
}
