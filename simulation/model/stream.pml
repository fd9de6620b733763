/*
 * The rules of acknowledgement, release and generation, for one machine with one process server and one master target.
 * What the code calls it stands behind each variable; docs/SIMULATION.md says which method obeys which rule.
 *
 * Checked: every ORDERED position that the master target journals is the state the source was in at that position; no
 * frame of an old generation is taken; what was told to be durable stays; and no state is a dead end before both sides
 * are alike (an invalid end state).
 *
 * Defects, each of which must be found: -DACK_EARLY -DRELEASE_ON_SEND -DFORGET_DIRTY -DBASIS_AHEAD -DORDER_EARLY
 * -DNO_FENCE -DTRIM_BEFORE_JOURNALED -DIGNORE_BASIS
 */
#ifndef WRITES
#define WRITES 2            /* of the guest, in all */
#endif
#define BLOCKS 2
#define GENERATIONS 4
#define SEQUENCES 8
#define WINDOW 3            /* records that may be captured and not released: beyond, capture overflows */
#define SLOT(g, s) ((g) * SEQUENCES + (s))
#define BEFORE(ag, as, bg, bs) ((ag) < (bg) || ((ag) == (bg) && (as) < (bs)))

mtype = { none, catchup, baseline, data, ordered, unordered };

/* Every record there ever was: the same position never names two. */
mtype kind[32];
byte block[32], version[32];
byte snap0[32], snap1[32];          /* the disk when the record was captured */
byte basisG[GENERATIONS], basisS[GENERATIONS];

/* The source. */
byte disk[BLOCKS];                  /* content of each block, as the number of writes to it */
byte writes;
bool pending[BLOCKS];               /* DirtyMap: changed and in no record */
byte touched[BLOCKS];               /* DirtyMap epochs: the last record of the block that is not known journaled */
bool up, order, comparing;
byte gen, last;                     /* ChangeStream: the generation, and its last captured sequence */
byte released;                      /* SendWindow */
byte knownG, knownS;                /* SourceState.journaled: what the source knows to be journaled */
byte sent;                          /* StreamSender */
bool link1;

/* The process server. */
byte takenG, takenS;                /* received, not durable yet */
byte spooledG, spooledS;            /* LogWriter.durable */
byte held[GENERATIONS];             /* the spool: the last durable sequence of each generation */
byte trimG, trimS;                  /* what lies at or before was trimmed */
byte toldG, toldS;                  /* journaled, as the master target told it */
byte sentG, sentS;                  /* what was sent to the master target last */
bool link2;
hidden byte following;

/* The master target. */
byte journalG, journalS;
bool mordered;
byte replica[BLOCKS];
bool refused;                       /* BASIS_UNKNOWN, on its way back to the source */

bool stuck;                         /* the bounds of this model are reached; not a fault */

byte cuts, kills, losses;           /* faults left */

inline put(k, b) {
    last++;
    kind[SLOT(gen, last)] = k;
    block[SLOT(gen, last)] = b;
    version[SLOT(gen, last)] = disk[b];
    snap0[SLOT(gen, last)] = disk[0];
    snap1[SLOT(gen, last)] = disk[1];
}

/* A new generation: what is not known to be journaled is pending again. */
inline begin(k) {
    gen++;
    last = 0;
    released = 0;
    sent = 0;
    order = false;
    link1 = false;
    if
    :: k == baseline ->
        knownG = 0; knownS = 0;
        pending[0] = true; pending[1] = true
    :: else ->
        pending[0] = pending[0] || touched[0] > 0;
        pending[1] = pending[1] || touched[1] > 0
    fi;
    touched[0] = 0; touched[1] = 0;
    basisG[gen] = knownG; basisS[gen] = knownS;
#ifdef BASIS_AHEAD
    basisG[gen] = gen - 1; basisS[gen] = 1;
#endif
    put(k, 0);
}

#define ROOM (last - released < WINDOW && last < SEQUENCES - 3)
#define NEWGEN (gen < GENERATIONS - 1)

