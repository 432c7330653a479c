"""What the network card carries that media leaves by, and what workers may send."""

from collections.abc import Sequence

from deploy.doctor.finding import About, Finding
from deploy.doctor.part import Part
from media.worker.card import Card, cards, leaves_from
from shared.settings.settings import Settings

ABOUT = About("network card")


def look(settings: Settings, part: Part) -> list[Finding]:
    if not part.has_workers:
        return []
    bound = [(settings.media_addr.host or "0.0.0.0", settings.media_addr.port)]  # noqa: S104
    found = cards(leaves_from(bound, settings.media_relay_ips))
    return verdict(found, settings, part)


def verdict(found: Sequence[Card], settings: Settings, part: Part) -> list[Finding]:
    limit, workers = settings.worker_max_egress, settings.workers if part is Part.UP else 1
    known = ", ".join(f"{card.name}: {_size(card.speed)}" for card in found)
    if isinstance(limit, str):  # auto
        if found:
            return [ABOUT.ok(f"{known}; workers refuse clients at {settings.worker_max_load:.0%} of that")]
        if part is Part.UP:  # on many a desk, too
            return [ABOUT.ok("its speed cannot be read; WORKER_MAX_EGRESS may say what a worker may send")]
        return [
            ABOUT.warn(
                "its speed cannot be read, as in most containers and virtual machines: workers take clients"
                " until the line is full and all of them lose packets",
                "WORKER_MAX_EGRESS: the line's bits a second, divided by the workers that share it",
            )
        ]
    narrowest = min((card.speed for card in found), default=None)
    if narrowest is not None and (limit == 0 or limit * workers > narrowest):
        return [
            ABOUT.warn(
                f"{known}; WORKER_MAX_EGRESS lets {'workers' if workers > 1 else 'a worker'} send more",
                f"WORKER_MAX_EGRESS=auto, or {narrowest // workers} at most",
            )
        ]
    return [ABOUT.ok(f"WORKER_MAX_EGRESS is {_size(limit)}" if limit else "WORKER_MAX_EGRESS sets no limit")]


def _size(bits: int) -> str:
    return f"{bits / 1e9:g} Gbit/s" if bits >= 1e9 else f"{bits / 1e6:g} Mbit/s"
