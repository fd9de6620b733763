package io.backhaul.engine.link;

import io.backhaul.protocol.Role;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.OpenSsl;
import io.netty.handler.ssl.OpenSslSessionContext;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslHandshakeTimeoutException;
import io.netty.handler.ssl.SslProvider;
import java.io.IOException;
import java.security.cert.X509Certificate;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes TLS contexts: version 1.3 only, both sides prove themselves, no resumption of sessions (each handshake looks at the
 * certificates of its day), BoringSSL where its native library loads and the JDK's TLS where not.
 */
final class Tls {
    private static final Logger LOG = LoggerFactory.getLogger(Tls.class);
    private static final String VERSION = "TLSv1.3";

    private Tls() {}

    /** BoringSSL where it can be had. */
    static SslProvider provider() {
        if (OpenSsl.isAvailable()) {
            return SslProvider.OPENSSL;
        }
        LOG.warn("BoringSSL is not available, TLS runs in Java at about half the speed: {}",
                words(OpenSsl.unavailabilityCause()));
        return SslProvider.JDK;
    }

    static SslContext client(LoadedCredentials own, Role server, SslProvider provider) throws CredentialsException {
        SslContextBuilder builder = SslContextBuilder.forClient().keyManager(own.key(), chain(own))
                .trustManager(new PeerVerifier(own.authority(), Set.of(server))).endpointIdentificationAlgorithm(null);
        return build(builder, provider);
    }

    static SslContext server(LoadedCredentials own, Set<Role> clients, SslProvider provider)
            throws CredentialsException {
        SslContextBuilder builder = SslContextBuilder.forServer(own.key(), chain(own))
                .trustManager(new PeerVerifier(own.authority(), clients)).clientAuth(ClientAuth.REQUIRE);
        return build(builder, provider);
    }

    private static SslContext build(SslContextBuilder builder, SslProvider provider) throws CredentialsException {
        try {
            SslContext context = builder.sslProvider(provider).protocols(VERSION).build();
            if (context.sessionContext() instanceof OpenSslSessionContext sessions) {
                sessions.setSessionCacheEnabled(false);
            }
            return context;
        } catch (SSLException unusable) {
            throw new CredentialsException("certificate and key cannot be used for TLS: " + words(unusable));
        }
    }

    private static X509Certificate[] chain(LoadedCredentials own) {
        return own.chain().toArray(X509Certificate[]::new);
    }

    /** What kind of refusal an exception out of a handshake is. */
    static RefusalCause cause(Throwable failure) {
        for (Throwable at = failure; at != null; at = at.getCause()) {
            if (at instanceof PeerRefusedException refused) {
                return refused.reason();
            }
            if (at instanceof SslHandshakeTimeoutException) {
                return RefusalCause.TOO_SLOW;
            }
        }
        String text = String.valueOf(failure.getMessage()).toLowerCase(Locale.ROOT);
        if (text.contains("did_not_return_a_certificate") || text.contains("empty client certificate")) {
            return RefusalCause.NO_CERTIFICATE;
        }
        if (text.contains("alert")) {
            return RefusalCause.ALERT;
        }
        boolean broken = failure instanceof IOException && !(failure instanceof SSLException);
        boolean cut = broken || text.contains("closed");
        return cut ? RefusalCause.GONE : RefusalCause.NOT_TLS;
    }

    /** The most telling message of an exception and its causes, in one line. */
    static String words(@Nullable Throwable failure) {
        String best = "unknown cause";
        for (Throwable at = failure; at != null; at = at.getCause()) {
            String message = Objects.requireNonNullElse(at.getMessage(), at.getClass().getSimpleName());
            best = message.lines().findFirst().orElse(best);
            if (at instanceof PeerRefusedException) {
                break;
            }
        }
        return best.replaceFirst("^error:[0-9a-f]+:SSL routines:OPENSSL_internal:", "");
    }
}
