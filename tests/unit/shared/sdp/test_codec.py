"""The codecs of a media section: in the order of preference, with their RTX, without unknown formats."""

import pytest

from shared.sdp.offer import parse_offer
from tests.support.sdp import offer, section, video


def video_codecs(*attributes: str) -> list[tuple[int, str]]:
    parsed = parse_offer(offer(video(*attributes), bundle="1"))
    return [(codec.payload_type, codec.name) for codec in parsed.sections[0].codecs]


def test_codecs_come_in_order_of_preference_with_their_rtx() -> None:
    lines = (
        "a=rtpmap:98 h264/90000",
        "a=rtpmap:97 rtx/90000",
        "a=fmtp:97 apt=98",
        "a=rtpmap:120 red/90000",
        "a=rtpmap:121 rtx/90000",
        "a=fmtp:121 apt=120",
        "a=rtpmap:122 ulpfec/90000",
        "a=rtpmap:49 flexfec-03/90000",
        "a=rtpmap:96 vp8/90000",
        "a=rtpmap:100 Theora/90000",
    )
    assert video_codecs(*lines) == [(98, "H264"), (96, "VP8"), (100, "Theora")]
    codecs = parse_offer(offer(video(*lines), bundle="1")).sections[0].codecs
    assert [codec.rtx for codec in codecs] == [97, None, None]


@pytest.mark.parametrize(
    ("lines", "red"),
    [
        (("a=rtpmap:63 red/48000/2", "a=fmtp:63 111/111"), 63),
        (("a=rtpmap:63 RED/48000/2", "a=fmtp:63 111/111/111"), 63),
        (("a=rtpmap:63 red/48000/2", "a=fmtp:63 111/0"), None),
        (("a=rtpmap:63 red/48000/2", "a=fmtp:63 111"), None),
        (("a=rtpmap:63 red/48000/2",), None),
        (("a=rtpmap:63 red/8000", "a=fmtp:63 111/111"), None),
    ],
)
def test_a_codec_has_the_redundant_form_that_has_nothing_else_in_it(
    lines: tuple[str, ...], red: int | None
) -> None:
    sound = section("audio", "a=rtpmap:111 opus/48000/2", *lines, mid=None, formats="111 63")
    (codec,) = parse_offer(offer(sound, bundle=None)).sections[0].codecs
    assert (codec.name, codec.red) == ("opus", red)


def test_static_payload_types_need_no_rtpmap() -> None:
    lines = section("audio", "a=rtpmap:110 telephone-event/8000", mid=None, formats="8 13 0 9 18 110")
    codecs = parse_offer(offer(lines, bundle=None)).sections[0].codecs
    assert [(codec.payload_type, codec.name, codec.clock_rate) for codec in codecs] == [
        (8, "PCMA", 8000),
        (0, "PCMU", 8000),
        (9, "G722", 8000),
    ]


@pytest.mark.parametrize(
    "lines",
    [
        ("a=rtpmap:72 VP8/90000",),  # would look like RTCP (RFC 5761 4)
        ("a=rtpmap:96 VP8",),
        ("a=rtpmap:96 VP8/fast",),
        ("a=rtpmap:96 V P8/90000",),
        ("a=rtpmap:96 " + "x" * 33 + "/90000",),
        ("a=rtpmap:96 rtx/90000", "a=fmtp:96 apt=96"),
    ],
)
def test_a_format_without_a_meaning_is_no_codec(lines: tuple[str, ...]) -> None:
    assert video_codecs(*lines) == []


def test_of_two_meanings_of_a_payload_type_the_first_counts() -> None:
    lines = ("a=rtpmap:96 VP8/90000", "a=rtpmap:96 VP9/90000", "a=fmtp:96 a=1;a=2", "a=fmtp:96 a=3")
    assert video_codecs(*lines) == [(96, "VP8")]
    codec = parse_offer(offer(video(*lines), bundle="1")).sections[0].codecs[0]
    assert codec.parameters == {"a": "1"}


def test_lines_that_many_offers_share_are_read_once() -> None:
    lines = ("a=rtpmap:96 vp8/90000", "a=fmtp:96 max-fr=30", "a=rtcp-fb:96 nack")
    one, two = (parse_offer(offer(video(*lines), bundle="1")).sections[0].codecs for _ in range(2))
    assert one is two
    other = parse_offer(offer(video(*lines, "a=rtcp-fb:96 nack pli"), bundle="1")).sections[0].codecs
    assert other[0].feedback == {"nack", "nack pli"}
    assert one[0].feedback == {"nack"}
