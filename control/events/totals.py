"""The last 15 minutes of the cluster, and of this process, in figures. Does no I/O.

A sample each 5 s, so that operators see what has been when they open their page, without a Prometheus.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from shared.messages.status import WorkerStatus

EVERY_SECONDS = 5.0
SAMPLES = 180


@dataclass(frozen=True, slots=True)
class Sample:
    """The cluster at one time; None where Redis was away. `offers` and `errors` are this process's own."""

    at: float  # Unix time
    viewers: int | None
    publishers: int | None
    rooms: int | None
    egress: int | None  # bits a second to viewers and other workers
    offers: float  # a second, since the sample before
    errors: int  # answers with a status of 500 and above, since the sample before


class Totals:
    def __init__(self) -> None:
        self.number = 0  # samples that were ever taken
        self._samples: deque[Sample] = deque(maxlen=SAMPLES)
        self._before: tuple[float, int, int] | None = None

    def take(
        self,
        at: float,
        now: float,
        workers: Sequence[WorkerStatus] | None,
        rooms: int,
        offers: int,
        errors: int,
    ) -> None:
        """Take a sample.

        `at` is Unix time, `now` the steady clock; `workers` is None while Redis is away. `offers` and
        `errors` count those of this process since it started.
        """
        then, offers_then, errors_then = self._before or (now, offers, errors)
        self._before = now, offers, errors
        known = workers is not None
        living = workers or ()
        viewers = sum(worker.viewers for worker in living)
        self._samples.append(
            Sample(
                at=round(at, 1),
                viewers=viewers if known else None,
                publishers=max(0, sum(w.sessions for w in living) - viewers) if known else None,
                rooms=rooms if known else None,
                egress=round(sum(worker.egress_bits for worker in living)) if known else None,
                offers=round((offers - offers_then) / (now - then), 2) if now > then else 0.0,
                errors=errors - errors_then,
            )
        )
        self.number += 1

    def since(self, number: int) -> list[Sample]:
        """The samples after the first `number` of them, as far as they are kept."""
        new = min(self.number - number, len(self._samples))
        return list(self._samples)[len(self._samples) - new :]
