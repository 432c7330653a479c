"""The events of operators (`GET /api/admin/events`) as text. Does no I/O."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import NamedTuple

from control.events.totals import EVERY_SECONDS, Sample
from control.workers.operator_facts import (
    block_facts,
    in_order,
    revocation_facts,
    session_facts,
    worker_facts,
)
from control.workers.room_facts import compact_json
from shared.messages.rulings import Block, Revocation
from shared.messages.sessions import ListedSessions, SessionStatus
from shared.messages.status import LayerReason, WorkerStatus

MOST_SESSIONS = 200  # in one event: about 70 kB
MOST_RULINGS = 200  # blocks, and revocations, in one event
TROUBLE_LOSS = 0.02


class SessionFilter(NamedTuple):
    """Which sessions a stream reports. An empty field allows all."""

    room: str = ""
    role: str = ""
    trouble: bool = False  # only those that lose packets, have a slow line, or are not connected

    def takes(self, session: SessionStatus) -> bool:
        return (
            (not self.room or session.room == self.room)
            and (not self.role or session.role == self.role)
            and (not self.trouble or has_trouble(session))
        )


def has_trouble(session: SessionStatus) -> bool:
    lossy = session.loss is not None and session.loss >= TROUBLE_LOSS
    return lossy or session.reason == LayerReason.LINE or session.state != "connected"


def workers_event(workers: Iterable[WorkerStatus], rooms_of: Callable[[str], int]) -> bytes:
    """The event of all workers. `rooms_of` gives the number of a worker's rooms."""
    facts = [
        worker_facts(worker, with_url=True) | {"roomCount": rooms_of(worker.id)}
        for worker in sorted(workers, key=lambda worker: worker.id)
    ]
    return _event(b"workers", {"workers": facts})


def sessions_event(replies: Sequence[ListedSessions], wanted: SessionFilter) -> bytes:
    """The event of the listed sessions.

    `total` counts those beyond the list, too; with a filter, as far as their workers report them.
    """
    found = [session for session in in_order(replies) if wanted.takes(session)]
    is_whole = not wanted.role and not wanted.trouble
    total = sum(reply.total for reply in replies) if is_whole else len(found)
    facts = [session_facts(session) for session in found[:MOST_SESSIONS]]
    return _event(b"sessions", {"total": total, "sessions": facts})


def rulings_event(blocks: Sequence[Block], revocations: Sequence[Revocation]) -> bytes:
    return _event(
        b"rulings",
        {
            "blockCount": len(blocks),
            "blocks": [block_facts(block) for block in blocks[:MOST_RULINGS]],
            "revocationCount": len(revocations),
            "revocations": [{**revocation_facts(one), "by": one.by} for one in revocations[:MOST_RULINGS]],
        },
    )


def totals_event(samples: Sequence[Sample]) -> bytes:
    return _event(b"totals", {"every": EVERY_SECONDS, "samples": [asdict(sample) for sample in samples]})


def _event(name: bytes, data: dict[str, object]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name, compact_json(data))
