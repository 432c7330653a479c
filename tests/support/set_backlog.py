"""The backlog of a TCP connection, as a test sets it."""

from dataclasses import dataclass


@dataclass
class SetBacklog:
    octets: int = 0
    octets_sent: int = 0
    cuts: int = 0
    age: float = 0.0  # of the oldest packet that waits
    sound_types: frozenset[int] = frozenset()

    def waited(self, _now: float) -> float:
        return self.age

    def cut(self) -> None:
        self.cuts += 1
