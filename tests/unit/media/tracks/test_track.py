"""What is known of a track: its layer, its bit rate, its size, and whether it comes."""

import pytest

from media.payload.picture_id import picture_id
from media.rtp.extensions import ABS_CAPTURE_TIME_EXTENSION
from media.tracks import track as module
from media.tracks.track import (
    LIVE_SECONDS,
    MAX_EXTENSION_ID,
    can_read,
    continues,
    fits,
    has_stopped,
    new_tracks,
    succeed,
)
from tests.support.encoded import HEIGHT, WIDTH, encode
from tests.support.far_end import one_byte, rtp
from tests.support.layered import AUDIO, RIDS, LayeredWorld, layers
from tests.support.published import sound, video
from tests.support.runs import run_of

VP8 = "VP8"
SSRCS = (10, 20, 30)


def numbered(number: int, *, key: bool) -> bytes:
    """A picture of VP8 with that id of 15 bits."""
    return b"\x90\x80" + (number | 0x8000).to_bytes(2) + bytes((not key, 0))


def id_of(payload: bytes) -> int:
    found = picture_id(VP8, payload)
    assert found is not None
    return found.value


def test_a_rooms_tracks_are_in_the_order_of_the_publishers_with_one_set_of_ids_for_a_picture() -> None:
    tracks = new_tracks([sound(), *layers()], 0.0)
    assert [track.place for track in tracks] == [("audio", 0), ("video", 0), ("video", 1), ("video", 2)]
    assert tracks[0].ids is None
    assert tracks[1].ids is tracks[2].ids is tracks[3].ids is not None
    assert len({track.sent.ssrc for track in tracks}) == 4
    assert [track.source.watch is not None for track in tracks] == [False, True, True, True]
    succeed(tracks, [video()])
    assert all(track.source.stamps is not None for track in tracks)
    assert all(track.ids is None for track in new_tracks([sound(), video()], 0.0))


def test_a_newcomer_fits_if_it_has_no_layer_that_the_room_lacks() -> None:
    three, one = new_tracks([*layers(), sound()], 0.0), new_tracks([video(), sound()], 0.0)
    assert fits(three, layers(2))
    assert fits(three, [video()])
    assert fits(three, [*layers(3), sound()])
    assert not fits(one, layers(2))
    assert not fits(new_tracks(layers(2), 0.0), layers(3))


def test_a_newcomer_continues_a_room_whose_codecs_it_has() -> None:
    room = new_tracks([*layers(codec=VP8), sound()], 0.0)
    assert continues(room, [video(VP8), sound()])
    assert not continues(room, [video("H264"), sound()])
    assert not continues(room[-1:], [video(VP8), sound()])


@pytest.mark.parametrize(
    ("coming", "ids"),
    [
        ({"a": 2}, None),
        ({"a": 2, "b": 3}, None),
        ({"a": 3, "b": 2}, {3: 2, 2: 3}),
        ({"a": 2, "b": 5}, {2: 2, 5: 3}),
        ({"c": 9}, None),  # which the room gets with it
        ({"c": 2, "d": 3}, {2: 1, 3: 4}),  # 2 and 3 are taken
    ],
)
def test_header_extensions_of_the_next_publisher_get_the_ids_of_the_room(
    coming: dict[str, int], ids: dict[int, int] | None
) -> None:
    [track] = new_tracks([video(extensions={"a": 2, "b": 3})], 0.0)
    track.extension_ids = {"a": 2, "b": 3}
    assert track._translated_ids(coming) == ids


@pytest.mark.parametrize(("taken", "own"), [((), 255), ((254,), 255), ((255, 253), 254)])
def test_the_rooms_own_extension_has_the_highest_id_that_is_free(taken: tuple[int, ...], own: int) -> None:
    [track] = new_tracks([video(extensions={str(number): number for number in taken})], 0.0)
    assert track.extension_ids[ABS_CAPTURE_TIME_EXTENSION] == own <= MAX_EXTENSION_ID


def test_the_codec_of_a_layer_that_rests_does_not_matter_to_a_viewer_of_the_best() -> None:
    tracks = new_tracks([*layers(codec=VP8), sound()], 0.0)
    assert succeed(tracks, [video("H264"), sound()])
    assert [track.published.codec.name for track in tracks] == ["H264", VP8, VP8, "opus"]
    assert can_read([], tracks)
    assert not succeed(new_tracks([sound()], 0.0), [sound()])


