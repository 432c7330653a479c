"""The form in which each track of a room goes to one receiver."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from media.negotiation.agreed_tracks import PlayedTrack
from media.rtp.extensions import ABS_SEND_TIME_EXTENSION, PLAYOUT_DELAY_EXTENSION, TRANSPORT_CC_EXTENSION
from media.switch.feed import Feed
from media.switch.wire import Wire
from media.tracks.track import Track


def wires(tracks: Sequence[Track], played: Iterable[PlayedTrack]) -> list[Wire | None]:
    """The form of each track towards one receiver; None for a track that it does not get."""
    found: list[Wire | None] = [None] * len(tracks)
    for track in played:
        own = tracks[track.track_index].extension_ids
        found[track.track_index] = Wire(
            track.codec.payload_type,
            {
                own[uri]: to
                for uri, to in track.extensions.items()
                if uri in own and uri != TRANSPORT_CC_EXTENSION
            },
            nack="nack" in track.codec.feedback,
            rtx=track.codec.rtx,
            playout_delay=track.extensions.get(PLAYOUT_DELAY_EXTENSION),
            sent_at=track.extensions.get(ABS_SEND_TIME_EXTENSION),
            number=track.extensions.get(TRANSPORT_CC_EXTENSION),
        )
    return found


def viewer_wires(tracks: Sequence[Track], feed: Feed, played: Iterable[PlayedTrack]) -> list[Wire | None]:
    """The same for a viewer: it may get every rendition of the picture, under one SSRC, and RED."""
    played = list(played)
    found = wires(tracks, played)
    videos = [number for number, track in enumerate(tracks) if track.kind == "video"]
    top = next((number for number in videos if found[number] is not None), None)
    found += [None] * (len(feed.sent) - len(found))
    if top is not None:
        picture = found[top]
        assert picture is not None
        picture = replace(picture, ssrc=tracks[top].sent.ssrc)
        assert feed.thinning is not None
        for number in (*videos, *(form.number for form in feed.thinning.forms)):
            found[number] = picture
    red = next((track.codec.red for track in played if track.codec.red is not None), None)
    if feed.redundant is not None and red is not None:
        plain = found[feed.redundant.base]
        assert plain is not None
        for form in feed.redundant.forms_for(plain.payload_type):
            # by RTX the packets are sent again without those before
            found[form.number] = replace(plain, payload_type=red, rtx=None, earlier=form.count)
    return found
