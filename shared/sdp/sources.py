"""The RTP sources that a media section declares (RFC 5576): media, and the sources that repair it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from shared.errors import invalid_sdp
from shared.sdp.lines import MAX_ATTRIBUTES, Attributes

_SSRC = re.compile(r"[0-9]{1,10}")
_RID = re.compile(r"[A-Za-z0-9]{1,16}")  # RFC 8852 3.3; longer ones are legal, but nobody uses them
_MAX_MEMBERS = 16  # of one group: three layers make a group of 3
_REPAIR = ("FID", "FEC-FR")  # RFC 5576 4.2, RFC 5956 4.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Optional declarations, which may be wrong.

    Raises `ServiceError(INVALID_SDP)` unless all of them are in bounds.
    """

    ssrcs: tuple[int, ...] = ()  # of media, in their order
    # SSRC of RTX -> SSRC whose packets it retransmits
    repairs: Mapping[int, int] = field(default_factory=dict)
    layers: tuple[int, ...] = ()  # SSRCs of one picture in several qualities ("SIM"), lowest first
    rids: tuple[str, ...] = ()  # or the names of those layers (RFC 8853), in the order of the offer

    def __post_init__(self) -> None:
        if (
            len(self.ssrcs) > MAX_ATTRIBUTES["ssrc"]
            or len(self.repairs) > MAX_ATTRIBUTES["ssrc-group"]
            or len(self.layers) > _MAX_MEMBERS
            or len(self.rids) > MAX_ATTRIBUTES["rid"]
        ):
            raise invalid_sdp("too many sources in one section")
        numbers = (*self.ssrcs, *self.repairs, *self.repairs.values(), *self.layers)
        if not all(0 <= ssrc < 1 << 32 for ssrc in numbers) or not all(map(_RID.fullmatch, self.rids)):
            raise invalid_sdp("a malformed source")


def read_sources(attributes: Attributes) -> Sources:
    """The sources of a section; malformed lines are ignored."""
    repairs: dict[int, int] = {}
    secondary: set[int] = set()
    layers: tuple[int, ...] = ()
    for semantics, members in _groups(attributes):
        if semantics in _REPAIR:
            secondary.update(members[1:])
        if semantics == "FID" and len(members) == 2:
            repairs.setdefault(members[1], members[0])
        if semantics == "SIM" and not layers:
            layers = tuple(members)
    declared = dict.fromkeys(_numbers([value.partition(" ")[0] for value in attributes.all("ssrc")]))
    return Sources(
        ssrcs=tuple(ssrc for ssrc in declared if ssrc not in secondary),
        repairs=repairs,
        layers=layers,
        rids=_rids(attributes),
    )


def _rids(attributes: Attributes) -> tuple[str, ...]:
    """The layers' names (RFC 8853 5.1).

    Semicolons separate layers, commas alternatives to one; "~" marks a paused layer.
    """
    declared = {
        name
        for name, _, way in (value.partition(" ") for value in attributes.all("rid"))
        if way[:4] == "send"
    }
    words = (attributes.first("simulcast") or "").split()
    sent = next((layers for way, layers in pairwise(words) if way == "send"), "")
    firsts = (layer.partition(",")[0].removeprefix("~") for layer in sent.split(";"))
    return tuple(dict.fromkeys(rid for rid in firsts if rid in declared and _RID.fullmatch(rid)))


def _groups(attributes: Attributes) -> Iterator[tuple[str, Sequence[int]]]:
    for group in attributes.all("ssrc-group"):
        semantics, *members = group.split() or [""]
        if len(members) > _MAX_MEMBERS:
            raise invalid_sdp(f"more than {_MAX_MEMBERS} sources in one group")
        yield semantics, _numbers(members)


def _numbers(texts: Sequence[str]) -> list[int]:
    return [int(text) for text in texts if _SSRC.fullmatch(text) and int(text) < 1 << 32]
