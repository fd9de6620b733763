package io.backhaul.simulation;

import java.util.List;

/**
 * Rare branches that a night's runs must reach at least once each, by the names they are counted under. If one is not
 * reached the faults have stopped to bite, and what hides behind the branch is not tested any more.
 */
final class Sometimes {
    static final List<String> REACHED = List.of("disk error: read", "disk error: write", "disk error: sync",
            "disk full",
            "guest: write refused", "link: chunk lost in a half-open connection", "link: chunk stalled",
            "link: cut in a frame", "link: dial refused", "link: dial unanswered", "power: file with unsynced bytes",
            "power: folder change lost", "start refused", "stopped in order", "stream: generation BASELINE",
            "stream: generation CATCH_UP", "stream: BASELINE", "stream: CATCH_UP", "stream: ORDERED",
            "checked: points true", "checked: views read again", "checked: marks kept", "checked: promotions true",
            "view refused", "view unreadable", "operator: plan answered", "operator: resync", "refusal: GAP",
            "refusal: BASIS_UNKNOWN", "refusal: DISPLACED", "refusal: FENCED", "refusal: PEER_SILENT",
            "refusal: SHUTTING_DOWN", "refusal: STORE_FAILED", "refusal: STORE_FULL", "digests: UNAVAILABLE",
            "digests: ALL_ZERO", "digests: SOME", "stream: duplicate frame", "spool lost while undelivered");

    private Sometimes() {}
}
