"""Who operates the cluster, and how much of it: `role` of a JWT. `ADMIN_TOKEN` is an admin's."""

from enum import IntEnum


class Operator(IntEnum):
    """Each may do what those before may."""

    WATCH = 1  # look: at sessions, workers, blocks, revocations, dead letters, and their events
    MODERATE = 2  # close, switch and block rooms, lift blocks, end sessions, send messages to viewers
    ADMIN = 3  # all

    @classmethod
    def of(cls, role: object) -> "Operator | None":
        """The operator of that role, as JWTs name it; None: there is none."""
        return next((operator for operator in cls if operator.name.lower() == role), None)
