"""What viewers' players report of what was seen and heard: summed by room, for metrics and for `room.ended`.

No report names anybody, and none is kept: only the sums are.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector
from redis.asyncio import Redis

from control.workers.cluster import LIMIT_SECONDS
from control.workers.redis_watch import RedisWatch
from shared.bus import keys
from shared.bus.batch import Batch, Call, called
from shared.errors import ErrorCode, ServiceError
from shared.names import RoomName, SessionId

AT_ONCE, ONE_IN_SECONDS = 4, 10  # reports of one session; a player sends one in 30 s, and one at the end
EXPECTED_SECONDS = 180  # from a join or a report to the next; a browser wakes a hidden page once a minute
KEPT_SECONDS = 86_400  # the sums of a room, past the last report
MOST_ROOMS = 1_000  # with series of their own in this process
OTHERS = ""  # the name of all other rooms together, and of those that are not listed
_OF_LISTED = 1  # what `add_viewing.lua` returns for a viewer whose room was listed when it came


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewing:
    """One report: of the time since the one before."""

    seconds: float  # watched
    first_picture: float | None = None  # seconds until it was there; None: it was there before
    stills: int = 0  # times that the picture stood
    still_seconds: float = 0.0
    concealed_seconds: float = 0.0  # of sound that the browser made up in place of what was lost
    lines: int = 0  # height of the picture; 0: there was none
    latency: float | None = None  # mean seconds from the camera to the screen; None: not known

    def sums(self) -> dict[str, int]:
        """What is added up: counts, and times in milliseconds."""
        sums = {
            "reports": 1,
            "watched_ms": _ms(self.seconds),
            "stills": self.stills,
            "still_ms": _ms(self.still_seconds),
            "concealed_ms": _ms(self.concealed_seconds),
        }
        if self.first_picture is not None:
            sums |= {"first_pictures": 1, "first_picture_ms": _ms(self.first_picture)}
        if self.lines:
            sums |= {"pictures": 1, "lines": self.lines}
        if self.latency is not None:
            sums |= {"latencies": 1, "latency_ms": _ms(self.latency)}
        return sums


def viewing_facts(sums: Mapping[str, int]) -> dict[str, int | float]:
    """Such sums as other systems get them; a mean of nothing is left out."""
    facts: dict[str, int | float] = {
        "reports": sums["reports"],
        "seconds": sums.get("watched_ms", 0) / 1000,
        "stills": sums.get("stills", 0),
        "stillSeconds": sums.get("still_ms", 0) / 1000,
        "concealedSeconds": sums.get("concealed_ms", 0) / 1000,
    }
    if count := sums.get("first_pictures", 0):
        facts["firstPicture"] = round(sums["first_picture_ms"] / count / 1000, 3)
    if count := sums.get("latencies", 0):
        facts["latency"] = round(sums["latency_ms"] / count / 1000, 3)
    if count := sums.get("pictures", 0):
        facts["lines"] = round(sums["lines"] / count)
    return facts


class ViewingReports:
    """`keeps`: whether anybody wants the sums of a room when it ends."""

    def __init__(self, redis: Redis, watch: RedisWatch, series: "ViewingSeries", *, keeps: bool) -> None:
        self._redis = redis
        self._watch = watch
        self._series = series
        self._lifetime = KEPT_SECONDS if keeps else 0

    async def expect(self, room: RoomName, session: SessionId) -> None:
        """Take reports of a session that begins. Without Redis its reports are not taken.

        Whether the room is listed is kept for the last report, which may come when the room's settings have
        ended with the room.
        """
        batch = Batch(self._redis)
        batch.add("HSET", keys.viewer(session), "room", room, "listed", int(self._series.shows(room)))
        batch.add("EXPIRE", keys.viewer(session), EXPECTED_SECONDS)
        with suppress(ServiceError):
            async with self._watch.bounded(LIMIT_SECONDS):
                await batch.execute()

    async def take(self, room: RoomName, session: SessionId, viewing: Viewing) -> None:
        """Add a report. Of a session that does not watch the room, and did not of late, nothing is added.

        A page sends its last report when its session is over. Raises `RATE_LIMITED`, or `NO_WORKER` without
        Redis.
        """
        sums = viewing.sums()
        call = Call(
            "add_viewing",
            [keys.viewing(room), keys.viewer(session)],
            [
                *(room, AT_ONCE, ONE_IN_SECONDS, EXPECTED_SECONDS, self._lifetime),
                *(part for each in sums.items() for part in each),
            ],
        )
        async with self._watch.bounded(LIMIT_SECONDS):
            added = await called(self._redis, call)
        if added < 0:
            raise ServiceError(ErrorCode.RATE_LIMITED, retry_after=ONE_IN_SECONDS)
        if added:
            self._series.add(room, sums, was_listed=added == _OF_LISTED)


class ViewingSeries(Collector):
    """The sums that this process was told, by room, for Prometheus."""

    def __init__(self, registry: CollectorRegistry, is_listed: Callable[[str], bool]) -> None:
        self._is_listed = is_listed
        self._sums: OrderedDict[str, Counter[str]] = OrderedDict()  # by room, the latest report's last
        self._others: Counter[str] = Counter()
        registry.register(self)

    def shows(self, room: str) -> bool:
        """Whether the room is known to be listed."""
        try:
            return self._is_listed(room)
        except ServiceError:  # its settings were not read yet
            return False

    def add(self, room: str, sums: Mapping[str, int], *, was_listed: bool) -> None:
        """Add a report. `was_listed`: whether the room was when the viewer came."""
        if not (was_listed and self.shows(room)):
            self._others.update(sums)
            return
        self._sums.setdefault(room, Counter()).update(sums)
        self._sums.move_to_end(room)
        if len(self._sums) > MOST_ROOMS:
            _, sums_of_oldest = self._sums.popitem(last=False)
            self._others.update(sums_of_oldest)

    def collect(self) -> Iterable[Metric]:
        listed = [(room, sums) for room, sums in self._sums.items() if self.shows(room)]
        all_sums = [*listed, (OTHERS, self._others)] if self._others else listed
        for name, meaning, figure, unit in _COUNTERS:
            counter = CounterMetricFamily(f"roomcast_viewing_{name}", meaning, labels=["room"])
            for room, sums in all_sums:
                counter.add_metric([room], sums[figure] / unit)
            yield counter
        for name, meaning, count, figure, unit in _SUMMARIES:
            summary = SummaryMetricFamily(f"roomcast_viewing_{name}", meaning, labels=["room"])
            for room, sums in all_sums:
                summary.add_metric([room], sums[count], sums[figure] / unit)
            yield summary


_COUNTERS = (
    ("reports", "Reports of viewers' players", "reports", 1),
    ("seconds", "Seconds that viewers watched", "watched_ms", 1000),
    ("stills", "Times that a viewer's picture stood", "stills", 1),
    ("still_seconds", "Seconds that viewers' pictures stood", "still_ms", 1000),
    ("concealed_seconds", "Seconds of sound that browsers made up for lost ones", "concealed_ms", 1000),
)
_SUMMARIES = (
    ("first_picture_seconds", "Until a viewer saw a picture", "first_pictures", "first_picture_ms", 1000),
    ("latency_seconds", "From the camera to the screen, of each report", "latencies", "latency_ms", 1000),
    ("lines", "Height of the picture, of each report", "pictures", "lines", 1),
)


def _ms(seconds: float) -> int:
    return round(1000 * seconds)
