package io.backhaul.management;

import io.backhaul.protocol.Identity;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Date;
import javax.security.auth.x500.X500Principal;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509ExtensionUtils;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/**
 * Makes certificates: P-256 keys, ECDSA with SHA-256, X.509 version 3 as RFC 5280 profiles it. Whom a certificate names
 * stands in its subject alternative name, a URI {@code backhaul://ROLE/UUID}; its subject is for people.
 */
final class Certificates {
    private static final String SIGNATURE = "SHA256withECDSA";
    private static final int SERIAL_BITS = 127;
    /** Clocks of other computers may be behind. */
    private static final Duration BACKDATED = Duration.ofMinutes(10);
    private static final SecureRandom RANDOM = new SecureRandom();

    private Certificates() {}

    /** Who signs. */
    record Issuer(X509Certificate certificate, PrivateKey key) {}

    static KeyPair newKeyPair() throws GeneralSecurityException {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
        generator.initialize(new ECGenParameterSpec("secp256r1"), RANDOM);
        return generator.generateKeyPair();
    }

    static X509Certificate authority(KeyPair pair, long nowMicros, Duration validity)
            throws GeneralSecurityException, IOException {
        BigInteger serial = newSerial();
        var name = new X500Name("CN=Backhaul authority " + serial.toString(16).substring(0, 8));
        var builder = new JcaX509v3CertificateBuilder(name, serial, date(at(nowMicros).minus(BACKDATED)),
                date(at(nowMicros).plus(validity)), name,
                pair.getPublic());
        var extensions = new JcaX509ExtensionUtils();
        builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(0));
        builder.addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign));
        builder.addExtension(Extension.subjectKeyIdentifier, false,
                extensions.createSubjectKeyIdentifier(pair.getPublic()));
        return signed(builder, pair.getPrivate());
    }

    static X509Certificate leaf(Identity identity, PublicKey key, Issuer issuer, long nowMicros, Duration validity)
            throws GeneralSecurityException, IOException {
        X509Certificate authority = issuer.certificate;
        Instant end = at(Math.min(at(nowMicros).plus(validity).toEpochMilli() * 1000, expiresMicros(authority)));
        var builder = new JcaX509v3CertificateBuilder(authority, newSerial(), date(at(nowMicros).minus(BACKDATED)),
                date(end),
                new X500Principal(
                        "CN=" + identity.role().label() + " " + identity.id()),
                key);
        var extensions = new JcaX509ExtensionUtils();
        builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(false));
        builder.addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature));
        builder.addExtension(Extension.extendedKeyUsage, false,
                new ExtendedKeyUsage(new KeyPurposeId[]{KeyPurposeId.id_kp_clientAuth, KeyPurposeId.id_kp_serverAuth}));
        builder.addExtension(Extension.subjectAlternativeName, false,
                new GeneralNames(new GeneralName(GeneralName.uniformResourceIdentifier, identity.uri())));
        builder.addExtension(Extension.subjectKeyIdentifier, false, extensions.createSubjectKeyIdentifier(key));
        builder.addExtension(Extension.authorityKeyIdentifier, false,
                extensions.createAuthorityKeyIdentifier(authority));
        return signed(builder, issuer.key);
    }

    private static X509Certificate signed(X509v3CertificateBuilder builder, PrivateKey key)
            throws GeneralSecurityException {
        try {
            return new JcaX509CertificateConverter()
                    .getCertificate(builder.build(new JcaContentSignerBuilder(SIGNATURE).build(key)));
        } catch (OperatorException refused) {
            throw new GeneralSecurityException(refused);
        }
    }

    static boolean belongTogether(X509Certificate certificate, PrivateKey key) {
        byte[] sample = "sample".getBytes(StandardCharsets.US_ASCII);
        try {
            Signature signer = Signature.getInstance(SIGNATURE);
            signer.initSign(key);
            signer.update(sample);
            byte[] signature = signer.sign();
            signer.initVerify(certificate.getPublicKey());
            signer.update(sample);
            return signer.verify(signature);
        } catch (GeneralSecurityException differing) {
            return false;
        }
    }

    static long expiresMicros(X509Certificate certificate) {
        return ChronoUnit.MICROS.between(Instant.EPOCH, certificate.getNotAfter().toInstant());
    }

    private static BigInteger newSerial() {
        return new BigInteger(SERIAL_BITS, RANDOM).setBit(SERIAL_BITS - 1);
    }

    private static Date date(Instant instant) {
        return Date.from(instant.truncatedTo(ChronoUnit.SECONDS));
    }

    private static Instant at(long micros) {
        return Instant.EPOCH.plus(micros, ChronoUnit.MICROS);
    }
}
