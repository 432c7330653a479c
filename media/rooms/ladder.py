"""What the renditions of a room's picture need, measured once a second."""

import math
from collections.abc import Collection, Sequence

from media.switch.feed import Feed
from media.switch.rendition import PACKET_OVERHEAD, Ladder, Rendition
from media.tracks.thinned import Form
from media.tracks.track import Track

SLOWEST_SECONDS = 8.0  # from keyframe to keyframe; a line that carries less gets the sound alone
KEPT = 0.85  # of what a layer needed a second ago: a pause of its publisher is no room on anybody's line
LEAST_SAVING = 0.9  # a form that needs a larger share of its track is not worth a change


def measure(feed: Feed, tracks: Sequence[Track], now: float) -> Ladder | None:
    """The ladder of the picture; None without one. It always has the same number of rungs.

    While no layer comes, what was known remains: it says what a viewer needs when the picture goes on.
    """
    if feed.thinning is None:
        return None
    layers = [number for number, track in enumerate(tracks) if track.kind == "video"]
    live = [number for number in layers if tracks[number].live(now)]
    if not live and feed.ladder is not None:
        return feed.ladder
    stopped = [number for number in layers if live and number not in live]
    for number in stopped:  # whoever joins when it comes back must not begin with what it was
        feed.sent[number].pictures.clear()
    live = live or layers[:1]
    feed.thinning.rebase(feed.sent, live[-1])
    former = _bitrates(feed.ladder)
    renditions = [
        Rendition(
            number,
            max(tracks[number].bitrate, former.get(number, 0.0) * KEPT) if number in live else math.inf,
        )
        for number in layers
    ]
    sounds = [track.sent for track in tracks if track.kind == "audio"]
    sound = sum(sent.bitrate + sent.packet_rate * PACKET_OVERHEAD * 8 for sent in sounds)
    rids = tuple(tracks[number].published.rid for number in layers)
    first = next((n for n in live if not tracks[n].sent.starves), live[-1])
    sizes = tuple(tracks[number].size for number in layers)
    return Ladder.of((*renditions, *_thinned(feed, live)), sound, rids, layers.index(first), sizes)


def _bitrates(ladder: Ladder | None) -> dict[int, float]:
    renditions = () if ladder is None else ladder.renditions
    return {each.number: each.bitrate for each in renditions if each.bitrate < math.inf}


def _thinned(feed: Feed, live: Collection[int]) -> Sequence[Rendition]:
    """The thinned forms. Those of a track that has stopped do not come."""
    assert feed.thinning is not None
    base = feed.sent[feed.thinning.base]
    forms = {form.form: form for form in feed.thinning.forms}
    lowest, keyframes = forms[Form.LOWEST_LAYER], forms[Form.KEYFRAMES]
    if feed.thinning.base not in live:
        return Rendition(lowest.number, math.inf), Rendition(keyframes.number, math.inf)
    # measured only while somebody may need it: it takes a walk through the history, and so learns of layers
    share = lowest.share() if feed.limited else 1.0
    return (
        Rendition(lowest.number, base.bitrate * share if share <= LEAST_SAVING else math.inf),
        Rendition(keyframes.number, base.keyframe_octets * 8 / SLOWEST_SECONDS),
    )
