/*
 * The rules of acknowledgement, release and generation, for one machine, its process server (and one that was left
 * behind) and one master target. docs/SIMULATION.md says which method of the code obeys which rule.
 *
 * Checked: every position that the master target journals in an ORDERED interval is the state the source was in at that
 * position; what the master target journals follows without a gap, and never goes back; a process server holds what it
 * told to be durable unless its disk was lost, and trims nothing that has to be forwarded again; and no state is a dead end
 * before both sides are alike (an invalid end state).
 *
 * A broken rule is switched on with -DNAME; checks/model lists the names, and each must be refuted.
 */
#ifndef WRITES
#define WRITES 2            /* of the guest, in all */
#endif
#ifndef CUTS
#define CUTS 1              /* links cut, process servers and master targets killed */
#endif
#ifndef KILLS
#define KILLS 0             /* the source killed */
#endif
#ifndef LOSSES
#define LOSSES 0            /* disks of a process server or of the master target lost, process servers left behind */
#endif
#ifndef GENERATIONS
#define GENERATIONS 4
#endif
#define SEQUENCES 8
#define WINDOW 2            /* records that may be captured and not released: beyond, capture overflows */

/* A position as one number: they compare as positions do. */
#define POS(g, s) ((g) * SEQUENCES + (s))
#define GEN(p) ((p) / SEQUENCES)
#define SEQ(p) ((p) % SEQUENCES)
/* StreamReceiver: the next of the same generation, or the first of a higher one. */
#define FOLLOWS(p, at) ((GEN(p) == GEN(at) && (p) == (at) + 1) || (GEN(p) > GEN(at) && SEQ(p) == 1))

/* A record: its kind, its block, and the whole disk as it was when the record was captured. */
#define CATCHUP 1
#define BASELINE 2
#define DATA 3
#define ORDERED 4
#define UNORDERED 5
#define RECORD(k, b) ((k) * 32 + (b) * 16 + disk[0] * 4 + disk[1])
#define KIND(r) ((r) / 32)
#define BLOCK(r) (((r) / 16) % 2)
#define HELD0(r) (((r) / 4) % 4)
#define HELD1(r) ((r) % 4)

byte rec[GENERATIONS * SEQUENCES];
byte basis[GENERATIONS];

/* The source. */
byte disk[2];               /* each block, as the number of writes to it */
byte writes;
bool pending[2];            /* DirtyMap: changed, and in no record */
byte touched[2];            /* DirtyMap epochs: the last record of the block that is not known to be journaled */
bool order;                 /* ChangeStream: the fidelity is ORDERED */
byte gen, last;             /* the generation, and the last sequence captured */
byte released;              /* SendWindow */
byte known;                 /* SourceState.journaled */
byte sent;                  /* StreamSender */
bool link1;

/* The process server. */
byte taken, spooled;        /* Spool.accepted, Spool.durable */
byte held[GENERATIONS];     /* the last durable sequence of each generation in the spool */
byte trimmed;               /* what lies at or before is not in the spool any more */
byte passed;                /* Egress.skipThrough: generations up to here are not forwarded */
bool link2;
bool emptied;               /* the spool has lost or given up what it held: it may fall behind what it told */

/* A process server that the source has left: it goes on delivering what it holds. */
byte strayAt, strayEnd;

/* The master target. */
byte arrived, journal;      /* Intake.accepted, Intake.journaled */
bool wiped;                 /* the journal has been lost */
bool trusted;               /* Timeline: the stream is ORDERED here */
byte replica[2];
byte refused;               /* the generation whose basis was not known, until the source has heard of it */

bool stuck;                 /* the bounds of this model are reached; not a fault */
byte cuts, kills, losses;   /* faults left */
hidden byte next;

#define ROOM (last - released < WINDOW && last < SEQUENCES - 1)
#define NEWGEN (gen < GENERATIONS - 1)

inline put(k, b) {
    last++;
    rec[POS(gen, last)] = RECORD(k, b)
}

/* SourceSession.open, DirtyMap.foldIntoPending: what is not known to be journaled is pending again. */
inline begin(k) {
    gen++;
    last = 0; released = 0; sent = 0;
    order = false;
    link1 = false;
    emptied = false;
    if
    :: k == BASELINE -> known = 0; pending[0] = true; pending[1] = true
    :: else ->
#ifndef FORGET_EPOCHS
        pending[0] = pending[0] || touched[0] > 0;
        pending[1] = pending[1] || touched[1] > 0
#else
        skip
#endif
    fi;
    touched[0] = 0; touched[1] = 0;
    basis[gen] = known;
    put(k, 0)
}

inline beginOr(k) {
    if
    :: NEWGEN -> begin(k)
    :: else -> stuck = true
    fi
}

