package io.backhaul.protocol;

import java.util.Optional;
import java.util.UUID;

/**
 * Who stands at the other end of a link, as its certificate's subject alternative name says:
 * {@code backhaul://ROLE/UUID}. For a source the id is the machine's.
 */
public record Identity(Role role, UUID id) {
    private static final String SCHEME = "backhaul://";

    /** Reads {@code backhaul://ROLE/UUID}; empty where the text is anything else. */
    public static Optional<Identity> parse(String uri) {
        if (!uri.startsWith(SCHEME)) {
            return Optional.empty();
        }
        String[] parts = uri.substring(SCHEME.length()).split("/", -1);
        if (parts.length != 2) {
            return Optional.empty();
        }
        return Role.ofLabel(parts[0]).flatMap(role -> parseId(parts[1]).map(id -> new Identity(role, id)));
    }

    private static Optional<UUID> parseId(String text) {
        try {
            UUID id = UUID.fromString(text);
            return id.toString().equals(text) ? Optional.of(id) : Optional.empty();
        } catch (IllegalArgumentException notAnId) {
            return Optional.empty();
        }
    }

    /** The form that certificates carry. */
    public String uri() {
        return SCHEME + role.label() + "/" + id;
    }

    @Override
    public String toString() {
        return role.label() + "/" + id;
    }
}
