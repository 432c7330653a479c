"""The layers of a simulcast offer that we take: three at most, ranked.

A publisher may send more. OBS offers up to four, and stops unless the answer has them all: so we accept them,
and take the best one, the lowest one, and one between.

Layers have names (RFC 8853), which the `rid` header extension repeats, or are known by their SSRCs alone
(RFC 5576, "SIM"). An offer does not say how good each layer is, but clients use the same few naming schemes.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar

from media.negotiation.agreed_tracks import NONE_LEFT_OUT, LeftOut
from media.rtp.extensions import RID_EXTENSION
from shared.sdp.offer import MediaSection
from shared.sdp.sources import Sources

MAX_LAYERS = 3
MAX_ACCEPTED = 8

T = TypeVar("T")

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


class Simulcast(NamedTuple):
    """What becomes of the layers of one section."""

    layers: Sequence[Layer]  # that we take, best first: at least one, at most `MAX_LAYERS`
    accepted: tuple[str, ...]  # names for the answer, in the order of the offer: at most `MAX_ACCEPTED`
    left_out: LeftOut  # what else may come


def simulcast_of(section: MediaSection) -> Simulcast:
    """The layers of `section`, or its only stream.

    Only pictures have layers. Of named layers whose packets do not tell the name, the best one is taken.
    """
    sources = section.sources
    is_picture = section.kind == "video"
    if sources.rids:
        tells_names = is_picture and RID_EXTENSION in section.sent_extensions
        ranked = _ranked(sources.rids)[: MAX_ACCEPTED if tells_names else 1]
        taken = _spread(ranked)
        return Simulcast(
            layers=[Layer(rid, sources) for rid in taken],
            accepted=tuple(rid for rid in sources.rids if rid in ranked),
            left_out=LeftOut(rids=frozenset(ranked).difference(taken)),
        )
    ssrcs = list(dict.fromkeys(reversed(sources.layers)))  # the group names the lowest first
    if len(ssrcs) < 2 or not is_picture:
        return Simulcast([Layer("", sources)], (), NONE_LEFT_OUT)
    layers = [Layer("", _of_one(ssrc, sources)) for ssrc in _spread(ssrcs)]
    left = set(ssrcs).difference(*(layer.sources.ssrcs for layer in layers))
    left |= {rtx for rtx, repaired in sources.repairs.items() if repaired in left}
    return Simulcast(layers, (), LeftOut(ssrcs=frozenset(left)))


def _spread(ranked: Sequence[T]) -> Sequence[T]:
    """The layers that we take of `ranked`, which are best first."""
    if len(ranked) <= MAX_LAYERS:
        return ranked
    return [ranked[0], ranked[len(ranked) // 2], ranked[-1]]


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
