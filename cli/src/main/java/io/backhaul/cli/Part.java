package io.backhaul.cli;

import io.backhaul.protocol.Role;

/** The daemons of a {@link Fleet}. */
enum Part {
    MANAGEMENT(Role.MANAGEMENT), MASTER_TARGET(Role.MASTER_TARGET), PROCESS_SERVER(Role.PROCESS_SERVER),
    SOURCE(Role.SOURCE);

    private final Role role;

    Part(Role role) {
        this.role = role;
    }

    Role role() {
        return role;
    }

    /** The command that runs it, and the name of its files. */
    String label() {
        return role.label();
    }
}
