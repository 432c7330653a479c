"""Offers of the server to viewers, and how their answers are taken."""

from dataclasses import replace

import pytest
from aiortc.sdp import SessionDescription

from media.negotiation.agreed_tracks import RoomTrack
from media.negotiation.negotiate import negotiate_play
from media.negotiation.offer import build_offer
from media.rtp.extensions import ABS_SEND_TIME_EXTENSION, PLAYOUT_DELAY_EXTENSION, TRANSPORT_CC_EXTENSION
from shared.sdp.codec import Codec
from shared.sdp.offer import Direction, parse_offer
from tests.support.sdp import DIGEST, LOCAL
from tests.unit.media.negotiation.rooms import AUDIO_LEVEL, room

OPUS = Codec(payload_type=109, name="opus", clock_rate=48000, channels=2, parameters={"sprop-stereo": "1"})
VP8 = Codec(payload_type=120, name="VP8", clock_rate=90000)
HIGH = Codec(
    payload_type=102,
    name="H264",
    clock_rate=90000,
    parameters={
        "packetization-mode": "1",
        "profile-level-id": "640c34",
        "sprop-parameter-sets": "Z2QMNKw7,aO4G8g==",
    },
)


def offered(*codecs: Codec, with_rtx: bool = True) -> str:
    tracks = room(*codecs)
    if with_rtx:
        tracks = [replace(track, rtx_ssrc=track.ssrc + 100) for track in tracks]
    return build_offer(tracks, LOCAL, "demo")


def answered(text: str) -> str:
    """What a viewer that takes all of an offer answers."""
    answer = []
    for line in (
        text.replace("a=sendonly", "a=recvonly").replace("a=setup:actpass", "a=setup:active").split("\r\n")
    ):
        if line.startswith("a=fingerprint"):
            answer.append(f"a=fingerprint:sha-256 {DIGEST}")
        elif not line.startswith(("a=ice-lite", "a=ssrc", "a=msid", "a=candidate", "a=rtcp-mux-only")):
            answer.append(line)
    return "\r\n".join(answer)


def test_a_strange_parser_reads_what_a_viewer_needs() -> None:
    text = offered(OPUS, VP8)
    read = SessionDescription.parse(text)
    assert [media.kind for media in read.media] == ["audio", "video"]
    for media in read.media:
        assert media.direction == "sendonly"
        assert media.rtcp_mux
        assert media.dtls is not None
        assert media.dtls.role == "auto"  # RFC 8842 5.2: actpass
        assert media.ice is not None
        assert media.ice.usernameFragment == LOCAL.ice_ufrag
        assert media.ice_candidates
        assert media.msid == f"demo {media.kind}"
    assert [codec.mimeType for codec in read.media[1].rtp.codecs] == ["video/VP8", "video/rtx"]
    assert text.count("a=rtcp-mux-only\r\n") == 2  # RFC 8858 3
    assert "a=group:BUNDLE 0 1\r\n" in text
    assert "a=rtpmap:63 red/48000/2\r\n" in text


def test_a_viewer_gets_all_that_its_own_offer_would_have_given() -> None:
    tracks = [replace(track, rtx_ssrc=track.ssrc + 100) for track in room(OPUS, VP8)]
    answer = parse_offer(answered(build_offer(tracks, LOCAL, "demo")))
    (sound, picture), text = negotiate_play(answer, tracks, LOCAL, "demo")
    assert (sound.codec.payload_type, sound.codec.red) == (111, 63)
    assert (picture.codec.payload_type, picture.codec.rtx) == (96, 97)
    assert picture.codec.feedback == {"nack", "nack pli", "ccm fir", "goog-remb", "transport-cc"}
    assert {
        PLAYOUT_DELAY_EXTENSION,
        ABS_SEND_TIME_EXTENSION,
        TRANSPORT_CC_EXTENSION,
    } <= picture.extensions.keys()
    assert AUDIO_LEVEL in sound.extensions
    shared = sound.extensions.keys() & picture.extensions.keys()
    assert all(sound.extensions[uri] == picture.extensions[uri] for uri in shared)  # RFC 9143 9.2
    assert "a=setup:passive" in text  # as its DTLS roles are: the viewer begins


def test_who_decodes_baseline_only_takes_a_higher_profile_too() -> None:
    """Decoders read more than the profiles that they name, as `codecs.match` has it."""
    text = offered(HIGH)
    assert "a=fmtp:96 packetization-mode=1;profile-level-id=640c34;level-asymmetry-allowed=1\r\n" in text
    assert "a=fmtp:98 packetization-mode=1;profile-level-id=42e01f;level-asymmetry-allowed=1\r\n" in text
    assert "sprop" not in text


@pytest.mark.parametrize("codec", [OPUS, VP8, HIGH, replace(VP8, name="AV1"), replace(VP8, name="H265")])
def test_one_track_alone_is_offered(codec: Codec) -> None:
    (section,) = parse_offer(offered(codec, with_rtx=False).replace("a=ice-lite\r\n", "")).sections
    assert section.direction is Direction.SENDONLY
    assert all(one.name == codec.name and one.rtx is None for one in section.codecs)


def test_layers_of_a_picture_are_one_section() -> None:
    best = room(VP8)[0]
    layers = [best, replace(best, ssrc=7, layer=1)]
    assert [track.ssrc for track in layers] == [1000, 7]
    text = build_offer([RoomTrack(kind="audio", codec=OPUS, extensions=(), ssrc=1), *layers], LOCAL, "demo")
    assert text.count("m=video") == 1
    assert "a=ssrc:1000 " in text
    assert "a=ssrc:7 " not in text
