"""Every Redis key, its shape and its lifetime.

| key                          | type   | holds                                  | lives                    |
|------------------------------|--------|----------------------------------------|--------------------------|
| `roomcast:workers`           | zset   | worker id -> time of its last beat     | removed after 60 s       |
| `…{workers}:publishers`      | zset   | worker that takes publishers -> burden | a minute past the beats  |
| `…{workers}:viewers`         | zset   | worker that takes viewers -> burden    | a minute past the beats  |
| `…{workers}:deaf`            | string | that Redis heard no worker for as long | 4 s                      |
|                              |        | as a claim lives, until a moment ago   |                          |
| `roomcast:worker:{id}`       | string | msgpack `WorkerStatus`                 | 5 s past the heartbeat   |
| `…{worker:{id}}:rooms`       | hash   | room -> msgpack `RoomStatus`           | 5 s past the heartbeat   |
| `roomcast:process:{id}`      | string | the process that has this worker's id  | 3 s past the heartbeat   |
| `roomcast:epoch`             | string | Redis' run id, and since when it is    | as long as Redis         |
|                              |        | known as it is, in Unix ms             |                          |
| `roomcast:probe`             | string | that Redis takes writes                | 10 s                     |
| `roomcast:changes`           | stream | what changed in the rooms' records     | entries 5 s, it 60 s     |
| `roomcast:room:{name}`       | string | id of the worker that owns the room    | 4 s past the heartbeat   |
| `…{room:{name}}:since`       | string | since when its owner has it, where it  | 4 s                      |
|                              |        | was claimed again                      |                          |
| `…{room:{name}}:copies`      | set    | workers that may have a copy of it     | a minute past the beats  |
| `…{room:{name}}:ended`       | string | Unix time at which the room ended      | a day, or until the next |
|                              |        |                                        | claim                    |
| `roomcast:rooms`             | zset   | claimed room -> until when it counts   | a minute past the beats  |
| `…{rooms}:networks`          | hash   | claimed room -> its publisher's network| a minute past the beats  |
| `…{rooms}:publishers`        | zset   | `{network} {room}`, in this order      | a minute past the beats  |
| `…{rooms}:checks` and        |        | the same three for checks of an uplink | a minute past the beats  |
| `…{rooms}:checks:…`          |        |                                        |                          |
| `roomcast:rpc:{worker}`      | list   | msgpack requests to one worker         | 10 s past the last push  |
|                              |        | or the mark that the worker has left   | 60 s                     |
| `roomcast:reply:{process}`   | list   | msgpack replies to one calling process | 10 s past the last push  |
| `roomcast:rate:{client}`     | hash   | token bucket of one client address     | until the bucket is full |
|                              |        | or of the messages of one room         |                          |
| `roomcast:events:{session}`  | zset   | its event streams -> time of creation  | 2 min past their last use|
| `roomcast:rulings`           | hash   | ruling -> its stamp and msgpack, and   | until the last one ends  |
|                              |        | `@` -> the last entry of their log     |                          |
| `…{rulings}:ends`            | zset   | ruling -> when it ends                 | until the last one ends  |
| `…{rulings}:log`             | stream | rulings as they were made              | an hour past the last one|
| `roomcast:settings`          | hash   | room -> the stamp and msgpack of its   | until the last one ends  |
|                              |        | settings, and `@` as above             |                          |
| `…{settings}:ends`           | zset   | room -> when its settings end          | until the last one ends  |
| `…{settings}:log`            | stream | settings as they were made             | an hour past the last one|
| `roomcast:messages`          | stream | messages to viewers, the newest 1,000  | 10 s past the last one   |
| `roomcast:records:key`       | string | signing key of links to recordings     | as long as Redis         |
| `roomcast:outbox`            | stream | events for webhooks, the newest 50,000 | a week past control's    |
|                              |        |                                        | last and the last one    |
| `…{outbox}:broadcasts`       | hash   | room -> its broadcast, last event      | a week past control's    |
|                              |        |                                        | last and the last event  |
| `…{outbox}:numbers`          | hash   | `@` -> number of the newest event, and | a week past control's    |
|                              |        | receiver -> the last that it has read  | last and the last event  |
| `…{outbox}:wanted`           | string | there are receivers of webhooks        | a day past control's last|
| `…{outbox}:viewing:{room}`   | hash   | figure -> sum of viewers' reports      | a day past the last, or  |
|                              |        |                                        | until the room ends      |
| `…{outbox}:viewer:{session}` | hash   | its room, whether that was listed, and | 3 min past the last one  |
|                              |        | number of its reports                  |                          |
| `…{outbox}:dead`             | stream | deliveries given up, the newest 10,000 | a month past the last one|
| `roomcast:lease:{task}`      | string | the process that does a task alone     | 15 s past its last beat  |

In a Redis Cluster all names begin with `{roomcast}:` instead: see `shared/bus/primary.py`. A key that is used
in a script with another one (`…` in the table) is named after that, `roomcast:{roomcast:workers}:viewers`, so
that both are in one slot even without that.
"""

