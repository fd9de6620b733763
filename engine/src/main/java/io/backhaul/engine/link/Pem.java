package io.backhaul.engine.link;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads certificates and keys in the textual encoding of RFC 7468. */
final class Pem {
    private static final int MAX_FILE_BYTES = 1 << 20;
    private static final Pattern BLOCK = Pattern
            .compile("-----BEGIN ([A-Z0-9 ]+)-----\\s*([A-Za-z0-9+/=\\s]+?)\\s*-----END \\1-----");

    private Pem() {}

    /** What stands between BEGIN and END. */
    private static final class Block {
        final String label;
        final byte[] der;

        Block(String label, byte[] der) {
            this.label = label;
            this.der = der;
        }
    }

    static List<X509Certificate> certificates(Path file, String what) throws CredentialsException {
        List<X509Certificate> certificates = new ArrayList<>();
        for (Block block : blocks(file, what)) {
            if (block.label.equals("CERTIFICATE")) {
                certificates.add(certificate(block, file, what));
            }
        }
        if (certificates.isEmpty()) {
            throw new CredentialsException(
                    what + " " + file + " holds no certificate: a PEM file with BEGIN CERTIFICATE is needed");
        }
        return certificates;
    }

    private static X509Certificate certificate(Block block, Path file, String what) throws CredentialsException {
        try {
            return (X509Certificate) CertificateFactory.getInstance("X.509")
                    .generateCertificate(new ByteArrayInputStream(block.der));
        } catch (CertificateException broken) {
            throw new CredentialsException(what + " " + file + " is damaged: " + broken.getMessage());
        }
    }

    static PrivateKey key(Path file, String algorithm) throws CredentialsException {
        for (Block block : blocks(file, "key")) {
            if (block.label.equals("PRIVATE KEY")) {
                try {
                    return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(block.der));
                } catch (GeneralSecurityException wrong) {
                    throw new CredentialsException("key " + file + " is no " + algorithm
                            + " key, which the certificate needs: take the key that was issued with the certificate");
                }
            }
        }
        throw new CredentialsException(
                "key " + file + " holds no private key: an unencrypted PEM file with BEGIN PRIVATE KEY is needed");
    }

    private static List<Block> blocks(Path file, String what) throws CredentialsException {
        List<Block> blocks = new ArrayList<>();
        Matcher matcher = BLOCK.matcher(text(file, what));
        while (matcher.find()) {
            try {
                blocks.add(new Block(matcher.group(1), Base64.getMimeDecoder().decode(matcher.group(2))));
            } catch (IllegalArgumentException notBase64) {
                throw new CredentialsException(what + " " + file + " is damaged: " + notBase64.getMessage());
            }
        }
        return blocks;
    }

    private static String text(Path file, String what) throws CredentialsException {
        try {
            if (Files.size(file) > MAX_FILE_BYTES) {
                throw new CredentialsException(what + " " + file + " is no PEM file: it is larger than 1 MiB");
            }
            return Files.readString(file, StandardCharsets.ISO_8859_1);
        } catch (NoSuchFileException missing) {
            throw new CredentialsException(what + " " + file + " does not exist: have it issued, or correct its path");
        } catch (AccessDeniedException denied) {
            throw new CredentialsException(what + " " + file + " cannot be read; give this user the right to read it");
        } catch (CredentialsException clear) {
            throw clear;
        } catch (IOException unreadable) {
            throw new CredentialsException(what + " " + file + " cannot be read: " + unreadable.getMessage());
        }
    }
}
