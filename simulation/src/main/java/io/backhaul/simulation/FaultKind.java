package io.backhaul.simulation;

/** What can go wrong; each kind is drawn with dice of its own, and can be switched off without changing the others. */
enum FaultKind {
    /** Both ends of a connection are told that it is gone. */
    LINK_CUT,
    /** A frame is cut in the middle, then the connection is gone. */
    LINK_CUT_IN_FRAME,
    /** Bytes vanish and nobody is told. */
    LINK_HALF_OPEN,
    /** Bytes arrive much later. */
    LINK_STALL,
    /** Little fits through. */
    LINK_THROTTLE,
    /** Long and uneven ways. */
    LINK_DELAY,
    /** Connection attempts are refused. */
    LINK_REFUSE,
    /** A process is killed, at any disk operation or between. */
    KILL,
    /** A host loses power, and its disks what was not synced. */
    POWER,
    /** A process is stopped in order and started again. */
    STOP,
    /** Reads fail. */
    DISK_READ_ERROR,
    /** Writes fail, once or for a while. */
    DISK_WRITE_ERROR,
    /** Syncs fail, and what they were for is not durable afterwards. */
    DISK_SYNC_ERROR,
    /** A volume fills up. */
    DISK_FULL,
    /** Disks are slow. */
    DISK_SLOW,
    /** A bit of a stored file flips. */
    BIT_FLIP,
    /** A wall clock jumps. */
    CLOCK_JUMP,
    /** A process server's disk is replaced by an empty one. */
    SPOOL_LOST,
    /** The guest writes more than can be buffered. */
    OVERFLOW,
    /** The operator acts: marks, views to read and to write, plans. */
    OPERATOR,
    /** The operator has the disks compared anew. */
    RESYNC,
    /** A part is started anew with other settings. */
    SETTINGS,
    /** A disk has another size when the agent starts, until the operator sees to it. */
    DISK_CHANGED,
    /** The machine is given to the other master target. */
    MOVE,
    /** A process server is emptied and taken away, and later comes back as a new one. */
    DECOMMISSION,
    /** A master target loses its journal and its disks. */
    JOURNAL_LOST,
    /** A bit of the journal flips. */
    JOURNAL_ROT,
    /** A bit of a small file flips: of the agent's state and dirty map while it does not run, of a checkpoint. */
    STATE_ROT,
    /** Somebody connects who should not, or says nothing, or something else than expected. */
    STRANGER,
    /** The machine is promoted. */
    PROMOTE,
    /** A bit of a base disk flips. */
    BASE_ROT,
    /** Something is written to a protected disk past the capture, and nothing says so. */
    PAST_CAPTURE,
    /** The operator limits what a process server sends on, or lifts it. */
    RATE_LIMIT
}
