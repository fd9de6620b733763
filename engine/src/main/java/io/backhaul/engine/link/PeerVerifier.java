package io.backhaul.engine.link;

import io.backhaul.protocol.Identity;
import io.backhaul.protocol.Role;
import io.netty.handler.ssl.OpenSslCertificateException;
import io.netty.internal.tcnative.CertificateVerifier;
import java.net.Socket;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.Set;
import java.util.stream.Collectors;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedTrustManager;
import javax.net.ssl.X509TrustManager;

/**
 * Judges a peer's certificate within the handshake, so that a refusal ends it with an alert: issued by our authority, valid
 * now, naming one part of Backhaul, whose role is expected here.
 *
 * <p>
 * Host names are not compared. They would prove nothing that matters here: parts move between addresses, stand behind
 * address translation, and are configured by address; what must be proved is the role and the id, which only the management
 * server's authority can put into a certificate. A certificate of another authority, even a public one for the right host
 * name, is refused.
 */
final class PeerVerifier extends X509ExtendedTrustManager {
    private final X509TrustManager authority;
    private final Set<Role> roles;

    PeerVerifier(X509TrustManager authority, Set<Role> roles) {
        this.authority = authority;
        this.roles = Set.copyOf(roles);
    }

    private interface Check {
        void run() throws CertificateException;
    }

    private void judge(X509Certificate[] chain, Check check) throws CertificateException {
        try {
            check.run();
            judge(chain[0]);
        } catch (PeerRefusedException refused) {
            throw alerting(refused, CertificateVerifier.X509_V_ERR_CERT_REJECTED);
        } catch (CertificateException untrusted) {
            PeerRefusedException refused = new PeerRefusedException(RefusalCause.UNTRUSTED,
                    "certificate of " + chain[0].getSubjectX500Principal() + ": " + untrusted.getMessage());
            throw alerting(refused,
                    isValidNow(chain[0]) ? CertificateVerifier.X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
                            : CertificateVerifier.X509_V_ERR_CERT_HAS_EXPIRED);
        }
    }

    private void judge(X509Certificate leaf) throws PeerRefusedException {
        Identity identity = LoadedCredentials.identity(leaf)
                .orElseThrow(() -> new PeerRefusedException(RefusalCause.NO_IDENTITY,
                        "certificate of " + leaf.getSubjectX500Principal() + " names no part of Backhaul"));
        if (!roles.contains(identity.role())) {
            throw new PeerRefusedException(RefusalCause.WRONG_ROLE, "certificate is of " + identity + ", expected "
                    + roles.stream().map(Role::label).sorted().collect(Collectors.joining(" or ")));
        }
    }

    private static boolean isValidNow(X509Certificate leaf) {
        try {
            leaf.checkValidity();
            return true;
        } catch (CertificateException outside) {
            return false;
        }
    }

    /** Tells BoringSSL which alert to send: unknown CA, expired, or bad certificate. The JDK chooses by itself. */
    private static CertificateException alerting(PeerRefusedException refused, int code) {
        return new OpenSslCertificateException(refused.getMessage(), refused, code);
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType) throws CertificateException {
        judge(chain, () -> authority.checkClientTrusted(chain, authType));
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType) throws CertificateException {
        judge(chain, () -> authority.checkServerTrusted(chain, authType));
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket)
            throws CertificateException {
        checkClientTrusted(chain, authType);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket)
            throws CertificateException {
        checkServerTrusted(chain, authType);
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
            throws CertificateException {
        checkClientTrusted(chain, authType);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
            throws CertificateException {
        checkServerTrusted(chain, authType);
    }

    @Override
    public X509Certificate[] getAcceptedIssuers() {
        return authority.getAcceptedIssuers();
    }
}