/* ChangeStream.write, admit, loseOrder. */
inline guestWrites(b) {
    disk[b]++;
    writes++;
    if
    :: ROOM -> put(DATA, b); touched[b] = last
    :: else ->
        pending[b] = true;
        if
        :: order && last < SEQUENCES - 1 ->
            order = false;
#ifndef HIDE_OVERFLOW
            put(UNORDERED, 0)
#else
            skip
#endif
        :: order && last >= SEQUENCES - 1 -> stuck = true
        :: else
        fi
    fi
}

/* SourceSession.progress and learnJournaled, SendWindow.release, DirtyMap.takeJournaled. */
/* What no part needs any more is forgotten: it would tell states apart that are the same. */
inline sweep() {
    next = 0;
    do
    :: next < GENERATIONS * SEQUENCES && next <= trimmed && (next <= known && (GEN(next) < gen || SEQ(next) <= released)) ->
        rec[next] = 0; next++
    :: else -> break
    od;
    next = 1;
    do
    :: next < GENERATIONS && next < GEN(trimmed) && next < GEN(known) -> held[next] = 0; basis[next] = 0; next++
    :: else -> break
    od;
    next = 0
}

inline learn() {
    if
#ifdef ACK_EARLY
    :: GEN(taken) == gen && SEQ(taken) > released -> released = SEQ(taken)
#else
    :: GEN(spooled) == gen && SEQ(spooled) > released -> released = SEQ(spooled)
#endif
    :: else
    fi;
    if
    :: journal > known && link2 -> known = journal
    :: else
    fi;
#ifdef FORGET_DIRTY
    touched[0] = 0; touched[1] = 0
#else
    if
    :: GEN(known) == gen && touched[0] <= SEQ(known) -> touched[0] = 0
    :: else
    fi;
    if
    :: GEN(known) == gen && touched[1] <= SEQ(known) -> touched[1] = 0
    :: else
    fi
#endif
    ; sweep()
}

/* WELCOME: the source goes on behind what is durable, or begins anew where it does not hold what comes next. */
inline greet() {
    next = (GEN(spooled) == gen -> SEQ(spooled) : 0);
    assert(emptied || next >= released);
    if
#ifdef WINDOW_WRONG
    :: true ->
#else
    :: spooled >= known && next >= released && next <= last ->
#endif
        link1 = true; sent = next
    :: else -> beginOr(CATCHUP); link1 = !stuck
    fi
}

/* StreamReceiver.stream, at the process server. */
inline take(p) {
    if
    :: FOLLOWS(p, taken) -> taken = p
    :: p <= taken && GEN(p) == GEN(taken)               /* a duplicate */
    :: else -> link1 = false                            /* GAP or STALE_GENERATION */
    fi
}

/* Intake, one record: durable first, then it counts. */
inline journalOne(p) {
    assert(p > journal);
    assert(FOLLOWS(p, journal));
    journal = p;
    if
    :: KIND(rec[p]) == DATA ->
        replica[BLOCK(rec[p])] = (BLOCK(rec[p]) == 0 -> HELD0(rec[p]) : HELD1(rec[p]))
    :: KIND(rec[p]) == ORDERED -> trusted = true
    :: else -> trusted = false
    fi;
    if
    :: trusted -> assert(replica[0] == HELD0(rec[p])); assert(replica[1] == HELD1(rec[p]))
    :: else
    fi;
#ifndef TRIM_EARLY
    if
    :: p > trimmed && link2 -> trimmed = p
    :: else
    fi
#endif
}

/* Egress.loseThrough: on to the next generation, or begin anew where the master target stands. */
inline lose(g) {
    if
    :: GEN(spooled) > g -> passed = g
    :: else ->
        passed = 0;
        held[1] = 0; held[2] = 0; held[3] = 0;
        taken = journal; spooled = journal; trimmed = journal;
        emptied = true;
        link1 = false
    fi
}

/* StreamReceiver.stream and MachineSink.judge, at the master target. A generation waits for the one before it. */
inline offer(p) {
    if
#ifdef NO_FENCE
    :: GEN(p) < GEN(arrived) && arrived == journal -> journal = p - 1; arrived = p
#endif
    :: GEN(p) == GEN(arrived) && p == arrived + 1 -> arrived = p
    :: GEN(p) > GEN(arrived) && SEQ(p) == 1 && arrived == journal ->
        if
#ifndef IGNORE_BASIS
        :: basis[GEN(p)] > journal -> refused = GEN(p); lose(GEN(p)); link2 = false
#endif
        :: else -> arrived = p
        fi
    :: else -> link2 = false
    fi
#ifdef TRIM_EARLY
    ; if
    :: arrived > trimmed -> trimmed = arrived
    :: else
    fi
#endif
}

