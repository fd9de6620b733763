package io.backhaul.mastertarget;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** On which volume a machine lies: where it is found, where it is assigned to, where there is room. */
class RetentionVolumesTest {
    private static final UUID MACHINE = new UUID(1, 2);

    @TempDir
    private Path folder = Path.of("");

    private RetentionVolume volume(String name) {
        return new RetentionVolume(name, folder.resolve(name));
    }

    private RetentionVolumes open(String... names) throws IOException {
        return RetentionVolumes.open(Arrays.stream(names).map(this::volume).toList());
    }

    private static long room(RetentionVolume volume) {
        return volume.name().equals("b") ? 100 : 10;
    }

    @Test
    void aNewMachineGoesWhereItIsAssignedElseWhereThereIsMostRoom() throws IOException {
        assertThat(open("a", "b", "c").place(MACHINE, "c", RetentionVolumesTest::room).name()).isEqualTo("c");
        assertThat(open("a", "b", "c").place(MACHINE, "", RetentionVolumesTest::room).name()).isEqualTo("b");
        assertThat(open("a", "c").place(MACHINE, "", RetentionVolumesTest::room)).as("alike").isIn(volume("a"),
                volume("c"));
    }

    @Test
    void aMachineStaysWhereItLiesWhateverIsSaidLater() throws IOException {
        RetentionVolume first = open("a", "b").place(MACHINE, "a", RetentionVolumesTest::room);
        Files.createDirectories(first.machine(MACHINE));
        RetentionVolumes again = open("b", "a");
        assertThat(again.machines()).containsExactly(MACHINE);
        assertThat(again.place(MACHINE, "b", RetentionVolumesTest::room).name()).isEqualTo("a");
    }

    @Test
    void aMachineOnTwoVolumesIsOneClearLine() throws IOException {
        for (String name : List.of("a", "b")) {
            Files.createDirectories(volume(name).machine(MACHINE));
        }
        assertThatThrownBy(() -> open("a", "b")).isInstanceOf(IOException.class)
                .hasMessageContainingAll(MACHINE.toString(), volume("a").machine(MACHINE).toString(),
                        volume("b").machine(MACHINE).toString(), "move")
                .message().doesNotContain("\n");
    }

    @Test
    void aVolumeThatIsNotMountedIsNotTakenForAnEmptyOne() throws IOException {
        open("a");
        open("a", "b");
        Files.delete(volume("b").known());
        assertThatThrownBy(() -> open("a", "b")).hasMessageContainingAll("retention volume b", "mount it");
        assertThat(open("a", "c").all()).hasSize(2);
        assertThat(open("a").all()).as("one may be given up").hasSize(1);
    }

    @Test
    void theOnlyVolumeMayBeginAnew() throws IOException {
        open("a");
        Files.delete(volume("a").known());
        assertThat(open("a").machines()).isEmpty();
    }
}
