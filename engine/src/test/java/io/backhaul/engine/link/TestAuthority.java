package io.backhaul.engine.link;

import io.backhaul.protocol.Identity;
import io.backhaul.protocol.Role;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Date;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.jspecify.annotations.Nullable;

/** An authority for tests, and the PEM files of those it certifies. */
public final class TestAuthority {
    private static final AtomicLong SERIAL = new AtomicLong(1);

    private final Path directory;
    private final KeyPair keys = keys();
    private final X500Name name;
    private final X509Certificate certificate;

    public TestAuthority(Path directory) {
        this.directory = directory;
        this.name = new X500Name("CN=" + directory.getFileName());
        makeDirectory(directory);
        this.certificate = sign(this.name, keys, null, true, Instant.now().plus(Duration.ofDays(1)));
        write(directory.resolve("ca.pem"), "CERTIFICATE", encoded(certificate));
    }

    /** Credentials of a new part. */
    public Credentials issue(Role role) {
        return issue(new Identity(role, UUID.randomUUID()));
    }

    public Credentials issue(Identity identity) {
        return issue(identity.uri(), Instant.now().plus(Duration.ofDays(1)));
    }

    /** A certificate with any alternative name, or none, and any end. */
    Credentials issue(@Nullable String uri, Instant end) {
        Path home = directory.resolve("part-" + SERIAL.get());
        makeDirectory(home);
        KeyPair own = keys();
        write(home.resolve("ca.pem"), "CERTIFICATE", encoded(certificate));
        write(home.resolve("cert.pem"), "CERTIFICATE", encoded(sign(new X500Name("CN=part"), own, uri, false, end)));
        write(home.resolve("key.pem"), "PRIVATE KEY", own.getPrivate().getEncoded());
        return Credentials.in(home);
    }

    private X509Certificate sign(X500Name subject, KeyPair own, @Nullable String uri, boolean authority, Instant end) {
        try {
            Instant begin = end.minus(Duration.ofDays(2));
            X509v3CertificateBuilder builder = new JcaX509v3CertificateBuilder(name,
                    BigInteger.valueOf(SERIAL.getAndIncrement()), Date.from(begin), Date.from(end), subject,
                    own.getPublic());
            builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(authority));
            if (uri != null) {
                builder.addExtension(Extension.subjectAlternativeName, false,
                        new GeneralNames(new GeneralName(GeneralName.uniformResourceIdentifier, uri)));
            }
            return new JcaX509CertificateConverter().getCertificate(
                    builder.build(new JcaContentSignerBuilder("SHA256withECDSA").build(keys.getPrivate())));
        } catch (GeneralSecurityException | OperatorCreationException | IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void makeDirectory(Path path) {
        try {
            Files.createDirectories(path);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static KeyPair keys() {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(new ECGenParameterSpec("secp256r1"));
            return generator.generateKeyPair();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private static byte[] encoded(X509Certificate certificate) {
        try {
            return certificate.getEncoded();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void write(Path file, String label, byte[] der) {
        try {
            Files.writeString(file, "-----BEGIN " + label + "-----\n" + Base64.getMimeEncoder().encodeToString(der)
                    + "\n-----END " + label + "-----\n");
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }
}
