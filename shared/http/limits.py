"""What an HTTP server takes from strangers: each limit, once."""

from dataclasses import dataclass

from shared.http.connections import ConnectionLimits


@dataclass(frozen=True, slots=True)
class HttpLimits(ConnectionLimits):
    """A client is an address, or a /64 of IPv6.

    A connection that waits holds up to 64 KB of a head (`head_bytes` each of target, fields and an unfinished
    field, and the objects around the fields), and 192 KB of a body (64 KB in uvicorn, and one read: see
    `bound_connections`). That is 160 MB at most for all that wait. One that is answered holds its head, and
    what one that waits holds for the `pipelined` request behind it.
    """

    connections: int = 14_000  # more than control's event streams; fewer if the process may open fewer files
    of_client: int = 4_000  # unless it is a trusted proxy: many viewers may share an address
    waiting: int = 640
    waiting_of_client: int = 320
    head_bytes: int = 16_384  # the target's, and those of all fields with their names
    fields: int = 100  # in the head and the trailers
    pipelined: int = 1  # requests that are read while the one before is answered
    head_seconds: float = 10.0  # from the connection or the former answer to the end of a head, TLS included
    body_seconds: float = 15.0  # from the end of the head to the end of the body
    unread_bytes: int = 8 * 1_048_576  # bytes of a body that nobody reads: its request is answered already
    unread_seconds: float = 1.0
    accepted_at_once: int = 100  # connections that are accepted before other work has its turn
    accept_pause: float = 0.0  # seconds after them
    look_seconds: float = 1.0  # between two looks for overdue connections
