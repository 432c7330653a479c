"""The range of each numeric setting. A value outside of it can only be a mistake, and prevents the start."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_HOUR, _DAY = 3_600, 86_400
_MAX_COUNT = 1_000_000  # Redis cannot count requests far beyond; nobody has so many rooms or viewers


@dataclass(frozen=True, slots=True)
class Range:
    """From `low` to `high`, both included, and each of `others`."""

    low: float
    high: float
    others: tuple[float | str, ...] = ()

    def __contains__(self, value: float | str) -> bool:
        return value in self.others or (not isinstance(value, str) and self.low <= value <= self.high)

    def __str__(self) -> str:
        return " or ".join((f"{_text(self.low)} to {_text(self.high)}", *map(str, self.others)))


_COUNT = Range(0, _MAX_COUNT)
_RATE = Range(0.0001, _MAX_COUNT, (0,))  # a lower rate would be longer than Redis keeps the count

RANGES: Mapping[str, Range] = MappingProxyType(
    {
        "revocation_seconds": Range(60, 3650 * _DAY),
        "auth_url_seconds": Range(0.1, 10),
        "auth_url_cache_seconds": Range(0, _HOUR),
        "max_rooms": _COUNT,
        "max_publishers_per_client": _COUNT,
        "max_viewers_per_client": _COUNT,
        "max_subs_per_room": _COUNT,
        "rate_limit_rps": _RATE,
        "rate_limit_burst": _COUNT,
        "rate_limit_offers_rps": _RATE,
        "rate_limit_offers_burst": _COUNT,
        "workers": Range(1, 64),
        "relay_max_edges": _COUNT,
        "publisher_grace": Range(0, _DAY),
        "drain_seconds": Range(0, 7 * _DAY),
        "worker_cut_off_seconds": Range(3, _DAY, (0,)),  # a worker hears from Redis each second
        "worker_max_load": Range(0.01, 1),  # a share: 80 would be meant as percent, and never be reached
        "worker_max_egress": Range(1_000_000, 10**13, (0, "auto")),  # bits a second: 1000 is meant as Mbit/s
        "worker_max_viewers": _COUNT,
        "metrics_max_rooms": _COUNT,
        "record_max_seconds": Range(1, 365 * _DAY, (0,)),
        "record_max_bytes": Range(10_000, 10**15, (0,)),  # less is meant as MB
        "record_keep_days": Range(0, 36_500),
        "record_min_free_bytes": Range(0, 10**15),
        "webhook_retry_seconds": Range(0, 30 * _DAY),
    }
)


def _text(number: float) -> str:
    return f"{number:.10g}" if number < 10**10 else f"{number:.0f}"
