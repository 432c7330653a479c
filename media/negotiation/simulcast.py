"""The layers of a simulcast offer that we take: the best three, ranked.

Layers have names (RFC 8853), which the `rid` header extension repeats, or are known by their SSRCs alone
(RFC 5576, "SIM"). An offer does not say how good each layer is, but clients use the same few naming schemes.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from media.rtp.extensions import RID_EXTENSION
from shared.sdp.offer import MediaSection
from shared.sdp.sources import Sources

MAX_LAYERS = 3

# full, half, quarter; high, middle, low: best first
_CUSTOMS = (
    ("f", "h", "q"),
    ("h", "m", "l"),
    ("hi", "mid", "lo"),
    ("high", "mid", "low"),
    ("high", "medium", "low"),
)


class Layer(NamedTuple):
    """One layer of a section. `rid` is "" if it has no name; then `sources` declare its SSRC."""

    rid: str
    sources: Sources


def layers_of(section: MediaSection) -> list[Layer]:
    """The layers of `section` that we take, best first: at least one, at most `MAX_LAYERS`.

    Only pictures have layers. Of named layers whose packets do not tell the name, the best one is taken.
    """
    sources = section.sources
    most = MAX_LAYERS if section.kind == "video" else 1
    if sources.rids:
        tells_names = RID_EXTENSION in section.extensions
        return [Layer(rid, sources) for rid in _ranked(sources.rids)[: most if tells_names else 1]]
    ssrcs = dict.fromkeys(reversed(sources.layers))  # the group names the poorest first
    if len(ssrcs) < 2 or most < 2:
        return [Layer("", sources)]
    return [Layer("", _of_one(ssrc, sources)) for ssrc in list(ssrcs)[:most]]


def _ranked(rids: Sequence[str]) -> list[str]:
    """The names, best first.

    OBS numbers its layers, best first. If the names say nothing, the order counts: the offerer prefers the
    first (RFC 8853 5.2).
    """
    for custom in _CUSTOMS:
        if set(rids) <= set(custom):
            return sorted(rids, key=custom.index)
    if all(rid.isdecimal() for rid in rids):
        return sorted(rids, key=int)
    return list(rids)


def _of_one(ssrc: int, sources: Sources) -> Sources:
    repairs = {rtx: repaired for rtx, repaired in sources.repairs.items() if repaired == ssrc}
    return replace(sources, ssrcs=(ssrc,), repairs=repairs, layers=())
