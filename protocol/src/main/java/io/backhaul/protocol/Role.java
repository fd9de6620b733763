package io.backhaul.protocol;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** The parts that hold certificates. */
public enum Role {
    SOURCE, PROCESS_SERVER, MASTER_TARGET, MANAGEMENT, OPERATOR;

    /** The name in identities, configuration and on the command line: lower case with dashes. */
    public String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    public static Optional<Role> ofLabel(String label) {
        return Arrays.stream(values()).filter(role -> role.label().equals(label)).findFirst();
    }
}
