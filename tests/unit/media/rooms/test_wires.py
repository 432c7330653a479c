"""In which form a viewer gets each track."""

from dataclasses import replace

import pytest

from media.negotiation.agreed_tracks import PlayedTrack
from media.rooms.wires import viewer_wires, wires
from media.rtp.extensions import ABS_SEND_TIME_EXTENSION, PLAYOUT_DELAY_EXTENSION, TRANSPORT_CC_EXTENSION
from media.switch.feed import Feed
from media.switch.redundant_sound import RedundantSound
from media.switch.thinning import Thinning
from media.switch.wire import Wire
from media.tracks.track import new_tracks
from tests.support.layered import layers
from tests.support.published import sound, video

PICTURE, SOUND = (
    (98, True, 0),
    (100, None, 0),
)  # payload type, whether the SSRC is the first layer's, packets before


@pytest.mark.parametrize(
    ("plays", "red", "forms"),
    [
        ((0, 2), None, [PICTURE, PICTURE, SOUND, PICTURE, PICTURE, *[None] * 4]),
        ((0, 2), 63, [PICTURE, PICTURE, SOUND, PICTURE, PICTURE, None, None, (63, None, 1), (63, None, 2)]),
        ((0,), None, [PICTURE, PICTURE, None, PICTURE, PICTURE, *[None] * 4]),
        ((2,), None, [None, None, SOUND, *[None] * 6]),
        ((), None, [None] * 9),
    ],
)
def test_a_viewer_may_get_each_form_of_what_it_plays(
    plays: tuple[int, ...], red: int | None, forms: list[tuple[int, bool | None, int] | None]
) -> None:
    """Two layers and two thinned forms of the picture have one SSRC; sound has packets before it, or none."""
    tracks = new_tracks([*layers(2, codec="VP8"), sound()], 0.0)
    sent = [track.sent for track in tracks]
    feed = Feed(
        sent,
        [track.source for track in tracks],
        thinning=Thinning(sent, 1),
        redundant=RedundantSound(sent, 2, 5),
    )
    played = [
        PlayedTrack(
            track_index=number,
            mid="",
            codec=replace(tracks[number].published.codec, payload_type=98 + number, red=red),
            extensions={},
        )
        for number in plays
    ]
    first = tracks[0].sent.ssrc
    got = [
        wire and (wire.payload_type, wire.ssrc and wire.ssrc == first, wire.earlier)
        for wire in viewer_wires(tracks, feed, played)
    ]
    assert got == forms


@pytest.mark.parametrize("nack", [True, False])
def test_a_wire_has_the_ids_of_its_viewer_for_what_both_know(nack: bool) -> None:
    """Transport-wide numbers are for one way: those of the publisher mean nothing to the viewer."""
    own = {"a": 1, "b": 2, TRANSPORT_CC_EXTENSION: 3}
    to = {"a": 7, "c": 8, TRANSPORT_CC_EXTENSION: 9, ABS_SEND_TIME_EXTENSION: 10, PLAYOUT_DELAY_EXTENSION: 11}
    track = video("VP8", feedback=["nack", "transport-cc"], extensions=own)
    codec = replace(track.codec, payload_type=98, rtx=99, feedback=frozenset({"nack"} if nack else ()))
    played = PlayedTrack(track_index=1, mid="", codec=codec, extensions=to)
    wire = Wire(98, {1: 7}, nack=nack, rtx=99, playout_delay=11, sent_at=10, number=9)
    assert wires(new_tracks([sound(), track], 0.0), [played]) == [None, wire]
