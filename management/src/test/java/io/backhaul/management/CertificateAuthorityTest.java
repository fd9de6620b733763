package io.backhaul.management;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.engine.time.SystemClock;
import io.backhaul.protocol.Identity;
import io.backhaul.protocol.Role;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.cert.CertPathValidator;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CertificateAuthorityTest {
    private static final Identity SOURCE = new Identity(Role.SOURCE,
            UUID.fromString("0b6e3a52-6f0e-4a49-9d8e-5d1f2a7c9e10"));

    @TempDir
    private Path folder = Path.of("");

    private CertificateAuthority created() throws IOException {
        return CertificateAuthority.create(folder.resolve("authority"), SystemClock.INSTANCE);
    }

    private static String rights(Path file) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
    }

    @Test
    void aCertificateIsTrustedAndNamesRoleAndIdForBothSidesOfALink() throws Exception {
        created().issue(SOURCE, folder.resolve("s"));
        X509Certificate leaf = Pem.certificate(folder.resolve("s/cert.pem"));
        X509Certificate authority = Pem.certificate(folder.resolve("s/ca.pem"));
        assertThat(leaf.getSubjectAlternativeNames()).containsExactly(List.of(6, SOURCE.uri()));
        assertThat(leaf.getExtendedKeyUsage()).containsExactlyInAnyOrder("1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2");
        assertThat(leaf.getBasicConstraints()).isEqualTo(-1);
        assertThat(authority.getBasicConstraints()).isZero();
        assertThat(leaf.getPublicKey().getAlgorithm()).isEqualTo("EC");
        var trusted = new PKIXParameters(Set.of(new TrustAnchor(authority, null)));
        trusted.setRevocationEnabled(false);
        CertPathValidator.getInstance("PKIX")
                .validate(CertificateFactory.getInstance("X.509").generateCertPath(List.of(leaf)), trusted);
        assertThat(Certificates.belongTogether(leaf, Pem.key(folder.resolve("s/key.pem")))).isTrue();
    }

    @Test
    void aCertificateIsValidFromALittleAgoForAYearAndNeverLongerThanItsAuthority() throws Exception {
        Issued issued = created().issue(SOURCE, folder.resolve("s"));
        X509Certificate leaf = Pem.certificate(folder.resolve("s/cert.pem"));
        Instant begin = leaf.getNotBefore().toInstant();
        Instant end = leaf.getNotAfter().toInstant();
        assertThat(Duration.between(begin, end)).isBetween(Duration.ofDays(397), Duration.ofDays(398));
        assertThat(begin).isBefore(Instant.now());
        assertThat(end).isBefore(Pem.certificate(folder.resolve("s/ca.pem")).getNotAfter().toInstant());
        assertThat(issued.expiresMicros()).isEqualTo(end.getEpochSecond() * 1_000_000);
    }

    @Test
    void keysAreTheirOwnersAlone() throws Exception {
        created().issue(SOURCE, folder.resolve("s"));
        assertThat(rights(folder.resolve("authority/ca.key.pem"))).isEqualTo("rw-------");
        assertThat(rights(folder.resolve("s/key.pem"))).isEqualTo("rw-------");
        assertThat(rights(folder.resolve("s"))).isEqualTo("rwx------");
    }

    @Test
    void nothingThatExistsIsOverwritten() throws Exception {
        CertificateAuthority authority = created();
        byte[] before = Files.readAllBytes(folder.resolve("authority/ca.key.pem"));
        assertThatThrownBy(this::created).isInstanceOf(IOException.class).hasMessageContaining("never overwritten");
        assertThat(folder.resolve("authority/ca.key.pem")).hasBinaryContent(before);
        authority.issue(SOURCE, folder.resolve("s"));
        byte[] key = Files.readAllBytes(folder.resolve("s/key.pem"));
        assertThatThrownBy(() -> authority.issue(SOURCE, folder.resolve("s")))
                .hasMessageContaining("never overwritten");
        assertThat(folder.resolve("s/key.pem")).hasBinaryContent(key);
        assertThat(authority.issued()).hasSize(1);
    }

    @Test
    void anAuthorityIsOpenedAgainAndRemembersWhatItIssued() throws Exception {
        Issued first = created().issue(SOURCE, folder.resolve("s"));
        CertificateAuthority again = CertificateAuthority.open(folder.resolve("authority"), SystemClock.INSTANCE);
        Issued second = again.issue(new Identity(Role.PROCESS_SERVER, UUID.randomUUID()), folder.resolve("p"));
        assertThat(again.issued()).containsExactly(first, second);
        assertThat(first.serial()).isNotEqualTo(second.serial());
    }

    @Test
    void severalMayIssueAtOnce() throws Exception {
        CertificateAuthority authority = created();
        List<Future<Issued>> all = new ArrayList<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            for (int index = 0; index < 16; index++) {
                Path out = folder.resolve("s" + index);
                all.add(threads.submit(() -> authority.issue(new Identity(Role.SOURCE, UUID.randomUUID()), out)));
            }
        }
        List<Issued> issued = new ArrayList<>();
        for (Future<Issued> one : all) {
            issued.add(one.get());
        }
        assertThat(authority.issued()).containsExactlyInAnyOrderElementsOf(issued);
    }

    @Test
    void missingForeignAndDamagedFilesAreToldApart() throws Exception {
        Path nowhere = folder.resolve("nowhere");
        assertThatThrownBy(() -> CertificateAuthority.open(nowhere, SystemClock.INSTANCE))
                .hasMessageContaining("is missing").hasMessageContaining("management init");
        created();
        Path authority = folder.resolve("authority");
        Path other = folder.resolve("other");
        CertificateAuthority.create(other, SystemClock.INSTANCE);
        Files.copy(other.resolve("ca.pem"), authority.resolve("ca.pem"),
                StandardCopyOption.REPLACE_EXISTING);
        assertThatThrownBy(() -> CertificateAuthority.open(authority, SystemClock.INSTANCE))
                .hasMessageContaining("is not the key of");
        Files.writeString(authority.resolve("ca.pem"), "nonsense");
        assertThatThrownBy(() -> CertificateAuthority.open(authority, SystemClock.INSTANCE))
                .hasMessageContaining("is no PEM file");
    }

    @Test
    void anInventoryThatIsDamagedNewerOrNoneIsToldApart() throws Exception {
        created().issue(SOURCE, folder.resolve("s"));
        Path file = folder.resolve("authority/inventory");
        String good = Files.readString(file);
        var inventory = new Inventory(file);
        assertThat(inventory.read()).hasSize(1);
        Files.writeString(file, good.replace("source", "sourcf"));
        assertThatThrownBy(inventory::read).hasMessageContaining("does not match its checksum");
        Files.writeString(file, good.replaceFirst("inventory 1", "inventory 2"));
        assertThatThrownBy(inventory::read).hasMessageContaining("format version 2");
        Files.write(file, "PK\u0003\u0004".getBytes(StandardCharsets.ISO_8859_1));
        assertThatThrownBy(inventory::read).hasMessageContaining("is no inventory");
    }
}
