package io.backhaul.engine.link;

import java.io.IOException;
import java.net.Socket;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedKeyManager;
import org.jspecify.annotations.Nullable;

/** A TLS client that is not ours: the JDK's sockets, with any certificate or none. */
final class RawClient implements AutoCloseable {
    private final SSLSocket socket;

    private RawClient(SSLSocket socket) {
        this.socket = socket;
    }

    static RawClient of(@Nullable Credentials own, Path authority, int port) throws IOException {
        try {
            KeyStore trusted = KeyStore.getInstance("PKCS12");
            trusted.load(null, null);
            trusted.setCertificateEntry("ca", Pem.certificates(authority, "authority").getFirst());
            TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
            trust.init(trusted);
            SSLContext context = SSLContext.getInstance("TLSv1.3");
            context.init(own == null ? null : new KeyManager[]{new Stubborn(own)}, trust.getTrustManagers(), null);
            SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket("localhost", port);
            socket.setSoTimeout(20_000);
            return new RawClient(socket);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Shows its certificate whatever authorities the server names. */
    private static final class Stubborn extends X509ExtendedKeyManager {
        private final X509Certificate[] chain;
        private final PrivateKey key;

        Stubborn(Credentials own) throws IOException {
            this.chain = Pem.certificates(own.certificate(), "certificate").toArray(X509Certificate[]::new);
            this.key = Pem.key(own.key(), "EC");
        }

        @Override
        public String chooseClientAlias(String[] keyTypes, Principal[] issuers, Socket socket) {
            return "own";
        }

        @Override
        public X509Certificate[] getCertificateChain(String alias) {
            return chain;
        }

        @Override
        public PrivateKey getPrivateKey(String alias) {
            return key;
        }

        @Override
        public String[] getClientAliases(String keyType, Principal[] issuers) {
            return new String[]{"own"};
        }

        @Override
        public @Nullable String chooseServerAlias(String keyType, Principal[] issuers, Socket socket) {
            return null;
        }

        @Override
        public String[] getServerAliases(String keyType, Principal[] issuers) {
            return new String[0];
        }
    }

    /** Shakes hands and reads; gives the message of the alert that ends it. */
    String alert() throws IOException {
        try {
            socket.startHandshake();
            socket.getOutputStream().write(new byte[100]);
            return "read " + socket.getInputStream().read();
        } catch (SSLException alert) {
            return String.valueOf(alert.getMessage());
        }
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
