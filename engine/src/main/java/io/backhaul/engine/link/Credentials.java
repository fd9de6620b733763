package io.backhaul.engine.link;

import io.backhaul.protocol.Identity;
import java.nio.file.Path;

/**
 * Where a part keeps what it proves itself with, as PEM files.
 *
 * @param authority
 *            the certificates of the only authority that is trusted
 * @param certificate
 *            the part's own certificate first, then those between it and the authority, if any
 * @param key
 *            the private key of the part's certificate: PKCS #8, not encrypted
 */
public record Credentials(Path authority, Path certificate, Path key) {
    /** The files in a directory that {@code backhaul management} has written: ca.pem, cert.pem and key.pem. */
    public static Credentials in(Path directory) {
        return new Credentials(directory.resolve("ca.pem"), directory.resolve("cert.pem"),
                directory.resolve("key.pem"));
    }

    /**
     * Reads the files and says as whom they speak.
     *
     * @throws CredentialsException
     *             where a file is missing or no PEM, the key is another one's, the certificate has expired, comes from
     *             another authority or names no part of Backhaul
     */
    public Identity identity() throws CredentialsException {
        return LoadedCredentials.load(this).identity();
    }
}
