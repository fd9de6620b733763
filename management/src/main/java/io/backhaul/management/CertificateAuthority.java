package io.backhaul.management;

import io.backhaul.engine.config.WholeFile;
import io.backhaul.engine.config.WholeFile.Readers;
import io.backhaul.engine.time.Clock;
import io.backhaul.protocol.Identity;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.List;

/**
 * The authority whose certificates all parts trust: a directory with {@code ca.pem}, {@code ca.key.pem} (its owner's
 * alone) and {@code inventory}. Certificates name one role and id; see {@link Certificates}. Several processes may issue
 * at once: each takes the directory's lock while it does.
 */
public final class CertificateAuthority {
    private static final String CERTIFICATE_FILE = "ca.pem";
    private static final String KEY_FILE = "ca.key.pem";
    private static final String INVENTORY_FILE = "inventory";
    private static final String LOCK_FILE = ".lock";
    private static final Duration AUTHORITY_VALIDITY = Duration.ofDays(3650);
    /** How long what it issues is valid. */
    public static final Duration LEAF_VALIDITY = Duration.ofDays(397);

    private final Path directory;
    private final X509Certificate certificate;
    private final PrivateKey key;
    private final Clock clock;

    private CertificateAuthority(Path directory, X509Certificate certificate, PrivateKey key, Clock clock) {
        this.directory = directory;
        this.certificate = certificate;
        this.key = key;
        this.clock = clock;
    }

    /**
     * Makes a new authority in a directory that holds none.
     *
     * @throws IOException
     *             where it holds one already, which is never overwritten, or cannot be written
     */
    public static CertificateAuthority create(Path directory, Clock clock) throws IOException {
        Files.createDirectories(directory,
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        return WholeFile.whileLocked(directory.resolve(LOCK_FILE), () -> made(directory, clock));
    }

    private static CertificateAuthority made(Path directory, Clock clock) throws IOException {
        refuseExisting(directory, List.of(CERTIFICATE_FILE, KEY_FILE, INVENTORY_FILE));
        try {
            KeyPair pair = Certificates.newKeyPair();
            X509Certificate certificate = Certificates.authority(pair, clock.wallMicros(), AUTHORITY_VALIDITY);
            WholeFile.create(directory.resolve(KEY_FILE), Pem.of(pair.getPrivate()), Readers.NOBODY);
            WholeFile.create(directory.resolve(CERTIFICATE_FILE), Pem.of(certificate), Readers.EVERYBODY);
            return new CertificateAuthority(directory, certificate, pair.getPrivate(), clock);
        } catch (GeneralSecurityException refused) {
            throw new IOException("the authority cannot be made: " + refused.getMessage(), refused);
        }
    }

    private static void refuseExisting(Path directory, List<String> names) throws IOException {
        for (String name : names) {
            if (Files.exists(directory.resolve(name))) {
                throw new IOException(
                        directory.resolve(name) + " exists already and is never overwritten; name another directory");
            }
        }
    }

    /**
     * Opens the authority of a directory.
     *
     * @throws IOException
     *             where its files are missing, damaged or do not belong together
     */
    public static CertificateAuthority open(Path directory, Clock clock) throws IOException {
        X509Certificate certificate = Pem.certificate(directory.resolve(CERTIFICATE_FILE));
        PrivateKey key = Pem.key(directory.resolve(KEY_FILE));
        if (!Certificates.belongTogether(certificate, key)) {
            throw new IOException(directory.resolve(KEY_FILE) + " is not the key of " + CERTIFICATE_FILE
                    + "; restore both from the same backup");
        }
        var authority = new CertificateAuthority(directory, certificate, key, clock);
        authority.inventory().read();
        return authority;
    }

    /**
     * Issues a certificate with a new key to the directory {@code out}: {@code ca.pem}, {@code cert.pem},
     * {@code key.pem}. The key has never been anywhere else.
     *
     * @throws IOException
     *             where the directory holds one of the three already, or cannot be written
     */
    public Issued issue(Identity identity, Path out) throws IOException {
        Files.createDirectories(out,
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        refuseExisting(out, List.of("ca.pem", "cert.pem", "key.pem"));
        return WholeFile.whileLocked(directory.resolve(LOCK_FILE), () -> issued(identity, out));
    }

    private Issued issued(Identity identity, Path out) throws IOException {
        try {
            KeyPair pair = Certificates.newKeyPair();
            long nowMicros = clock.wallMicros();
            var issuer = new Certificates.Issuer(certificate, key);
            X509Certificate leaf = Certificates.leaf(identity, pair.getPublic(), issuer, nowMicros, LEAF_VALIDITY);
            var issued = new Issued(identity, leaf.getSerialNumber().toString(16), nowMicros,
                    Certificates.expiresMicros(leaf));
            inventory().add(issued);
            WholeFile.create(out.resolve("key.pem"), Pem.of(pair.getPrivate()), Readers.NOBODY);
            WholeFile.create(out.resolve("cert.pem"), Pem.of(leaf), Readers.EVERYBODY);
            WholeFile.create(out.resolve("ca.pem"), Pem.of(certificate), Readers.EVERYBODY);
            return issued;
        } catch (GeneralSecurityException refused) {
            throw new IOException("the certificate cannot be made: " + refused.getMessage(), refused);
        }
    }

    /** Everything issued so far, the oldest first. */
    public List<Issued> issued() throws IOException {
        return inventory().read();
    }

    private Inventory inventory() {
        return new Inventory(directory.resolve(INVENTORY_FILE));
    }

    public Path directory() {
        return directory;
    }

    /** Until when the authority's own certificate is valid, microseconds since the epoch. */
    public long expiresMicros() {
        return Certificates.expiresMicros(certificate);
    }
}
