package io.backhaul.engine.link;

import io.backhaul.protocol.Identity;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/** Credentials read from their files, and found to fit together. */
record LoadedCredentials(X509TrustManager authority, List<X509Certificate> chain, PrivateKey key, Identity identity) {
    static LoadedCredentials load(Credentials files) throws CredentialsException {
        X509TrustManager authority = trust(Pem.certificates(files.authority(), "authority"));
        List<X509Certificate> chain = Pem.certificates(files.certificate(), "certificate");
        X509Certificate own = chain.getFirst();
        PrivateKey key = Pem.key(files.key(), own.getPublicKey().getAlgorithm());
        if (!signsFor(key, own)) {
            throw new CredentialsException("key " + files.key() + " does not match certificate " + files.certificate()
                    + ": take the two that were issued together");
        }
        checkValidity(files, own);
        Identity identity = identity(own).orElseThrow(() -> new CredentialsException("certificate "
                + files.certificate() + " names no part of Backhaul (an alternative name backhaul://ROLE/UUID):"
                + " use one that `backhaul management` has issued"));
        checkIssuer(files, authority, chain);
        return new LoadedCredentials(authority, chain, key, identity);
    }

    /**
     * Who a certificate says its owner is: its one subject alternative name with our scheme; empty where there is none, or
     * more than one.
     */
    static Optional<Identity> identity(X509Certificate certificate) {
        try {
            var names = certificate.getSubjectAlternativeNames();
            if (names == null) {
                return Optional.empty();
            }
            List<String> uris = names.stream().map(name -> name.get(1)).filter(String.class::isInstance)
                    .map(String.class::cast).filter(name -> name.startsWith("backhaul:")).toList();
            return uris.size() == 1 ? Identity.parse(uris.getFirst()) : Optional.empty();
        } catch (CertificateException unreadable) {
            return Optional.empty();
        }
    }

    private static X509TrustManager trust(List<X509Certificate> authorities) throws CredentialsException {
        try {
            KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
            store.load(null, null);
            for (int i = 0; i < authorities.size(); i++) {
                store.setCertificateEntry("authority-" + i, authorities.get(i));
            }
            TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
            factory.init(store);
            for (TrustManager candidate : factory.getTrustManagers()) {
                if (candidate instanceof X509TrustManager found) {
                    return found;
                }
            }
            throw new IllegalStateException("this JDK verifies no certificates");
        } catch (GeneralSecurityException | IOException unusable) {
            throw new CredentialsException("the authority's certificates cannot be used: " + unusable.getMessage());
        }
    }

    private static boolean signsFor(PrivateKey key, X509Certificate certificate) {
        String algorithm = key.getAlgorithm().equals("EC") ? "SHA256withECDSA" : "SHA256withRSA";
        byte[] probe = {1, 2, 3, 4};
        try {
            Signature signature = Signature.getInstance(algorithm);
            signature.initSign(key);
            signature.update(probe);
            byte[] signed = signature.sign();
            signature.initVerify(certificate.getPublicKey());
            signature.update(probe);
            return signature.verify(signed);
        } catch (GeneralSecurityException doesNotFit) {
            return false;
        }
    }

    private static void checkValidity(Credentials files, X509Certificate own) throws CredentialsException {
        try {
            own.checkValidity();
        } catch (CertificateException outside) {
            throw new CredentialsException("certificate " + files.certificate() + " is valid from "
                    + own.getNotBefore().toInstant() + " to " + own.getNotAfter().toInstant()
                    + ", which is not now: have it issued anew, or set this computer's clock");
        }
    }

    private static void checkIssuer(Credentials files, X509TrustManager authority, List<X509Certificate> chain)
            throws CredentialsException {
        X509Certificate[] certificates = chain.toArray(X509Certificate[]::new);
        try {
            authority.checkClientTrusted(certificates, "UNKNOWN");
        } catch (CertificateException notAsClient) {
            try {
                authority.checkServerTrusted(certificates, "UNKNOWN");
            } catch (CertificateException notAtAll) {
                throw new CredentialsException("certificate " + files.certificate() + " was not issued by authority "
                        + files.authority() + ": take the files that were issued together");
            }
        }
    }
}
