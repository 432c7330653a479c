"""All targets, and how one of them is driven."""

import itertools

from tests.fuzz import native_step, network, payloads, requests, srtp, streams
from tests.fuzz.mutations import mutations
from tests.fuzz.target import Target

TARGETS = [
    *network.targets(),
    *srtp.targets(),
    *native_step.targets(),
    *streams.targets(),
    *payloads.targets(),
    *requests.targets(),
]


class BrokenPromiseError(AssertionError):
    """An input was answered by anything but a value or the one named error."""


def run(target: Target, inputs: int, seed: int) -> None:
    """Give `target` so many inputs; raises `BrokenPromiseError` with the first that breaks it."""
    fed = enumerate(mutations(target.seeds, inputs, seed))
    for _ in range(0, inputs, target.fresh_after):
        with target.begin() as take:
            for number, data in itertools.islice(fed, target.fresh_after):
                try:
                    take(data)
                except Exception as fault:
                    raise BrokenPromiseError(
                        f"{target.name}, seed {seed}, input {number}: {data!r}"
                    ) from fault
