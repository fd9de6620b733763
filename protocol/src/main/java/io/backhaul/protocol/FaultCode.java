package io.backhaul.protocol;

import java.util.Arrays;

/**
 * Everything that can go wrong between the parts, with a number that never changes its meaning, a grade and a remedy.
 * The page {@code docs/FAULTS.md} is generated from here.
 */
public enum FaultCode {
    UNKNOWN(0, Grade.ERROR, "A fault that this version does not know.", "Update the part that reports it."),
    BAD_FRAME(1, Grade.ERROR, "Bytes arrived that are no valid frame.",
            "The link is made anew by itself; if it repeats, look for a faulty peer, network device or memory."),
    VERSION_MISMATCH(2, Grade.FATAL, "The two sides share no version of the protocol.", "Update the older one."),
    NOT_AUTHORISED(3, Grade.ERROR, "The peer's certificate does not allow what it asked for.",
            "Use the certificate that was issued for this role and machine."),
    STALE_GENERATION(4, Grade.FATAL, "A newer generation of this machine's stream exists.",
            "Another agent replicates as this machine: stop one of the two, then start the right one again."),
    GAP(5, Grade.ERROR, "Positions are missing between what is held and what came.",
            "The stream is taken up again where the receiver stands, by itself."),
    BASIS_UNKNOWN(6, Grade.WARN, "The receiver lacks the position that the generation builds upon.",
            "The source compares the disks again by itself."),
    CREDIT_EXCEEDED(7, Grade.ERROR, "The peer sent more than it was allowed to.", "Update the peer."),
    UNKNOWN_MACHINE(8, Grade.ERROR, "Nobody here is responsible for this machine.",
            "Assign the machine to a master target in the configuration."),
    FENCED(9, Grade.FATAL, "The machine was promoted here; its old stream is refused for ever.",
            "Stop the source agent. To protect the machine again, start with a new assignment."),
    DISK_MISMATCH(10, Grade.FATAL, "The machine's disks are not the ones that were replicated so far.",
            "Compare disk count and sizes with what `backhaul status` lists; assign the changed machine anew."),
    STORE_FAILED(11, Grade.ERROR, "A file of the spool, journal or base could not be written or read.",
            "Mend the volume that the message names; work goes on by itself then."),
    STORE_FULL(12, Grade.WARN, "The volume for spool, journal or base is full.",
            "Give the volume room; work goes on by itself then."),
    STORE_CORRUPT(13, Grade.ERROR, "A stored frame or file does not match its checksum.",
            "Check the volume's hardware. The blocks in question are sent again, and an index is made anew, by themselves;"
                    + " where a master target shows no points up to the newest one some minutes later, have the disks"
                    + " compared (`backhaul resync`)."),
    PEER_SILENT(14, Grade.WARN, "The peer has not answered in time.", "Check the network; the link is made anew."),
    DISPLACED(15, Grade.WARN, "A newer link of the same machine has taken this one's place.", "Nothing to do."),
    SHUTTING_DOWN(16, Grade.WARN, "The peer is being stopped.", "Nothing to do; the link is made anew."),
    UNREACHABLE(17, Grade.WARN, "The peer could not be reached.",
            "Check address, port and firewall; it is tried again by itself."),
    TLS_FAILED(18, Grade.ERROR, "The TLS handshake failed.",
            "Check that both certificates come from the same management server and have not expired."),
    BUSY(19, Grade.WARN, "The receiver has no room for another machine just now.", "It is tried again by itself."),
    CAPTURE_OVERFLOW(20, Grade.WARN, "More was written than could be buffered; the blocks are marked and read again.",
            "If it repeats, raise the buffer, or look at what slows the link down."),
    SOURCE_READ_FAILED(21, Grade.ERROR, "A block of a protected disk could not be read.",
            "Check the disk; the block stays marked and is tried again."),
    INTERNAL(22, Grade.FATAL, "An assertion about Backhaul's own state failed.",
            "Report it with the log; the process stops rather than risk wrong data."),
    DISK_GONE(23, Grade.ERROR, "A protected disk is detached from the machine.",
            "Attach it again; the disks are compared then by themselves."),
    DISK_RETURNED(24, Grade.WARN,
            "A protected disk was detached and is there again; what was written to it meanwhile was not seen.",
            "Nothing to do: the disks are compared again by themselves."),
    DISK_RESIZED(25, Grade.ERROR, "A protected disk has changed its size since the agent started.",
            "What lies beyond the old size is not protected: give the disk its old size again, or stop the agent and assign"
                    + " the changed machine anew."),
    DISK_UNDURABLE(26, Grade.ERROR, "A protected disk failed to make durable what it had said was written.",
            "Check the disk: what it held in memory only may be gone once it or its host is started anew; have the disks"
                    + " compared then (`backhaul resync`). After a restart of this machine they are compared by themselves."),
    NO_ROOM(27, Grade.ERROR, "The disks of a machine do not fit in the datastore that they are to be made in.",
            "Give the datastore room, assign the machine to another one, or set preallocation = thin; it is tried again by"
                    + " itself."),
    SPACE_LOW(28, Grade.WARN, "A retention volume or datastore has little room left.",
            "Give it room, or move machines away, before it is full; `backhaul datastores` says who takes what."),
    SPACE_CRITICAL(29, Grade.ERROR, "A retention volume or datastore has hardly any room left.",
            "Give it room now: a full retention volume shortens the windows of its machines, and a full datastore keeps"
                    + " their disks from following; `backhaul datastores` says who takes what."),
    OVERCOMMITTED(30, Grade.WARN, "The thin disks in a datastore may grow to more than it has room for.",
            "Give the datastore room, or assign machines to another one; `backhaul datastores` says who takes what."),
    WINDOW_SHORT(31, Grade.WARN, "The recovery points of a machine reach less far back than retention.time asks for.",
            "Give the retention volume room, raise retention.bytes, or ask for less; the window grows again by itself."),
    REPLICA_DIFFERS(32, Grade.ERROR,
            "A verification has found that the replica differs from a protected disk, though nothing had said so.",
            "The blocks are sent again by themselves, but points from before that may be wrong in them. Find out who writes to"
                    + " the disk past the capture, or who else writes to the master target's disks, or what is wrong with them.");

    /** How far a fault reaches. */
    public enum Grade {
        /** Counted. */
        WARN,
        /** Ends the session. */
        ERROR,
        /** Ends the process, or waits for the operator. */
        FATAL
    }

    private final int number;
    private final Grade grade;
    private final String meaning;
    private final String remedy;

    FaultCode(int number, Grade grade, String meaning, String remedy) {
        this.number = number;
        this.grade = grade;
        this.meaning = meaning;
        this.remedy = remedy;
    }

    /** The number on the wire. */
    public int number() {
        return number;
    }

    /** The name that people and scripts see, such as {@code BH-0012}. */
    public String label() {
        return "BH-%04d".formatted(number);
    }

    public Grade grade() {
        return grade;
    }

    /** What happened, one sentence. */
    public String meaning() {
        return meaning;
    }

    /** What to do, one sentence. */
    public String remedy() {
        return remedy;
    }

    static FaultCode ofNumber(int number) {
        return Arrays.stream(values()).filter(code -> code.number == number).findFirst().orElse(UNKNOWN);
    }
}
