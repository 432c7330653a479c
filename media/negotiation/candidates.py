"""Where clients are told that they reach a worker. It may change while the worker runs."""

from collections.abc import Sequence

Candidate = tuple[str, int]  # IP and UDP port


class Candidates:
    """`all` are at least one, and may be replaced: sessions that exist stay where they are.

    Most clients can reach the first one: FFmpeg tries no other.
    """

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self.all = tuple(candidates)

    def for_client(self, *, over_ipv6: bool) -> tuple[Candidate, ...]:
        """The candidates; for a client that came over IPv6 those of IPv6 come first.

        Such a client may have nothing else, and what brought its offer works.
        """
        if not over_ipv6:
            return self.all
        return tuple(sorted(self.all, key=lambda candidate: ":" not in candidate[0]))
