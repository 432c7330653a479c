"""A feed of one video and one audio track, for tests of the switch and of what stands around it."""

from media.rtp.sequence import SequenceTranslator
from media.switch.feed import Feed
from media.tracks.sent_track import SentTrack
from media.tracks.source_track import SourceTrack

VIDEO, AUDIO = 0, 1
TYPES = (96, 111)  # the publisher's payload types
RATES = (90_000, 48_000)
SSRCS = (0xAAAA0001, 0xBBBB0002)  # the room's
RTX_SSRCS = (0xAAAA0003, 0xBBBB0004)


def new_feed(index: int = 1, timestamp: int = 0) -> Feed:
    """Both tracks begin at `index` and `timestamp`."""
    return Feed(
        sent=[SentTrack(ssrc, rtx) for ssrc, rtx in zip(SSRCS, RTX_SSRCS, strict=True)],
        sources=[
            SourceTrack(payload_type, rate, SequenceTranslator(index, timestamp))
            for payload_type, rate in zip(TYPES, RATES, strict=True)
        ],
    )
