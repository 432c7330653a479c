"""How much a worker has to do, as one number: the order in which workers get the next client."""

from shared.messages.status import WorkerStatus

# Packets a second that one core forwards as measured (docs/performance.md).
_PACKETS_OF_A_CORE = 350_000
# The assumed load of a room that its worker has not measured yet.
_ASSUMED_LOAD = 0.02
# Loads that differ by less count as equal, and the sessions decide: the difference is noise.
_STEP = 0.1
_SESSIONS_OF_A_STEP = 1_000_000  # more than a worker ever has


def burden(status: WorkerStatus) -> int:
    """A worker's burden: the worker with the least gets the next client.

    One more session is 1 more. Load is the used share of the worker's capacity: of its core's time, or of the
    packets that a core sends.
    """
    load = max(status.load, status.egress_packets / _PACKETS_OF_A_CORE) + _ASSUMED_LOAD * status.new_rooms
    return int(load / _STEP) * _SESSIONS_OF_A_STEP + status.sessions
