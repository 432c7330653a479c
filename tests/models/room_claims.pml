/* Who owns a room, when Redis may come back empty, or with old claims, at any moment: for the model checker Spin.

   A worker claims a room for a publisher (claim_room.lua), keeps the claim by its heartbeats (`Claims.refresh`), and
   claims anew what has gone, or what another worker has claimed anew without a right to it. Whoever finds another
   Redis writes the epoch, also a third worker that has no rooms, and no new claim succeeds for HOLD ticks after that.
   Heartbeats are late at will. After TTL ticks without one a worker's claim has expired, and another worker may have
   the room, which is meant.

   Promises: nobody gets a room that another worker has kept. Of two workers that both think they have it (one was
   paused, and Redis lost the claim of the other), the one that claimed it later keeps it. Who has kept a room for as
   long as a claim lives is not robbed of it by one that comes back. And where a Redis that
   comes back has heard neither for as long, the one that was heard last has the room, whichever claims it first.

   With -DHOLD=0, which is Redis without an epoch, the first does not hold. With -DSINCE=0, where a worker does not say
   since when it has a room, the second does not; with -DHEARD=0, where it does not say when Redis last heard it, the
   third. With -DLAST=0, where Redis does not compare that, the fourth does not. */

#define TTL 4         /* ticks that a claim lives: keys.CLAIM_TTL_MS */
#ifndef HOLD
#define HOLD TTL      /* claims that Redis has lost would have expired by then */
#endif
#ifndef SINCE
#define SINCE 1
#endif
#ifndef HEARD
#define HEARD 1
#endif
#ifndef LAST
#define LAST 1
#endif
#define LOST 2        /* times that Redis comes back without its claims */
#define NOBODY 0

byte owner, lives;    /* the claim, and the ticks that it has left */
byte again;           /* ticks for which Redis still has since when the owner, who has claimed again, has the room */
bool epoch = true;    /* whether Redis has one */
byte hold;            /* ticks for which new claims are refused */
byte later;           /* which worker was the last to claim the room for a publisher: "since when", of two workers */
byte last;            /* which worker Redis has heard last */
bool was_last;        /* whether the owner, who has claimed again, was that until then */
bool streams[3];      /* by worker: 1 and 2 */
byte right[3];        /* ticks for which its last claim, or heartbeat, must count */
byte held[3];         /* ticks for which it has been the owner, up to TTL */
byte lost;

#define keeps(w) (streams[w] && right[w])
#define silent(w) (HEARD && !right[w])
#define another_has(w) (owner == 3 - w && \
                        (!SINCE || (again -> later == 3 - w || (silent(w) && (!LAST || was_last || hold == 0)) \
                                          : hold == 0 || silent(w))))

inline touch() { if :: !epoch -> epoch = true; hold = HOLD :: else fi }
inline claim(w) {
  held[3 - w] = 0; if :: owner != w && !right[w] -> held[w] = 0 :: else fi;
  owner = w; lives = TTL; right[w] = TTL; last = w;
  if :: later == w -> right[3 - w] = 0 :: else fi
}

proctype worker(byte w) {
  do
  :: atomic { !streams[w] ->                                    /* a publisher comes */
       touch();
       if
       :: owner != 3 - w && hold == 0 ->
            assert(!keeps(3 - w));
            later = w; claim(w); again = 0; streams[w] = true
       :: else                                                  /* it is refused */
       fi }
  :: atomic { streams[w] && owner == w -> claim(w) }            /* a heartbeat */
  :: atomic { streams[w] && owner != w ->                       /* one that finds the claim gone */
       touch();
       if
       :: another_has(w) -> assert(!(later == w && (keeps(w) || (SINCE && again && hold && !was_last))));
                            streams[w] = false  /* it yields */
       :: else ->
            assert(!(owner == 3 - w && streams[3 - w] && held[3 - w] == TTL));
            was_last = (last == w); claim(w); again = TTL
       fi }
  :: atomic { streams[w] ->                                     /* the publisher leaves */
       streams[w] = false;
       if :: owner == w -> owner = NOBODY; lives = 0 :: else fi }
  :: atomic { streams[w] -> streams[w] = false }                /* the worker crashes */
  od
}

proctype world() {
  do
  :: atomic {                                                   /* time passes */
       if :: right[1] > 0 -> right[1]-- :: else fi;
       if :: owner != NOBODY && held[owner] < TTL -> held[owner]++ :: else fi;
       if :: right[2] > 0 -> right[2]-- :: else fi;
       if :: hold > 0 -> hold-- :: else fi;
       if :: again > 0 -> again-- :: else fi;
       if :: lives > 1 -> lives-- :: lives == 1 -> lives = 0; owner = NOBODY :: else fi }
  :: atomic { !epoch -> touch() }                               /* a heartbeat of a worker without rooms */
  :: atomic { lost < LOST ->                                    /* Redis comes back without its claims */
       lost++; epoch = false; hold = 0; again = 0;
       if :: owner = NOBODY; lives = 0 :: owner = 1; lives = TTL :: owner = 2; lives = TTL fi }
  od
}

init { atomic { run worker(1); run worker(2); run world() } }
