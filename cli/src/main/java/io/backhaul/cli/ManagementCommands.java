package io.backhaul.cli;

import io.backhaul.engine.time.SystemClock;
import io.backhaul.management.CertificateAuthority;
import io.backhaul.management.Issued;
import io.backhaul.management.ManagementServer;
import io.backhaul.protocol.Identity;
import io.backhaul.protocol.Role;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The commands of management. */
@Command(name = "management", description = "The authority that all parts trust.",
        subcommands = {ManagementCommands.Init.class, ManagementCommands.Issue.class, ManagementCommands.Run.class})
final class ManagementCommands extends Group {
    /** Makes the authority. */
    @Command(name = "init", description = "Make a new certificate authority; one that exists is never overwritten.")
    static final class Init extends Verb {
        @Option(names = "--dir", required = true, paramLabel = "DIR", description = "Where it is kept.")
        private Path directory = Path.of("");

        @Mixin
        private Printing printing = new Printing();

        @Override
        public Integer call() throws IOException {
            CertificateAuthority authority = CertificateAuthority.create(directory, SystemClock.INSTANCE);
            Map<String, Object> result = new LinkedHashMap<>();
            result.put("authority", authority.directory().toString());
            result.put("expiresMicros", authority.expiresMicros());
            printing.print(result,
                    out -> out.println("The authority is in " + directory + ", valid until "
                            + day(authority.expiresMicros())
                            + ". Keep ca.key.pem safe and back it up: whoever has it can issue certificates."));
            return Backhaul.DONE;
        }
    }

    /** Issues a certificate. */
    @Command(name = "issue", description = "Issue a certificate that names a role and an id.")
    static final class Issue extends Verb {
        @Option(names = "--dir", required = true, paramLabel = "DIR", description = "The authority's directory.")
        private Path directory = Path.of("");

        @Option(names = "--role", required = true, paramLabel = "ROLE",
                description = "source, process-server, master-target, management or operator.")
        private String role = "";

        @Option(names = "--id", required = true, paramLabel = "UUID",
                description = "Whose it is; for a source the machine's.")
        private String id = "";

        @Option(names = "--out", required = true, paramLabel = "DIR",
                description = "Where ca.pem, cert.pem and key.pem are written.")
        private Path out = Path.of("");

        @Mixin
        private Printing printing = new Printing();

        @Override
        public Integer call() throws IOException {
            var authority = CertificateAuthority.open(directory, SystemClock.INSTANCE);
            Issued issued = authority.issue(identity(), out);
            Map<String, Object> result = new LinkedHashMap<>(issued.asMap());
            result.put("directory", out.toString());
            printing.print(result, text -> text.println("A certificate for " + issued.identity() + " is in " + out
                    + ", valid until " + day(issued.expiresMicros()) + "."));
            return Backhaul.DONE;
        }

        private Identity identity() {
            Role known = Role.ofLabel(role).orElseThrow(() -> Failure.usage("there is no role '" + role
                    + "'; the roles are "
                    + Arrays.stream(Role.values()).map(Role::label).collect(Collectors.joining(", "))));
            try {
                return new Identity(known, UUID.fromString(id));
            } catch (IllegalArgumentException malformed) {
                throw Failure.usage("'" + id + "' is no UUID; make one with `uuidgen`");
            }
        }
    }

    /** Runs the management daemon. */
    @Command(name = "run", description = "Run the management daemon.")
    static final class Run extends DaemonVerb {
        Run() {
            super("management", file -> new Running(ManagementServer.start(file)));
        }
    }

    private record Running(ManagementServer server) implements Daemon {
        @Override
        public Path control() {
            return server.control();
        }

        @Override
        public void awaitStop() throws InterruptedException {
            server.awaitStop();
        }

        @Override
        public void close() throws IOException {
            server.close();
        }
    }

    private static String day(long micros) {
        return Instant.EPOCH.plus(micros, ChronoUnit.MICROS).toString().substring(0, 10);
    }
}
