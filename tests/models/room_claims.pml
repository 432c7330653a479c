/* Who owns a room, when Redis may come back empty at any moment: for the model checker Spin (`make model`).

   A worker claims a room for a publisher (claim_room.lua), keeps the claim by its heartbeats (`Claims.refresh`),
   and claims anew what has gone. Whoever finds Redis empty writes the epoch, and no new claim succeeds for HOLD
   ticks after that. Heartbeats are late at will, but an owner's never so late that its claim expires in a Redis
   that keeps what it has: then another worker may have the room, which is meant.

   Promise: no two workers stream a room. With -DHOLD=0, which is Redis without an epoch, it does not hold. */

#define TTL 4         /* ticks that a claim lives: keys.CLAIM_TTL_MS */
#ifndef HOLD
#define HOLD TTL      /* claims that Redis has lost would have expired by then */
#endif
#define EMPTIED 2     /* times that Redis comes back empty */
#define NOBODY 0

byte owner, lives;    /* the claim, and the ticks that it has left */
bool epoch = true;    /* whether Redis has one */
byte hold;            /* ticks for which new claims are refused */
bool streams[3];      /* by worker: 1 and 2 */
byte silent[3];       /* ticks since its last heartbeat */
byte emptied;

inline touch() { if :: !epoch -> epoch = true; hold = HOLD :: else fi }
inline claim(w) { owner = w; lives = TTL; silent[w] = 0 }

proctype worker(byte w) {
  do
  :: atomic { !streams[w] ->                                    /* a publisher comes */
       touch();
       if
       :: owner == w || (owner == NOBODY && hold == 0) -> claim(w); streams[w] = true; assert(!streams[3 - w])
       :: else                                                  /* it is refused */
       fi }
  :: atomic { streams[w] ->                                     /* a heartbeat */
       touch();
       if
       :: owner == w || owner == NOBODY -> claim(w)
       :: else -> streams[w] = false                            /* another worker has the room: yield */
       fi }
  :: atomic { streams[w] ->                                     /* the publisher leaves */
       streams[w] = false;
       if :: owner == w -> owner = NOBODY; lives = 0 :: else fi }
  :: atomic { streams[w] -> streams[w] = false }                /* the worker crashes */
  od
}

proctype world() {
  do
  :: atomic { (!streams[1] || silent[1] + 1 < TTL) && (!streams[2] || silent[2] + 1 < TTL) ->  /* time passes */
       if :: streams[1] -> silent[1]++ :: else -> silent[1] = 0 fi;
       if :: streams[2] -> silent[2]++ :: else -> silent[2] = 0 fi;
       if :: hold > 0 -> hold-- :: else fi;
       if :: lives > 1 -> lives-- :: lives == 1 -> lives = 0; owner = NOBODY :: else fi }
  :: atomic { emptied < EMPTIED ->                              /* Redis comes back empty */
       emptied++; owner = NOBODY; lives = 0; epoch = false; hold = 0 }
  od
}

init { atomic { run worker(1); run worker(2); run world() } }