from shared.names import RoomName, SessionId, WorkerId

PREFIX = "roomcast:"


def _beside(key: str, name: str) -> str:
    """A key in the slot of `key`: only what is in braces decides."""
    return f"{PREFIX}{{{key}}}:{name}"


WORKERS = PREFIX + "workers"
TAKES_PUBLISHERS = _beside(WORKERS, "publishers")
TAKES_VIEWERS = _beside(WORKERS, "viewers")
WAS_DEAF = _beside(WORKERS, "deaf")
CHANGES = PREFIX + "changes"
ROOMS = PREFIX + "rooms"
EPOCH = PREFIX + "epoch"
PROBE = PREFIX + "probe"
DATA_ID = PREFIX + "data"
NETWORKS = _beside(ROOMS, "networks")
PUBLISHERS = _beside(ROOMS, "publishers")
CHECKS = _beside(ROOMS, "checks")
CHECK_NETWORKS = _beside(ROOMS, "checks:networks")
CHECK_PUBLISHERS = _beside(ROOMS, "checks:publishers")

RULINGS = PREFIX + "rulings"
RULING_ENDS = _beside(RULINGS, "ends")
RULING_LOG = _beside(RULINGS, "log")

SETTINGS = PREFIX + "settings"
SETTINGS_ENDS = _beside(SETTINGS, "ends")
SETTINGS_LOG = _beside(SETTINGS, "log")

MESSAGES = PREFIX + "messages"

RECORDS_KEY = PREFIX + "records:key"

OUTBOX = PREFIX + "outbox"
BROADCASTS = _beside(OUTBOX, "broadcasts")
OUTBOX_NUMBERS = _beside(OUTBOX, "numbers")
EVENTS_WANTED = _beside(OUTBOX, "wanted")
DEAD_LETTERS = _beside(OUTBOX, "dead")

HEARTBEAT_SECONDS = 1.0
HEARTBEAT_TTL_MS = 5_000
# Less than the heartbeat, so that a room can be claimed again within 5 s of the death of its worker. For as
# long nobody gets a new claim in a Redis that is not the one of before: see epoch.lua.
CLAIM_TTL_MS = 4_000
# A claimed room counts for so long against limits, beyond the last time that its worker renewed that.
PLACE_TTL_MS = 15_000
PLACE_SECONDS = 5.0
# Publishers make names up: each end takes some 140 bytes of Redis for so long.
ENDED_TTL_SECONDS = 86_400
# A worker that crashed can start again this long after its last heartbeat.
PROCESS_TTL_MS = 3_000
CHANGE_TTL_MS = 5_000
SWEEP_SECONDS = 60
LIST_TTL_SECONDS = 10
OUTBOX_LENGTH = 50_000  # events: some 20 MB
OUTBOX_TTL_SECONDS = 7 * 86_400
EVENTS_WANTED_SECONDS = 86_400  # longer than an outage of all control processes should last
DEAD_LETTERS_LENGTH = 10_000
DEAD_LETTERS_TTL_SECONDS = 30 * 86_400
LEASE_TTL_MS = 15_000


def worker_status(worker: WorkerId) -> str:
    return f"{PREFIX}worker:{worker}"


def worker_rooms(worker: WorkerId) -> str:
    return _beside(worker_status(worker), "rooms")


def worker_process(worker: WorkerId) -> str:
    return f"{PREFIX}process:{worker}"


def room_claim(room: RoomName) -> str:
    return f"{PREFIX}room:{room}"


def room_copies(room: RoomName) -> str:
    return _beside(room_claim(room), "copies")


def room_since(room: RoomName) -> str:
    return _beside(room_claim(room), "since")


def room_ended(room: RoomName) -> str:
    return _beside(room_claim(room), "ended")


def rpc_requests(worker: WorkerId) -> str:
    return f"{PREFIX}rpc:{worker}"


def rpc_replies(process: str) -> str:
    return f"{PREFIX}reply:{process}"


def rate_bucket(client: str) -> str:
    return f"{PREFIX}rate:{client}"


def message_bucket(room: str) -> str:
    return f"{PREFIX}rate:messages:{room}"


def offer_bucket(client: str) -> str:
    return f"{PREFIX}rate:offers:{client}"


def event_streams(session: SessionId) -> str:
    return f"{PREFIX}events:{session}"


def viewing(room: RoomName) -> str:
    return _beside(OUTBOX, f"viewing:{room}")


def viewer(session: SessionId) -> str:
    return _beside(OUTBOX, f"viewer:{session}")


def lease(task: str) -> str:
    return f"{PREFIX}lease:{task}"
