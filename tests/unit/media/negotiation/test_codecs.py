"""Which of a viewer's codecs reads a publisher's packets."""

import pytest

from media.negotiation.codecs import describe, h264_profile, match
from shared.sdp.codec import Codec
from shared.sdp.offer import parse_offer
from tests.support.sdp import OPUS, audio, codec, offer, video

H264_OFFER = (
    "a=rtpmap:102 H264/90000",
    "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f",
    "a=rtpmap:104 H264/90000",
    "a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f",
    "a=rtpmap:108 H264/90000",
    "a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
    "a=rtpmap:116 H264/90000",
    "a=fmtp:116 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f",
    "a=rtpmap:39 H264/90000",
    "a=fmtp:39 profile-level-id=640c1f",
)


@pytest.mark.parametrize(
    ("track", "payload_type"),
    [
        (codec("H264", packetization_mode="1", profile_level_id="42001f"), 102),
        (codec("H264", packetization_mode="1", profile_level_id="420014"), 102),  # FFmpeg
        (codec("H264", packetization_mode="1", profile_level_id="42c00d"), 108),  # GStreamer
        (codec("H264", packetization_mode="1", profile_level_id="4D0028"), 116),
        (codec("H264", packetization_mode="1", profile_level_id="640028"), 102),  # by mode alone
        (codec("H264", packetization_mode="1", profile_level_id="nonsense"), 102),
        (codec("H264", packetization_mode="1"), 108),
        (codec("H264", packetization_mode="0", profile_level_id="640c28"), 39),
        (codec("H264", profile_level_id="640c28"), 39),
        (codec("H264"), 104),
        (codec("H264", packetization_mode="2"), None),
    ],
)
def test_h264_is_matched_by_profile_and_mode_and_then_by_mode(track: Codec, payload_type: int | None) -> None:
    assert matched(track, video(*H264_OFFER)) == payload_type


def test_a_viewer_with_mode_1_alone_reads_mode_0_but_not_the_reverse() -> None:
    only_mode_1 = video(*H264_OFFER[:2])
    assert matched(codec("H264", profile_level_id="42001f"), only_mode_1) == 102
    only_mode_0 = video(*H264_OFFER[2:4])
    assert matched(codec("H264", packetization_mode="1", profile_level_id="42001f"), only_mode_0) is None


@pytest.mark.parametrize(
    ("profile_level_id", "profile"),
    [
        ("42e01f", "constrained baseline"),
        ("42c00d", "constrained baseline"),
        ("4d801f", "constrained baseline"),
        ("58e01f", "constrained baseline"),
        ("42001f", "baseline"),
        ("58801f", "baseline"),
        ("4d001f", "main"),
        ("4d401f", "main"),
        ("640028", "high"),
        ("640c28", "constrained high"),
        ("f4001f", "high 4:4:4 predictive"),
        ("7a001f", None),
        ("42e01", None),
        ("", None),
    ],
)
def test_h264_profiles_are_told_by_idc_and_constraints(profile_level_id: str, profile: str | None) -> None:
    assert h264_profile(codec("H264", profile_level_id=profile_level_id)) == profile


@pytest.mark.parametrize(
    ("track", "rtpmap", "fmtp", "reads"),
    [
        (codec("VP8"), "VP8/90000", "", True),
        (codec("VP8"), "VP9/90000", "", False),
        (codec("VP9"), "VP9/90000", "", True),
        (codec("VP9", profile_id="0"), "VP9/90000", "", True),
        (codec("VP9"), "VP9/90000", "profile-id=0", True),
        (codec("VP9", profile_id="2"), "VP9/90000", "profile-id=0", False),
        (codec("VP9"), "VP9/90000", "profile-id=1", False),
        (codec("AV1", level_idx="5", profile="0", tier="0"), "AV1/90000", "", True),
        (codec("AV1"), "AV1/90000", "level-idx=8;profile=0;tier=0", True),
        (codec("AV1", profile="1"), "AV1/90000", "", False),
        (codec("H265"), "H265/90000", "level-id=93;profile-id=1;tier-flag=0;tx-mode=SRST", True),
        (codec("H265", profile_id="2"), "H265/90000", "profile-id=1", False),
        (codec("H264"), "VP8/90000", "", False),
    ],
)
def test_video_codecs_are_matched_by_their_profile(track: Codec, rtpmap: str, fmtp: str, reads: bool) -> None:
    lines = [f"a=rtpmap:103 {rtpmap}", *([f"a=fmtp:103 {fmtp}"] if fmtp else [])]
    assert matched(track, video(*lines)) == (103 if reads else None)


def test_audio_codecs_are_matched_by_name_clock_and_channels() -> None:
    sound = audio("a=rtpmap:109 opus/16000/2", *OPUS, "a=rtpmap:0 PCMU/8000")
    assert matched(codec("opus"), sound) == 111
    assert matched(codec("PCMU"), sound) == 0
    assert matched(codec("opus"), audio("a=rtpmap:8 PCMA/8000")) is None


@pytest.mark.parametrize(
    ("described", "words"),
    [
        (codec("VP8"), "VP8"),
        (codec("opus"), "opus"),
        (codec("H264", packetization_mode="1"), "H264 packetization-mode=1"),
        (codec("VP9"), "VP9 profile-id=0"),
        (codec("AV1", profile="9" * 99), "AV1 profile=" + "9" * 16),
    ],
)
def test_a_codec_is_put_in_words(described: Codec, words: str) -> None:
    assert describe(described) == words


def matched(track: Codec, section: list[str]) -> int | None:
    """The payload type that a viewer with `section` would get `track` under."""
    found = match(track, parse_offer(offer(section, bundle="0 1")).sections[0].codecs)
    return found.payload_type if found else None
