package io.backhaul.simulation;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * Rare branches that a night's runs must reach at least once each, by the names they are counted under. If one is not
 * reached the faults have stopped to bite, and what hides behind the branch is not tested any more. Of the refusals three are
 * missing: CREDIT_EXCEEDED and BAD_FRAME must never be reached, and BUSY takes more machines than one.
 */
final class Sometimes {
    private static final List<String> BRANCHES = List.of("disk error: read", "disk error: write", "disk error: sync",
            "disk full", "guest: write refused", "guest: flush refused", "guest: write unseen",
            "link: chunk lost in a half-open connection", "link: chunk stalled", "link: cut in a frame",
            "link: dial refused", "link: dial unanswered", "link: held", "power: file with unsynced bytes",
            "power: folder change lost", "start refused", "stopped in order", "stream: generation BASELINE",
            "stream: generation CATCH_UP", "stream: BASELINE", "stream: CATCH_UP", "stream: ORDERED",
            "stream: duplicate frame", "checked: points true", "checked: views read again", "checked: writable views",
            "checked: marks kept", "checked: promotions true", "promotion: another point",
            "promotion: refused, as it was written to", "promotion: committed", "view refused", "view unreadable",
            "writable view: scratch full", "operator: plan answered", "operator: plan refused", "operator: resync",
            "operator: mark refused", "operator: move", "operator: heeded", "decommission: refused",
            "decommission: done",
            "settings: granularity", "spool lost while undelivered", "state rot: state.bks", "state rot: dirty-",
            "state rot: machine.state", "ring: overflow",
            "ring: overflow while no agent runs", "ring: write refused by the disk",
            "ring: lost with the power", "ring: found again", "ring: order outlived the agent",
            "ring: mark amid losses", "digests: UNAVAILABLE", "digests: ALL_ZERO", "digests: SOME",
            "refusal: another replica", "scrub: damage", "resend: heeded", "base rot: found", "base rot: lost",
            "checked: proofs true", "proof refused", "proof: in part", "verification: ended",
            "verification: difference healed", "limit: held back");
    private static final List<String> REFUSALS = List.of("BASIS_UNKNOWN", "DISK_MISMATCH", "DISPLACED",
            "FENCED", "GAP",
            "NOT_AUTHORISED", "PEER_SILENT", "SHUTTING_DOWN", "STALE_GENERATION", "STORE_CORRUPT", "STORE_FAILED",
            "STORE_FULL", "UNKNOWN_MACHINE", "VERSION_MISMATCH");
    private static final List<String> REPORTED = List.of("CAPTURE_OVERFLOW", "SOURCE_READ_FAILED", "STORE_CORRUPT",
            "STALE_GENERATION", "FENCED", "BASIS_UNKNOWN",
            "DISK_MISMATCH");

    static final List<String> REACHED = Stream.of(BRANCHES.stream(), REFUSALS.stream().map(code -> "refusal: " + code),
            REPORTED.stream().map(code -> "reported: " + code),
            Arrays.stream(FaultKind.values()).filter(kind -> kind != FaultKind.OPERATOR).map(kind -> "fault " + kind))
            .flatMap(each -> each).toList();

    private Sometimes() {}
}