/* Egress.place and next: what follows, if the spool has it. */
inline forward() {
    next = 0;
    if
    :: GEN(arrived) > passed && SEQ(arrived) < held[GEN(arrived)] -> next = arrived + 1
    :: else ->
        if
        :: GEN(arrived) < 1 && passed < 1 && held[1] > 0 -> next = POS(1, 1)
        :: else ->
            if
            :: GEN(arrived) < 2 && passed < 2 && held[2] > 0 -> next = POS(2, 1)
            :: else ->
                if
                :: GEN(arrived) < 3 && passed < 3 && held[3] > 0 -> next = POS(3, 1)
                :: else
                fi
            fi
        fi
    fi;
    if
    :: next == 0
    :: next > trimmed -> if
        :: GEN(next) == GEN(arrived) || arrived == journal -> offer(next)
        :: else
        fi
    :: next > 0 && next <= trimmed -> assert(wiped); lose(GEN(next))
    fi
}

#define UNSENT ((GEN(arrived) > passed && SEQ(arrived) < held[GEN(arrived)]) \
    || (arrived == journal && ((GEN(arrived) < 1 && passed < 1 && held[1] > 0) \
    || (GEN(arrived) < 2 && passed < 2 && held[2] > 0) || (GEN(arrived) < 3 && passed < 3 && held[3] > 0))))
#define ALIKE (order && !pending[0] && !pending[1] && journal == POS(gen, last) && trusted \
    && replica[0] == disk[0] && replica[1] == disk[1])

init {
    cuts = CUTS; kills = KILLS; losses = LOSSES;
    /* Both sides hold nothing but zeroes: the first comparison finds no difference. */
    atomic { begin(BASELINE); pending[0] = false; pending[1] = false };
    do
    /* The source. */
    :: atomic { writes < WRITES && !stuck -> guestWrites(0) }
    :: atomic { writes < WRITES && !stuck -> guestWrites(1) }
    :: atomic { pending[0] && ROOM -> pending[0] = false; put(DATA, 0); touched[0] = last }
    :: atomic { pending[1] && ROOM -> pending[1] = false; put(DATA, 1); touched[1] = last }
#ifdef ORDER_EARLY
    :: atomic { !order && ROOM -> order = true; put(ORDERED, 0) }
#else
    :: atomic { !order && !pending[0] && !pending[1] && ROOM -> order = true; put(ORDERED, 0) }
#endif
    :: atomic { !link1 && !stuck && refused == 0 && taken == spooled -> greet() }
    :: atomic { link1 && sent < last -> sent++; take(POS(gen, sent))
#ifdef RELEASE_ON_SEND
        ; released = sent
#endif
        }
    :: atomic { link1 && ((GEN(spooled) == gen && SEQ(spooled) > released) || (link2 && journal > known)
#ifdef ACK_EARLY
        || (GEN(taken) == gen && SEQ(taken) > released)
#endif
        ) -> learn() }
    :: atomic { refused > 0 -> 
        if
        :: refused == gen -> beginOr(BASELINE)
        :: else
        fi;
        refused = 0 }
    :: atomic { kills > 0 && NEWGEN -> kills--; begin(CATCHUP) }

    /* The process server. */
    :: atomic { spooled != taken -> spooled = taken; held[GEN(taken)] = SEQ(taken) }
    :: atomic { !link2 && spooled > 0 && refused == 0 -> link2 = true; arrived = journal }
    :: atomic { link2 && UNSENT -> forward() }
    :: atomic { cuts > 0 && spooled != taken -> cuts--; taken = spooled; link1 = false; link2 = false }
    :: atomic { losses > 0 && spooled > 0 && NEWGEN -> losses--;
        if
        :: GEN(spooled) == GEN(journal) && spooled > journal -> strayAt = journal; strayEnd = spooled
        :: true
        fi;
        held[1] = 0; held[2] = 0; held[3] = 0; taken = 0; spooled = 0; trimmed = 0; passed = 0;
        emptied = true;
        link1 = false; link2 = false }
    :: atomic { strayAt < strayEnd && arrived == journal ->
        strayAt++;
        if
        :: FOLLOWS(strayAt, arrived) -> arrived = strayAt
#ifdef NO_FENCE
        :: strayAt < arrived -> journal = strayAt - 1; arrived = strayAt
#endif
        :: else -> strayEnd = strayAt
        fi }

    /* The network. */
    :: atomic { cuts > 0 && link1 -> cuts--; link1 = false }
    :: atomic { cuts > 0 && link2 -> cuts--; link2 = false }

    /* The master target. */
    :: atomic { journal != arrived ->
        next = (GEN(arrived) == GEN(journal) -> journal + 1 : POS(GEN(arrived), 1));
        journalOne(next) }
    :: atomic { cuts > 0 && journal != arrived -> cuts--; arrived = journal; link2 = false }
    :: atomic { losses > 0 && journal > 0 && NEWGEN -> losses--;
        wiped = true;
        journal = 0; arrived = 0; replica[0] = 0; replica[1] = 0; trusted = false; link2 = false; strayEnd = strayAt }

#ifdef NEVER_ALIKE
    :: atomic { writes == WRITES && ALIKE -> assert(false) }
#endif
    :: atomic { stuck || (writes == WRITES && (ALIKE || last >= SEQUENCES - 1)) -> break }
    od
}
