"""What a target of the fuzzer is."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass

Take = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Target:
    """One parser or state machine: `docs/security.md` lists it by `name`.

    What `begin` gives takes one input after the other, and keeps what state there is between them. It raises
    only for a fault: any exception but the parser's own, or an impossible result.
    """

    name: str
    seeds: Sequence[bytes]
    begin: Callable[[], AbstractContextManager[Take]]
    fresh_after: int = 1000  # inputs, then `begin` is called again


def stateless(name: str, seeds: Sequence[bytes], take: Take) -> Target:
    return Target(name, seeds, lambda: nullcontext(take))


def parser(
    name: str, seeds: Sequence[bytes], parse: Callable[[bytes], object], error: type[Exception]
) -> Target:
    """Stateless; its one named error is `error`."""

    def take(data: bytes) -> None:
        with suppress(error):
            parse(data)

    return stateless(name, seeds, take)
