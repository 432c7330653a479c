"""Why a session ends, and what may follow."""

from enum import StrEnum


class EndReason(StrEnum):
    DELETED = "deleted"
    CLOSED_BY_PEER = "closed by the peer"
    CONSENT_EXPIRED = "consent expired"
    NOT_CONNECTED = "never connected"
    HANDSHAKE_FAILED = "DTLS handshake failed"
    TOKEN_EXPIRED = "token expired"  # noqa: S105  # a reason, not a secret
    PUBLISHER_LEFT = "publisher left"
    NO_VIEWERS = "no viewers left"
    ROOM_CLOSED = "room closed"
    ROOM_LOST = "room taken over by another worker"
    WORKER_STOPS = "worker stops"
    CUT_OFF = "worker cut off from Redis"
    REPLACED = "replaced by a newer session of the publisher"
    CODEC_CHANGED = "the publisher changed its codec"
    ROOM_BLOCKED = "room blocked by an operator"
    TOKEN_REVOKED = "token revoked"  # noqa: S105
    ENDED_BY_OPERATOR = "ended by an operator"
    FAULT = "a bug in this server"


# A room waits for its publisher after these.
MAY_COME_BACK = (
    EndReason.CLOSED_BY_PEER,
    EndReason.CONSENT_EXPIRED,
    EndReason.NOT_CONNECTED,
    EndReason.HANDSHAKE_FAILED,
)


# The peer's DELETE may still come after these.
MAY_DELETE_LATE = (
    EndReason.CLOSED_BY_PEER,
    EndReason.CONSENT_EXPIRED,
    EndReason.WORKER_STOPS,
    EndReason.CUT_OFF,
)


# A publisher must not come back by itself after these. The publish page knows their texts.
FOR_GOOD = (
    EndReason.ROOM_CLOSED,
    EndReason.ROOM_BLOCKED,
    EndReason.ROOM_LOST,
    EndReason.TOKEN_EXPIRED,
    EndReason.TOKEN_REVOKED,
    EndReason.ENDED_BY_OPERATOR,
    EndReason.REPLACED,
)
