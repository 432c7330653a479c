"""Every Redis key, its shape and its lifetime.

| key                          | type   | holds                                  | lives                    |
|------------------------------|--------|----------------------------------------|--------------------------|
| `roomcast:workers`           | zset   | worker id -> time of its last beat     | removed after 60 s       |
| `roomcast:worker:{id}`       | string | msgpack `WorkerStatus`                 | 5 s past the heartbeat   |
| `roomcast:process:{id}`      | string | the process that has this worker's id  | 3 s past the heartbeat   |
| `roomcast:room:{name}`       | string | id of the worker that owns the room    | 4 s past the heartbeat   |
| `roomcast:rooms`             | zset   | claimed room -> when its claim expires | a minute past the beats  |
| `roomcast:publishers`        | hash   | claimed room -> its publisher's network| a minute past the beats  |
| `roomcast:rpc:{worker}`      | list   | msgpack requests to one worker         | 10 s past the last push  |
|                              |        | or the mark that the worker has left   | 60 s                     |
| `roomcast:reply:{process}`   | list   | msgpack replies to one calling process | 10 s past the last push  |
| `roomcast:rate:{client}`     | hash   | token bucket of one client address     | until the bucket is full |
| `roomcast:events:{session}`  | zset   | its event streams -> time of creation  | 2 min past their last use|
| `roomcast:records:key`       | string | signing key of links to recordings     | as long as Redis         |
"""

from shared.names import RoomName, SessionId, WorkerId

PREFIX = "roomcast:"
WORKERS = PREFIX + "workers"
ROOMS = PREFIX + "rooms"
PUBLISHERS = PREFIX + "publishers"

RECORDS_KEY = PREFIX + "records:key"

HEARTBEAT_SECONDS = 1.0
HEARTBEAT_TTL_MS = 5_000
# Less than the heartbeat, so that a room can be claimed again within 5 s of the death of its worker.
CLAIM_TTL_MS = 4_000
# A worker that crashed can start again this long after its last heartbeat.
PROCESS_TTL_MS = 3_000
WORKER_SWEEP_SECONDS = 60
LIST_TTL_SECONDS = 10


def worker_status(worker: WorkerId) -> str:
    return f"{PREFIX}worker:{worker}"


def worker_process(worker: WorkerId) -> str:
    return f"{PREFIX}process:{worker}"


def room_claim(room: RoomName) -> str:
    return f"{PREFIX}room:{room}"


def rpc_requests(worker: WorkerId) -> str:
    return f"{PREFIX}rpc:{worker}"


def rpc_replies(process: str) -> str:
    return f"{PREFIX}reply:{process}"


def rate_bucket(client: str) -> str:
    return f"{PREFIX}rate:{client}"


def event_streams(session: SessionId) -> str:
    return f"{PREFIX}events:{session}"
