"""What a viewer saw and heard, as it went on: shares, gaps, and a line of words for each second."""

from dataclasses import dataclass, field
from itertools import pairwise

SAMPLE_RATE = 48_000


@dataclass(frozen=True)
class Look:
    """A viewer's counts, all since its beginning, at one moment (Unix time)."""

    at: float
    octets: int  # that came, padding included
    estimate: float  # bit/s that the viewer itself believes the line to carry; 0: it does not tell
    decoded: int  # pictures
    height: int  # of the latest
    keyframes: int
    plis: int
    nacks: int
    samples: int  # of sound, played
    concealed: int  # of these, made up for lost sound; made-up silence is not counted
    buffered: float  # seconds that all samples together waited in the jitter buffer
    emitted: int  # samples that did


@dataclass(frozen=True)
class Span:
    """What happened between two looks."""

    begin: Look
    end: Look

    @property
    def seconds(self) -> float:
        return self.end.at - self.begin.at

    @property
    def frames(self) -> int:
        return self.end.decoded - self.begin.decoded

    @property
    def bitrate(self) -> float:
        """Received, in bit/s."""
        return (self.end.octets - self.begin.octets) * 8 / max(self.seconds, 1e-9)

    @property
    def concealed(self) -> float:
        """The share of the sound that was made up: what was not played at all counts, too."""
        played = self.end.samples - self.begin.samples
        return (self.end.concealed - self.begin.concealed) / max(played, 1)

    @property
    def buffered(self) -> float:
        """Seconds that a sample waited in the jitter buffer."""
        return (self.end.buffered - self.begin.buffered) / max(self.end.emitted - self.begin.emitted, 1)


@dataclass
class SeenLine:
    """`looks` follow each other in time; `pictures`: when each was shown, and its height."""

    looks: list[Look] = field(default_factory=list)
    pictures: list[tuple[float, int]] = field(default_factory=list)

    def between(self, begin: float, end: float) -> Span:
        """From the last look before `begin` to the last before `end`."""
        return Span(self._look(begin), self._look(end))

    def gaps(self, begin: float, end: float) -> list[float]:
        """Seconds between pictures in that time; its ends count as pictures."""
        shown = [begin, *(at for at, _ in self.pictures if begin < at < end), end]
        return [after - before for before, after in pairwise(shown)]

    def heights(self, begin: float, end: float) -> list[int]:
        """The heights of the pictures of that time, one entry for each change."""
        found: list[int] = []
        for at, height in self.pictures:
            if begin <= at < end and found[-1:] != [height]:
                found.append(height)
        return found

    def first(self, height: int, since: float) -> float | None:
        """When the first picture of that height was shown, in seconds after `since`."""
        return next((at - since for at, this in self.pictures if at >= since and this == height), None)

    def story(self, began: float) -> str:
        """One line of words for each whole second since `began`."""
        return "\n".join(self.second(number, began) for number in range(int(self.looks[-1].at - began)))

    def second(self, number: int, began: float) -> str:
        """What happened in that second after `began`."""
        at = began + number
        span, heights = self.between(at, at + 1), self.heights(at, at + 1)
        return (
            f"{number:4} s {','.join(map(str, heights)) or '-':>11} high {span.frames:3} frames"
            f"  gap {max(self.gaps(at, at + 1)):.2f}"
            f"  {span.concealed:6.1%} concealed {1000 * span.buffered:4.0f} ms"
            f" {span.bitrate / 1000:6.0f} kbit/s  REMB {span.end.estimate / 1000:5.0f}"
            f"  keyframes {span.end.keyframes} PLI {span.end.plis} NACK {span.end.nacks}"
        )

    def _look(self, at: float) -> Look:
        before = [look for look in self.looks if look.at <= at]
        return before[-1] if before else self.looks[0]