inline loseOrder() {
    if
    :: order -> order = false; put(unordered, 0)
    :: else
    fi
}

inline guestWrites(b) {
    disk[b]++;
    writes++;
    if
    :: up && gen > 0 && ROOM -> put(data, b); touched[b] = last
    :: else ->
        pending[b] = true;
        if
        :: up && gen > 0 -> loseOrder()
        :: else
        fi
    fi
}

/* What the process server tells, and the source makes of it. */
inline learn() {
    if
    :: spooledG == gen && spooledS > released -> released = spooledS
    :: else
    fi;
    if
    :: BEFORE(knownG, knownS, toldG, toldS) ->
        knownG = toldG; knownS = toldS
    :: else
    fi;
    if
    :: knownG == gen && touched[0] <= knownS -> touched[0] = 0
    :: else
    fi;
    if
    :: knownG == gen && touched[1] <= knownS -> touched[1] = 0
    :: else
    fi
}

inline spool() {
    spooledG = takenG; spooledS = takenS;
    held[takenG] = takenS
}

inline take(s) {
    if
    :: gen > takenG && s == 1 -> takenG = gen; takenS = 1
    :: gen == takenG && s == takenS + 1 -> takenS = s
    :: else -> link1 = false           /* GAP, or a duplicate: the link is made anew */
    fi
}

/* WELCOME: the source goes on behind what is durable, or begins anew where it does not hold what comes next. */
inline greet() {
    takenG = spooledG; takenS = spooledS;
    if
    :: spooledG == gen && spooledS >= released -> link1 = true; sent = spooledS
    :: spooledG < gen && released == 0 -> link1 = true; sent = 0
    :: else ->
        if
        :: NEWGEN -> begin(catchup)
        :: else -> stuck = true
        fi
    fi
}

inline journal(g, s) {
#ifndef NO_FENCE
    assert(!BEFORE(g, s, journalG, journalS));
#endif
    journalG = g; journalS = s;
    if
    :: kind[SLOT(g, s)] == data -> replica[block[SLOT(g, s)]] = version[SLOT(g, s)]
    :: kind[SLOT(g, s)] == ordered -> mordered = true
    :: kind[SLOT(g, s)] == unordered || s == 1 -> mordered = false
    :: else
    fi;
    if
    :: mordered ->
        assert(replica[0] == snap0[SLOT(g, s)]);
        assert(replica[1] == snap1[SLOT(g, s)])
    :: else
    fi
}

/* The master target's side of the hop. */
inline offer(g, s) {
    if
    :: g == journalG && s == journalS + 1 -> journal(g, s); sentG = g; sentS = s
    :: g > journalG && s == 1 ->
        if
        :: kind[SLOT(g, s)] == baseline -> journal(g, s); sentG = g; sentS = s
#ifdef IGNORE_BASIS
        :: kind[SLOT(g, s)] == catchup -> journal(g, s); sentG = g; sentS = s
#else
        :: kind[SLOT(g, s)] == catchup && !BEFORE(journalG, journalS, basisG[g], basisS[g]) ->
            journal(g, s); sentG = g; sentS = s
        :: kind[SLOT(g, s)] == catchup && BEFORE(journalG, journalS, basisG[g], basisS[g]) ->
            link2 = false; refused = (g == gen)
#endif
        fi
#ifdef NO_FENCE
    :: BEFORE(g, s, journalG, journalS) -> journal(g, s); sentG = g; sentS = s
#endif
    :: else -> link2 = false
    fi
}

/* The next frame in the spool behind (sentG, sentS); a generation that has been superseded is passed over. */
inline forward() {
    if
    :: sentS < held[sentG] -> offer(sentG, sentS + 1)
    :: else ->
        following = sentG + 1;
        do
        :: held[following] == 0 -> following++
        :: else -> break
        od;
        offer(following, 1)
    fi
}