@pytest.mark.parametrize("codec", ["VP8", "VP9", "H264", "AV1"])
def test_the_size_is_that_of_the_latest_keyframe(codec: str) -> None:
    world = LayeredWorld([*layers(codec=codec), sound()])
    track = world.tracks[1]
    for number, frame in enumerate(encode(codec, frames=2, gop=9)):
        for payload in frame.payloads:
            world.send(20, payload, rid="h", timestamp=3000 * number)
    assert track.size == (WIDTH, HEIGHT)
    assert world.tracks[0].size is None
    world.succeed([*layers(1, codec=codec), sound()])
    assert track.size is None


def test_a_track_is_live_while_packets_for_viewers_come() -> None:
    world = LayeredWorld()
    assert not any(track.live(now) for track in world.tracks for now in (0.0, world.now))
    world.receive(world.publisher.packet(AUDIO, timestamp=0))
    world.send(30, rid="q")
    assert [track.live(world.now) for track in world.tracks] == [False, False, True, True]
    world.now += LIVE_SECONDS
    assert not any(track.live(world.now) for track in world.tracks)
    track = world.tracks[AUDIO]
    track.source.last_received = 0.5  # of a machine that has just begun
    assert track.live(1.0)
    succeed(world.tracks, layers())
    assert not track.live(1.0)  # it rests, ...
    assert track.source.last_received == 0.5  # ... and goes on from there
    track.sent.announced = 1
    assert track.live(1.0)


def test_a_layer_has_stopped_while_another_one_comes() -> None:
    tracks = new_tracks([*layers(), sound()], 0.0)
    now = 100.0

    def stopped() -> list[bool]:
        return [has_stopped(track, tracks, now) for track in tracks]

    for track in tracks:
        track.source.heard_at = track.source.last_received = now - LIVE_SECONDS
    assert stopped() == [False] * 4  # the whole picture stands still
    tracks[AUDIO].source.last_received = now
    assert stopped() == [False] * 4  # sound is no layer of it
    tracks[1].source.heard_at = tracks[1].source.last_received = now
    assert stopped() == [True, False, True, False]
    tracks[2].source.heard_at = now - LIVE_SECONDS + 0.01
    assert stopped() == [True, False, False, False]


def test_the_numbers_of_a_room_begin_anywhere_within_their_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """No SSRC is one that means nothing, and no first number is close to the wrap (RFC 3711 3.3.1)."""
    draws = iter([0, 0])
    monkeypatch.setattr(module.secrets, "randbelow", lambda below: next(draws, below - 1))
    monkeypatch.setattr(module.secrets, "randbits", lambda bits: (1 << bits) - 1)
    (track,) = new_tracks([video()], 0.0)
    assert {track.sent.ssrc, track.sent.rtx_ssrc} == {1, 0xFFFFFFFE}
    assert track.source.translator.next_index == 0x7FFF
    assert track.source.translator.latest_timestamp == 0xFFFFFFFF


def test_no_other_extension_is_taken_for_the_dependency_descriptor() -> None:
    [high, _] = new_tracks(layers(2, codec=VP8), 0.0)  # its id 1 is that of a name
    run = run_of(rtp(payload=b"\x90\x20\x40\x01", extension=one_byte((1, b"\x83\0\2"))))
    assert high.sent.temporal.layer(run.packet(0)) == 1
    assert high.source.ids is not None
    for _ in range(2):
        high.source.ids.restart()
        high.source.ids.renumber(run)
    assert run.packet(0).extensions == ((1, b"\x83\0\2"),)


def test_the_numbers_of_pictures_go_on_over_layers_and_publishers() -> None:
    world = LayeredWorld([*layers(codec=VP8), sound()])
    viewer = world.watch()

    def seen() -> list[int]:
        return [id_of(packet.payload) for packet in viewer.packets()]

    for ssrc, rid, number in zip(SSRCS, RIDS, (500, 7, 32_000), strict=True):
        world.send(ssrc, numbered(number, key=True), rid=rid)
    assert seen() == [500, 501, 502]
    world.succeed([*layers(1, codec=VP8), sound()])
    world.send(44, numbered(3, key=True))
    world.send(44, numbered(4, key=False))
    assert seen() == [503, 504]


def test_a_picture_without_layers_keeps_its_numbers() -> None:
    world = LayeredWorld([video(), sound()])
    viewer = world.watch()
    for number in (40, 41):
        world.send(10, numbered(number, key=number == 40))
    world.succeed()
    world.send(11, numbered(3, key=True))
    assert [id_of(packet.payload) for packet in viewer.packets()] == [40, 41, 3]
