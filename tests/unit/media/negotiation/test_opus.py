"""What publishers and viewers are told about Opus, in whatever order and company their parameters come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.negotiation.agreed_tracks import RoomTrack
from media.negotiation.negotiate import negotiate_play, negotiate_publish
from shared.errors import ServiceError
from shared.sdp.codec import parse_codecs
from shared.sdp.lines import parse_sdp
from shared.sdp.offer import parse_offer
from tests.support.offers import REAL_OFFERS
from tests.support.sdp import LOCAL, OPUS, audio, codec
from tests.unit.media.negotiation.rooms import not_acceptable, play, publish, room

KEPT = {
    "minptime": st.integers(3, 120),
    "ptime": st.integers(3, 120),
    "maxptime": st.integers(3, 120),
    "maxplaybackrate": st.integers(8_000, 48_000),
    "maxaveragebitrate": st.integers(6_000, 510_000),
    "stereo": st.integers(0, 1),
    "cbr": st.integers(0, 1),
    "usedtx": st.integers(0, 1),
}
# of the sender, or not of the RFC; and wishes that make no sense
STRAY = [
    *("sprop-stereo=0", "sprop-maxcapturerate=48000", "x-google-min-bitrate=64", "useinbandfec=0", "Stereo"),
    *("unheard", "unheard=of", "=", "minptime", "usedtx=yes", "cbr=2", "stereo=-1", "maxaveragebitrate=5999"),
    *("maxaveragebitrate=9999999", "maxplaybackrate=44,1", "ptime=0", "maxptime=1e1"),
]


@given(
    wishes=st.fixed_dictionaries({}, optional=KEPT),
    stray=st.lists(st.sampled_from(STRAY), max_size=8),
    stereo=st.booleans(),
    data=st.data(),
)
def test_a_publisher_is_wished_what_it_wishes_and_correction(
    wishes: dict[str, int], stray: list[str], stereo: bool, data: st.DataObject
) -> None:
    own = [f"{name}={value}" for name, value in wishes.items()] + ["sprop-stereo=1"] * stereo
    named = {part.partition("=")[0] for part in own}
    strangers = [
        part for part in stray if part.partition("=")[0].lower() not in named
    ]  # the first one counts
    parts = data.draw(st.permutations([*own, *strangers]))
    offered = ["sprop-stereo=1" if part == "sprop-stereo=1" else part for part in parts]
    answered = told(publish(audio(*OPUS, f"a=fmtp:111 {';'.join(offered)}".strip()), bundle="0")[1])
    wanted = {name: str(value) for name, value in wishes.items()} | {"useinbandfec": "1"}
    assert answered == wanted | ({"stereo": "1"} if stereo else {})


def test_a_publisher_that_says_nothing_is_asked_for_correction_alone() -> None:
    assert told(publish(audio(), bundle="0")[1]) == {"useinbandfec": "1"}


def test_obs_sends_music_as_it_wishes() -> None:
    _, answer = negotiate_publish(parse_offer(REAL_OFFERS["whip-obs-30-2-3"]), LOCAL)
    music = {"minptime": "10", "maxaveragebitrate": "96000", "stereo": "1", "useinbandfec": "1"}
    assert told(answer) == music


def test_a_viewer_is_told_that_the_publisher_sends_stereo() -> None:
    stereo = room(codec("opus", sprop_stereo="1", stereo="1", maxaveragebitrate="96000", unheard="of"))
    wishes = "a=fmtp:111 minptime=10;usedtx=1;sprop-stereo=1;maxaveragebitrate=6000"
    viewer = audio(*OPUS, wishes, direction="recvonly")
    assert told(play(stereo, viewer, bundle="0")[1]) == {
        "stereo": "1",
        "useinbandfec": "1",
        "sprop-stereo": "1",
    }
    for published in ({}, {"sprop_stereo": "0"}, {"stereo": "1"}):  # it may yet be, or become, stereo
        answer = play(room(codec("opus", **published)), viewer, bundle="0")[1]
        assert told(answer) == {"stereo": "1", "useinbandfec": "1"}


SURROUND = "channel_mapping=0,4,1,2,3,5;num_streams=4;coupled_streams=2"  # 5.1
FIVE_ONE = ("a=rtpmap:112 multiopus/48000/6", f"a=fmtp:112 {SURROUND};minptime=10")


def test_surround_is_passed_on_to_who_offers_it_and_others_are_told() -> None:
    (track,), answer = publish(audio(*FIVE_ONE, *OPUS), bundle="0")
    assert (track.codec.name, track.codec.channels) == ("multiopus", 6)
    assert "a=rtpmap:112 multiopus/48000/6\r\n" in answer
    assert f"a=fmtp:112 {SURROUND};minptime=10\r\n" in answer
    tracks = [RoomTrack(kind="audio", codec=track.codec, extensions=(), ssrc=1)]
    theirs = ("a=rtpmap:33 multiopus/48000/6", f"a=fmtp:33 {';'.join(reversed(SURROUND.split(';')))}")
    (played,), answer = play(tracks, audio(*OPUS, *theirs, direction="recvonly"), bundle="0")
    assert played.codec.payload_type == 33
    assert "a=rtpmap:33 multiopus/48000/6\r\n" in answer
    for offered in (OPUS, (*OPUS, theirs[0], "a=fmtp:33 channel_mapping=0,1,2,3,4,5;num_streams=6")):
        with pytest.raises(ServiceError) as caught:
            play(tracks, audio(*offered, direction="recvonly"), bundle="0")
        assert not_acceptable(caught) == "codec not supported by viewer: multiopus/48000/6"


def test_the_page_of_mediamtx_plays_surround() -> None:
    (track,), _ = publish(audio(*FIVE_ONE), bundle="0")
    tracks = [RoomTrack(kind="audio", codec=track.codec, extensions=(), ssrc=1)]
    _, answer = negotiate_play(parse_offer(REAL_OFFERS["whep-chromium-mediamtx"]), tracks, LOCAL, "demo")
    assert " multiopus/48000/6\r\n" in answer


@pytest.mark.parametrize(
    "lines",
    [
        FIVE_ONE[:1],
        (FIVE_ONE[0], f"a=fmtp:112 {SURROUND.replace('0,4', '4,0')}"),
        (FIVE_ONE[0], f"a=fmtp:112 {SURROUND.replace('=4', '=5')}"),
        (FIVE_ONE[0].replace("/6", "/5"), FIVE_ONE[1]),
        (FIVE_ONE[0].replace("48000", "44100"), FIVE_ONE[1]),
        (FIVE_ONE[0].replace("/6", "/9"), FIVE_ONE[1]),
    ],
)
def test_surround_that_no_decoder_expects_is_not_taken(lines: tuple[str, ...]) -> None:
    with pytest.raises(ServiceError) as caught:
        publish(audio(*lines), bundle="0")
    assert not_acceptable(caught) == "codec not supported: multiopus"
    (track,), _ = publish(audio(*lines, *OPUS), bundle="0")
    assert track.codec.name == "opus"


def told(answer: str) -> dict[str, str]:
    """The parameters of Opus in an answer, each of which it says once."""
    (section,) = [media for media in parse_sdp(answer).media if media.kind == "audio"]
    (line,) = [line for line in answer.splitlines() if line.startswith("a=fmtp:") and "useinbandfec" in line]
    (opus,) = parse_codecs(section)
    assert len(line.split(";")) == len(opus.parameters)
    return dict(opus.parameters)
