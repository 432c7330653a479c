"""The tracks on which an offer and its answer agree."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from shared.sdp.codec import Codec
from shared.sdp.sources import Sources


class LeftOut(NamedTuple):
    """Simulcast layers of a picture that the answer accepts, and that the room does not take."""

    rids: frozenset[str] = frozenset()
    ssrcs: frozenset[int] = frozenset()  # of media and RTX, if declared


NONE_LEFT_OUT = LeftOut()


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTrack:
    """One track as its publisher sends it."""

    kind: str  # "audio" or "video"
    mid: str  # "" if the offer names none
    codec: Codec  # with the accepted feedback, and the payload types of its RTX and RED if accepted
    extensions: Mapping[str, int]  # accepted ones, URI -> id; includes the mid's
    sources: Sources  # as declared; many clients declare none
    rid: str = ""  # of its simulcast layer; "" without simulcast
    layer: int = 0  # rank of that layer among those of the picture: 0 is the best
    left_out: LeftOut = NONE_LEFT_OUT  # of the same picture

    def at_rest(self) -> "PublishedTrack":
        """The track while nobody sends it: its publisher is asked for nothing."""
        return replace(self, codec=replace(self.codec, feedback=frozenset(), rtx=None, red=None))


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomTrack:
    """One track as a room offers it to viewers."""

    kind: str
    codec: Codec
    extensions: Collection[str]  # URIs
    ssrc: int  # chosen by the room, the same for every viewer
    rtx_ssrc: int | None = None  # likewise, of its retransmission stream; None: the track has none
    layer: int = 0  # rank among the layers of its picture, which are side by side: 0 is the best


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedTrack:
    """One of the room's tracks as one viewer gets it."""

    track_index: int  # into the room's tracks
    mid: str
    codec: Codec  # the viewer's, with what is agreed on; without RTX retransmissions equal the packets
    extensions: Mapping[str, int]  # URI -> id on the viewer's wire
