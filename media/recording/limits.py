"""When a recording continues in a new part."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """0 is no limit."""

    seconds: float = 0.0
    size: int = 0  # bytes

    def reached(self, seconds: float, size: int) -> bool:
        return bool((self.seconds and seconds >= self.seconds) or (self.size and size >= self.size))
