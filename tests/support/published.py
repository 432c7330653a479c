"""What a publisher of one video and one audio track has agreed on, for tests that negotiate nothing."""

from collections.abc import Collection, Mapping
from types import MappingProxyType

from media.negotiation.agreed_tracks import PublishedTrack
from shared.sdp.codec import Codec
from shared.sdp.sources import Sources

VIDEO, AUDIO = 0, 1  # places in a list of tracks
TYPES = (96, 111)  # payload types
RATES = (90_000, 48_000)
TICKS = (3_000, 960)  # from one packet to the next
NO_EXTENSIONS: Mapping[str, int] = MappingProxyType({})
UNDECLARED = Sources()


def video(
    codec: str = "VP8",
    *,
    payload_type: int = TYPES[VIDEO],
    feedback: Collection[str] = (),
    rtx: int | None = None,
    extensions: Mapping[str, int] = NO_EXTENSIONS,
    sources: Sources = UNDECLARED,
) -> PublishedTrack:
    return PublishedTrack(
        kind="video",
        mid="0",
        codec=Codec(
            name=codec,
            payload_type=payload_type,
            clock_rate=RATES[VIDEO],
            feedback=frozenset(feedback),
            rtx=rtx,
        ),
        extensions=extensions,
        sources=sources,
    )


def sound(
    *,
    payload_type: int = TYPES[AUDIO],
    feedback: Collection[str] = (),
    extensions: Mapping[str, int] = NO_EXTENSIONS,
    parameters: Mapping[str, str] = MappingProxyType({}),
    red: int | None = None,
) -> PublishedTrack:
    return PublishedTrack(
        kind="audio",
        mid="1",
        codec=Codec(
            name="opus",
            payload_type=payload_type,
            clock_rate=RATES[AUDIO],
            channels=2,
            parameters=parameters,
            feedback=frozenset(feedback),
            red=red,
        ),
        extensions=extensions,
        sources=UNDECLARED,
    )
