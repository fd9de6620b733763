package io.backhaul.engine.link;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.backhaul.protocol.Identity;
import io.backhaul.protocol.Role;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CredentialsTest {
    @TempDir
    Path directory;
    private final Identity source = new Identity(Role.SOURCE, UUID.randomUUID());
    private TestAuthority authority;
    private Credentials good;

    @BeforeEach
    void begin() {
        authority = new TestAuthority(directory.resolve("right"));
        good = authority.issue(source);
    }

    private static void fails(Credentials credentials, String... words) {
        assertThatExceptionOfType(CredentialsException.class).isThrownBy(credentials::identity)
                .satisfies(wrong -> assertThat(wrong.getMessage()).contains(words).doesNotContain("\n"));
    }

    @Test
    void good_files_tell_as_whom_they_speak() throws Exception {
        assertThat(good.identity()).isEqualTo(source);
    }

    @Test
    void each_missing_file_is_named() throws IOException {
        for (Path file : new Path[]{good.authority(), good.certificate(), good.key()}) {
            byte[] content = Files.readAllBytes(file);
            Files.delete(file);
            fails(good, file.toString(), "does not exist");
            Files.write(file, content);
        }
    }

    @Test
    void files_that_hold_something_else_are_named() throws IOException {
        for (Path file : new Path[]{good.authority(), good.certificate(), good.key()}) {
            byte[] content = Files.readAllBytes(file);
            Files.writeString(file, "what is this?");
            fails(good, file.toString(), "holds no");
            Files.write(file, content);
        }
    }

    @Test
    void damaged_certificates_are_named() throws IOException {
        Files.writeString(good.certificate(), "-----BEGIN CERTIFICATE-----\nAAAABBBB\n-----END CERTIFICATE-----\n");
        fails(good, good.certificate().toString(), "is damaged");
    }

    @Test
    void another_ones_key_is_refused() throws IOException {
        Files.copy(authority.issue(Role.SOURCE).key(), good.key(), StandardCopyOption.REPLACE_EXISTING);
        fails(good, good.key().toString(), "does not match", good.certificate().toString());
    }

    @Test
    void an_expired_certificate_is_refused() {
        Credentials old = authority.issue(source.uri(), Instant.now().minus(Duration.ofHours(1)));
        fails(old, old.certificate().toString(), "which is not now");
    }

    @Test
    void a_certificate_that_is_not_valid_yet_is_refused() {
        Credentials early = authority.issue(source.uri(), Instant.now().plus(Duration.ofDays(3)));
        fails(early, early.certificate().toString(), "which is not now");
    }

    @Test
    void a_certificate_without_an_identity_is_refused() {
        Instant end = Instant.now().plus(Duration.ofDays(1));
        fails(authority.issue(null, end), "names no part of Backhaul");
        fails(authority.issue("https://example.org/", end), "names no part of Backhaul");
        fails(authority.issue("backhaul://king/" + source.id(), end), "names no part of Backhaul");
        fails(authority.issue("backhaul://source/" + source.id() + "/", end), "names no part of Backhaul");
    }

    @Test
    void a_certificate_of_another_authority_is_refused() {
        Credentials foreign = new TestAuthority(directory.resolve("wrong")).issue(source);
        fails(new Credentials(good.authority(), foreign.certificate(), foreign.key()), "was not issued by authority",
                good.authority().toString());
    }
}
