package io.backhaul.engine.link;

/** {@code HOST:PORT}, an IPv6 address in square brackets. An empty host or {@code *} stands for all addresses. */
record HostPort(String host, int port) {
    /**
     * Reads the textual form.
     *
     * @throws IllegalArgumentException
     *             with a sentence for the operator
     */
    static HostPort parse(String text) {
        int colon = text.lastIndexOf(':');
        String host = colon < 0 ? text : text.substring(0, colon);
        if (host.startsWith("[") && host.endsWith("]")) {
            host = host.substring(1, host.length() - 1);
        } else if (host.contains(":")) {
            throw wrong(text);
        }
        try {
            int port = colon < 0 ? -1 : Integer.parseInt(text.substring(colon + 1));
            if (port < 0 || port > 65_535) {
                throw wrong(text);
            }
            return new HostPort(host, port);
        } catch (NumberFormatException notANumber) {
            throw wrong(text);
        }
    }

    private static IllegalArgumentException wrong(String text) {
        return new IllegalArgumentException(
                "'" + text + "' is no address: HOST:PORT is needed, such as 10.0.0.5:9443 or [fd00::5]:9443");
    }

    boolean isWildcard() {
        return host.isEmpty() || host.equals("*");
    }
}