#define FORWARDABLE (sentS < held[sentG] || (sentG < 1 && held[1] > 0) || (sentG < 2 && held[2] > 0) \
    || (sentG < 3 && held[3] > 0))
#define ALIKE (up && order && !pending[0] && !pending[1] && journalG == gen && journalS == last \
    && replica[0] == disk[0] && replica[1] == disk[1])

init {
    cuts = 1; kills = 1; losses = 1;
    up = true;
    begin(baseline);
    do
    /* The source. */
    :: atomic { writes < WRITES -> guestWrites(0) }
    :: atomic { writes < WRITES -> guestWrites(1) }
    :: atomic { up && pending[0] && ROOM -> pending[0] = false; put(data, 0); touched[0] = last }
    :: atomic { up && pending[1] && ROOM -> pending[1] = false; put(data, 1); touched[1] = last }
#ifdef ORDER_EARLY
    :: atomic { up && !order && ROOM -> order = true; put(ordered, 0) }
#else
    :: atomic { up && !order && !pending[0] && !pending[1] && ROOM -> order = true; put(ordered, 0) }
#endif
    :: atomic { up && !link1 && !stuck -> greet() }
    :: atomic { link1 && sent < last -> sent++; take(sent)
#ifdef RELEASE_ON_SEND
        ; released = sent
#endif
#ifdef FORGET_DIRTY
        ; touched[0] = 0; touched[1] = 0
#endif
        }
    :: atomic { up && link1 && (spooledG == gen && spooledS > released || BEFORE(knownG, knownS, toldG, toldS)) ->
        learn() }
    :: atomic { up && refused -> refused = false;
        if
        :: NEWGEN -> begin(baseline)
        :: else -> stuck = true
        fi }
    :: atomic { up && kills > 0 && NEWGEN -> kills--; up = false; link1 = false }
    :: atomic { !up -> up = true; begin(catchup) }

    /* The process server. */
    :: atomic { BEFORE(spooledG, spooledS, takenG, takenS) -> spool() }
#ifdef ACK_EARLY
    :: atomic { link1 && takenG == gen && takenS > released -> released = takenS }
#endif
    :: atomic { !link2 && (spooledG > 0) && !refused ->
        link2 = true; sentG = journalG; sentS = journalS }
    :: atomic { link2 && FORWARDABLE -> forward() }
    :: atomic { link2 && BEFORE(toldG, toldS, journalG, journalS) -> toldG = journalG; toldS = journalS }
#ifdef TRIM_BEFORE_JOURNALED
    :: atomic { cuts > 0 && spooledG > 0 && BEFORE(journalG, journalS, spooledG, spooledS) ->
        cuts--; held[spooledG] = 0; held[0] = 0; link2 = false;
        sentG = spooledG; sentS = spooledS; journalG = spooledG; journalS = spooledS }
#endif
    :: atomic { cuts > 0 && BEFORE(spooledG, spooledS, takenG, takenS) -> /* killed before the sync */
        cuts--; takenG = spooledG; takenS = spooledS; link1 = false; link2 = false }
    :: atomic { losses > 0 && spooledG > 0 && NEWGEN -> /* its disk is lost */
        losses--; held[1] = 0; held[2] = 0; held[3] = 0;
        takenG = 0; takenS = 0; spooledG = 0; spooledS = 0; toldG = 0; toldS = 0;
        link1 = false; link2 = false }

    /* The network. */
    :: atomic { cuts > 0 && link1 -> cuts--; link1 = false }
    :: atomic { cuts > 0 && link2 -> cuts--; link2 = false }

    /* The master target's disk is lost. */
    :: atomic { losses > 0 && journalG > 0 && NEWGEN ->
        losses--; journalG = 0; journalS = 0; replica[0] = 0; replica[1] = 0; mordered = false; link2 = false;
        toldG = 0; toldS = 0 }

    :: atomic { writes == WRITES && (ALIKE || stuck || last >= SEQUENCES - 3) -> break }
    od
}
