"""The audit log: a line for each act of an operator, whatever `LOG_LEVEL` is.

All lines have the event `audit`, and the same fields: `act`, `by`, `client`, and what was done to what. The
request's id is in each, as in the line of the request itself.
"""

from starlette.requests import Request

from control.access.auth import Access
from control.http.caller import caller_of
from shared.telemetry.logging import write_audit


def audit(request: Request, access: Access, act: str, **what: object) -> None:
    """Note that the caller has done `act`, such as `room.block`, to `what`. It must have succeeded."""
    write_audit(act=act, by=access.actor, client=caller_of(request).address, **what)
