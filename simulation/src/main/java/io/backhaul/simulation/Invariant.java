package io.backhaul.simulation;

/** What must hold, whatever happens. Each has a sentence that a violation is reported with. */
enum Invariant {
    /** Of what parts say of themselves and of each other. */
    LAW_OF_POSITIONS("captured >= sent >= received >= spooled >= forwarded >= journaled >= applied, wherever told"),
    /** Across restarts. */
    ACKNOWLEDGED_IS_KEPT("no part falls behind a position it has told to be durable, unless it lost its disk"),
    /** Checksums. */
    DAMAGE_IS_NAMED("who falls behind because a stored bit flipped says that what it stored is damaged"),
    /** Checksums. */
    DAMAGE_IS_REAL("a base disk is said to be damaged only where a bit of it has flipped"),
    /** The fence. */
    OLD_GENERATIONS_STAY_OUT("once a part has taken a frame of a generation, it takes none of an older one"),
    /** The chain of generations. */
    BASIS_IS_KNOWN("a master target takes a generation only if it had come to the position that this one builds upon"),
    /** The fence, seen from the side. */
    ONE_STREAM_ADVANCES("of two streams of one machine only that advances whose sender was welcomed last"),
    /** Identity of records. */
    ONE_POSITION_ONE_RECORD("the same position never names two different records"),
    /** Order on each link and in each store. */
    NO_GAPS("what a master target journals has every sequence of a generation from 1 on"),
    /** Truth of points. */
    POINTS_ARE_TRUE("a view at an offered position is the state of all disks at that position"),
    /** Truth of marks. */
    MARKS_ARE_KEPT("a mark that was answered and journaled is offered, at its position, until it leaves the window"),
    /** Honesty about gaps. */
    NO_POINT_IN_A_GAP("no position is offered that lies in no ORDERED interval"),
    /** Views. */
    OFFERED_CAN_BE_OPENED("a position inside an offered range can be opened while no disk fails"),
    /** Views. */
    VIEWS_STAY("an open view reads the same as long as it is open"),
    /** Views. */
    WRITABLE_VIEWS_TAKE("a writable view holds what was written to it, over what the point holds"),
    /** Proofs. */
    PROOFS_ARE_TRUE(
            "whatever a proof vouches for is what the disks held at its position, and no half of one has its name"),
    /** Promotion. */
    PROMOTED_IS_TRUE("a promoted disk is the state of the position it was promoted at"),
    /** Promotion. */
    PROMOTED_IS_LEFT_ALONE("a promoted disk that somebody has written to is not changed any more"),
    /** Promotion. */
    PROMOTED_IS_FENCED("after a promotion nothing of the machine is journaled any more"),
    /** Bounds. */
    MEMORY_IS_BOUNDED("buffers of a process stay below what its settings allow"),
    /** Bounds. */
    CREDIT_IS_KEPT("a sender never has more stream bytes under way than it was given credit for"),
    /** Cost. */
    NO_NEEDLESS_RESYNC("disks are compared only where the rules say so"),
    /** The source. */
    ORDER_OUTLIVES_THE_AGENT("where the kernel keeps what is written, who was killed in order goes on in order"),
    /** The source. */
    DISKS_ARE_NOT_TOUCHED("the agent changes no protected disk: it holds what the guest wrote"),
    /** Verification. */
    DIFFERENCES_ARE_REAL("a verification finds a difference only where something went past the capture or was harmed"),
    /** Liveness. */
    CONVERGES("after the faults end, source and target are identical and ORDERED within bounded time"),
    /** No surprises. */
    NO_UNEXPECTED_EXCEPTION("nothing throws what nobody declared");

    private final String sentence;

    Invariant(String sentence) {
        this.sentence = sentence;
    }

    String sentence() {
        return sentence;
    }
}
