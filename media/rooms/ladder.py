"""What the renditions of a room's picture need, measured once a second."""

import math
from collections.abc import Sequence

from media.switch.feed import Feed
from media.switch.rendition import PACKET_OVERHEAD, Ladder, Rendition
from media.tracks.thinned import Form
from media.tracks.track import Track

SLOWEST_SECONDS = 8.0  # from keyframe to keyframe; a line that carries less gets the sound alone
LEAST_SAVING = 0.9  # a form that needs a larger share of its track is not worth a change


def measure(feed: Feed, tracks: Sequence[Track], now: float) -> Ladder | None:
    """The ladder of the picture; None without one. It always has the same number of rungs."""
    layers = [number for number, track in enumerate(tracks) if track.kind == "video"]
    if not layers or feed.thinning is None:
        return None
    live = [number for number in layers if tracks[number].live(now)] or layers[:1]
    feed.thinning.rebase(feed.sent, live[-1])
    renditions = [
        Rendition(number, tracks[number].bitrate if number in live else math.inf) for number in layers
    ]
    sounds = [track.sent for track in tracks if track.kind == "audio"]
    sound = sum(sent.bitrate + sent.packet_rate * PACKET_OVERHEAD * 8 for sent in sounds)
    rids = tuple(tracks[number].published.rid for number in layers)
    return Ladder.of((*renditions, *_thinned(feed)), sound, rids)


def _thinned(feed: Feed) -> Sequence[Rendition]:
    assert feed.thinning is not None
    base = feed.sent[feed.thinning.base]
    forms = {form.form: form for form in feed.thinning.forms}
    lowest, keyframes = forms[Form.LOWEST_LAYER], forms[Form.KEYFRAMES]
    # measured only while somebody may need it: it takes a walk through the history
    share = lowest.share() if feed.limited and base.temporal.top else 1.0
    return (
        Rendition(lowest.number, base.bitrate * share if share <= LEAST_SAVING else math.inf),
        Rendition(keyframes.number, base.keyframe_octets * 8 / SLOWEST_SECONDS),
    )
