package io.backhaul.engine.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SettingsTest {
    private enum Mode {
        FAST, VERY_SAFE, OFF
    }

    private static final Key<String> LISTEN = Key.address("listen", "0.0.0.0:9443", "Where sources connect.");
    private static final Key<Long> LIMIT = Key.bytes("spool.limit", 64L << 20, "How large.").between(1L << 20,
            1L << 30);
    private static final Key<Duration> AGE = Key.duration("batch-age", Duration.ofMillis(2), "How old.");
    private static final Key<Path> STATE = Key.path("state", Path.of("state"), "Where.");
    private static final Key<Integer> LANES = Key.integer("lanes", 2, "How many.").between(1, 8);
    private static final Key<Boolean> EAGER = Key.flag("eager", true, "Whether.");
    private static final Key<Mode> MODE = Key.choice("mode", Mode.FAST, "How.");
    private static final Key<UUID> ID = Key.uuid("id", "Who.").optional();
    private static final Key<Path> DISK_PATH = Key.path("path", "The disk.");
    private static final Key<List<Settings>> DISKS = Key.sections("disks", List.of(DISK_PATH), "The disks.");
    private static final Key<List<String>> PEERS = Key.list(Key.address("peers", "Who else."));
    private static final Key<String> OLD = Key.removed("listen-port", "use listen, which has host and port");
    private static final List<Key<?>> KEYS = List.of(LISTEN, LIMIT, AGE, STATE, LANES, EAGER, MODE, ID, DISKS, PEERS,
            OLD);

    @TempDir
    private Path folder = Path.of("");

    private Settings parsed(String text) throws ConfigException {
        return Settings.parse(text, folder, KEYS);
    }

    private void refuses(String text, String... parts) {
        assertThatThrownBy(() -> parsed(text)).isInstanceOf(ConfigException.class).message().doesNotContain("\n")
                .contains(parts);
    }

    @Test
    void anEmptyFileGivesEveryDefault() throws ConfigException {
        Settings settings = parsed("");
        assertThat(settings.get(LISTEN)).isEqualTo("0.0.0.0:9443");
        assertThat(settings.get(LIMIT)).isEqualTo(64L << 20);
        assertThat(settings.get(AGE)).isEqualTo(Duration.ofMillis(2));
        assertThat(settings.get(STATE)).isEqualTo(folder.resolve("state"));
        assertThat(settings.get(DISKS)).isEmpty();
        assertThat(settings.find(ID)).isEmpty();
    }

    @Test
    void everyKindOfValueIsReadAsWritten() throws ConfigException {
        Settings settings = parsed("""
                listen = "[::1]:443"
                spool { limit = 1.5MiB }
                batch-age = 250us
                state = /var/lib/x
                lanes = 8
                eager = false
                mode = very-safe
                id = "0b6e3a52-6f0e-4a49-9d8e-5d1f2a7c9e10"
                disks = [{ path = a.img }, { path = "/dev/sdb" }]
                peers = ["a:1", "b:2"]
                """);
        assertThat(settings.get(LISTEN)).isEqualTo("[::1]:443");
        assertThat(settings.get(LIMIT)).isEqualTo(1_572_864);
        assertThat(settings.get(AGE)).isEqualTo(Duration.ofNanos(250_000));
        assertThat(settings.get(STATE)).isEqualTo(Path.of("/var/lib/x"));
        assertThat(settings.get(LANES)).isEqualTo(8);
        assertThat(settings.get(EAGER)).isFalse();
        assertThat(settings.get(MODE)).isEqualTo(Mode.VERY_SAFE);
        assertThat(settings.get(ID)).isEqualTo(UUID.fromString("0b6e3a52-6f0e-4a49-9d8e-5d1f2a7c9e10"));
        assertThat(settings.get(DISKS)).extracting(disk -> disk.get(DISK_PATH)).containsExactly(folder.resolve("a.img"),
                Path.of("/dev/sdb"));
        assertThat(settings.get(PEERS)).containsExactly("a:1", "b:2");
    }

    @Test
    void anUnknownKeyNamesItsLineAndTheRightOne() {
        refuses("lanes = 1\nlsiten = \"a:1\"", ":2: lsiten is not a key", "did you mean listen?");
        refuses("spool.limt = 2MiB", "spool.limt is not a key", "spool.limit");
        refuses("limit = 2MiB", "did you mean spool.limit?");
        refuses("disks = [{ path = a, pth = b }]", "disks[0].pth is not a key", "path");
        refuses("zzzzzzzzzzzzzzz = 1", "the keys here are: listen, spool.limit");
        refuses("listen { host = a }", "listen must be text");
    }

    @Test
    void aRemovedKeySaysWhatToUseInstead() {
        refuses("listen-port = 9", "listen-port is no longer used: use listen");
    }

    @Test
    void aSizeOrDurationWithoutItsUnitIsRefused() {
        refuses("spool.limit = 1048576", ":1: spool.limit must be a size with its unit", "not 1048576");
        refuses("batch-age = 20", "batch-age must be a duration with its unit");
        refuses("batch-age = \"20 fortnights\"", "must be a duration");
        refuses("spool.limit = 0.3B", "whole");
    }

    @Test
    void aValueOutOfItsRangeIsRefusedWithTheRange() {
        refuses("spool.limit = 1KiB", "must be between 1MiB and 1GiB, not \"1KiB\"");
        refuses("lanes = 9", "must be between 1 and 8, not 9");
    }

    @Test
    void aValueOfTheWrongKindIsRefused() {
        refuses("lanes = many", "must be a whole number, not \"many\"");
        refuses("lanes = 1.5", "must be a whole number");
        refuses("eager = perhaps", "must be true or false");
        refuses("mode = slow", "must be one of fast, very-safe, off, not \"slow\"");
        refuses("listen = 9443", "must be text");
        refuses("listen = \"9443\"", "must be HOST:PORT");
        refuses("listen = \"a:70000\"", "must be HOST:PORT");
        refuses("id = \"1234\"", "must be a UUID");
        refuses("disks = { path = a }", "must be a list");
        refuses("disks = [1]", "disks[0] must be a group of keys");
        refuses("state = \"\"", "must be a path");
    }

    @Test
    void aSwitchMayBeWrittenAsTheWordOff() throws ConfigException {
        assertThat(parsed("mode = off").get(MODE)).isEqualTo(Mode.OFF);
    }

    @Test
    void aMissingRequiredKeyIsNamedWithItsSentence() {
        refuses("disks = [{ }]", "disks[0].path is missing (path): The disk.");
    }

    @Test
    void brokenSyntaxIsOneLineWithItsNumber() throws IOException {
        Path file = Files.writeString(folder.resolve("broken.conf"), "a = 1\nb = {\n");
        assertThatThrownBy(() -> Settings.load(file, KEYS)).isInstanceOf(ConfigException.class).message()
                .startsWith(file + ":").doesNotContain("\n");
    }

    @Test
    void aFileThatIsNotThereOrNoFileIsToldApart() {
        assertThatThrownBy(() -> Settings.load(folder.resolve("none.conf"), KEYS)).message()
                .contains("no such configuration file");
        assertThatThrownBy(() -> Settings.load(folder, KEYS)).message().contains("is not a file");
    }

    @Test
    void aFileIsNamedWithItsLine() throws IOException {
        Path file = Files.writeString(folder.resolve("a.conf"), "\n\nlanes = x\n");
        assertThatThrownBy(() -> Settings.load(file, KEYS)).message().startsWith(file + ":3: lanes must be");
    }

    @Test
    void oneKeyCanBePeekedAtWithoutKnowingTheOthers() throws IOException, ConfigException {
        Path file = Files.writeString(folder.resolve("a.conf"), "whatever = 1\nlanes = 3\n");
        assertThat(Settings.peek(file, LANES)).contains(3);
        assertThat(Settings.peek(file, STATE)).contains(folder.resolve("state"));
        assertThat(Settings.peek(file, ID)).isEmpty();
    }

    @Test
    void askingForAKeyThatWasNotDeclaredIsAMistakeOfTheProgram() throws ConfigException {
        Settings settings = parsed("");
        assertThatThrownBy(() -> settings.get(DISK_PATH)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void thePageListsEveryKeyWithKindDefaultAndSentence() {
        String page = ConfigPage.render(Map.of("Thing", KEYS));
        assertThat(page).contains("| `spool.limit` | size, between 1MiB and 1GiB | `64MiB` | How large. |")
                .contains("| `disks[].path` | path | required | The disk. |").contains("| `id` | UUID | none | Who. |")
                .contains("| `batch-age` | duration | `2ms` |");
    }

    @Test
    void sizesAndDurationsAreShownAsTheyAreRead() {
        for (long bytes : new long[]{0, 1, 1023, 1024, 65536, 3L << 30, 1_000_000}) {
            assertThat(Units.parseBytes(Units.displayBytes(bytes))).isEqualTo(bytes);
        }
        for (long nanos : new long[]{0, 1, 999, 1_000, 1_500_000, 60_000_000_000L, 86_400_000_000_000L}) {
            assertThat(Units.parseDuration(Units.displayDuration(Duration.ofNanos(nanos))).toNanos()).isEqualTo(nanos);
        }
    }

    @Test
    void twoSwappedLettersAreOneMistake() {
        assertThat(Nearest.distance("lsiten", "listen")).isEqualTo(1);
        assertThat(Nearest.distance("", "abc")).isEqualTo(3);
        assertThat(Nearest.to("spol", List.of("listen", "spool"))).contains("spool");
        assertThat(Nearest.to("quite-another-thing", List.of("listen"))).isEmpty();
    }
}
