"""What is agreed on with a publisher: codecs, feedback, and what is refused."""

import pytest

from media.rtp.extensions import ABS_CAPTURE_TIME_EXTENSION, FORWARDED_EXTENSIONS, MID_EXTENSION
from shared.errors import ErrorCode, ServiceError
from shared.sdp.sources import Sources
from tests.support.sdp import OPUS, VP8, audio, read_answer, section, video
from tests.unit.media.negotiation.rooms import (
    COLOR_SPACE,
    ORIENTATION,
    RTX,
    TRANSPORT_CC,
    not_acceptable,
    publish,
    viewer,
)


def test_a_publisher_gets_its_first_codec_that_we_pass_through() -> None:
    tracks, answer = publish(
        audio("a=rtpmap:109 L16/48000", *OPUS, "a=rtpmap:0 PCMU/8000"),
        video("a=rtpmap:100 Theora/90000", "a=rtpmap:98 VP9/90000", *VP8),
    )
    assert [(track.kind, track.mid, track.codec.name, track.codec.payload_type) for track in tracks] == [
        ("audio", "0", "opus", 111),
        ("video", "1", "VP9", 98),
    ]
    parsed = read_answer(answer)
    assert [media.fmt for media in parsed.media] == [[111], [98]]
    assert [media.direction for media in parsed.media] == ["recvonly", "recvonly"]


@pytest.mark.parametrize(
    ("kind", "rtpmap", "passes"),
    [
        ("video", "VP8/90000", True),
        ("video", "vp9/90000", True),
        ("video", "H264/90000", True),
        ("video", "H265/90000", True),
        ("video", "AV1/90000", True),
        ("video", "VP8/48000", False),
        ("video", "opus/48000/2", False),
        ("video", "MP4V-ES/90000", False),
        ("audio", "OPUS/48000/2", True),
        ("audio", "PCMU/8000", True),
        ("audio", "PCMA/8000/1", True),
        ("audio", "G722/8000", True),
        ("audio", "opus/48000", False),
        ("audio", "opus/48000/6", False),
        ("audio", "multiopus/48000/6", False),
        ("audio", "PCMU/16000", False),
        ("audio", "VP8/90000", False),
    ],
)
def test_codecs_that_are_passed_through(kind: str, rtpmap: str, passes: bool) -> None:
    lines = section(kind, f"a=rtpmap:99 {rtpmap}", mid=None)
    if passes:
        assert len(publish(lines, bundle=None)[0]) == 1
        return
    with pytest.raises(ServiceError) as caught:
        publish(lines, bundle=None)
    assert rtpmap.partition("/")[0].lower() in not_acceptable(caught).lower()


def test_a_section_without_a_known_codec_is_rejected_and_the_other_served() -> None:
    tracks, answer = publish(audio(), video("a=rtpmap:100 Theora/90000"))
    assert [track.kind for track in tracks] == ["audio"]
    parsed = read_answer(answer)
    assert [(media.port, media.rtp.muxId) for media in parsed.media] == [(7100, "0"), (0, "1")]
    assert parsed.group[0].items == ["0"]


def test_a_publisher_with_no_codec_at_all_is_told() -> None:
    with pytest.raises(ServiceError) as caught:
        publish(video("a=rtpmap:96 rtx/90000"), bundle="1")
    assert not_acceptable(caught) == "codec not supported: none offered"


def test_a_payload_type_that_means_two_codecs_is_refused() -> None:
    with pytest.raises(ServiceError) as caught:
        publish(audio("a=rtpmap:96 opus/48000/2"), video(*VP8))
    assert caught.value.code is ErrorCode.INVALID_SDP


def test_only_feedback_that_we_give_is_accepted_from_a_publisher() -> None:
    lines = [f"a=rtcp-fb:96 {kind}" for kind in ("nack", "nack pli", "ccm fir", "goog-remb", "transport-cc")]
    tracks, answer = publish(video(*VP8, "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96", *lines), bundle="1")
    assert tracks[0].codec.feedback == {"nack", "nack pli", "ccm fir", "goog-remb"}  # numbers: no extension
    assert [line for line in answer.splitlines() if "rtcp-fb" in line] == [
        "a=rtcp-fb:96 ccm fir",
        "a=rtcp-fb:96 goog-remb",
        "a=rtcp-fb:96 nack",
        "a=rtcp-fb:96 nack pli",
    ]


def red_sound(formats: str, direction: str) -> list[str]:
    first, *others = audio(*OPUS, "a=rtpmap:63 red/48000/2", "a=fmtp:63 111/111", direction=direction)
    return [first.rpartition(" 111")[0] + f" {formats}", *others]


@pytest.mark.parametrize("formats", ["111 63", "63 111"])
def test_redundant_sound_is_accepted_at_the_place_that_the_publisher_gives_it(formats: str) -> None:
    """A browser sends it only if it comes first."""
    (track,), answer = publish(red_sound(formats, "sendonly"), bundle="0")
    assert (track.codec.payload_type, track.codec.red) == (111, 63)
    assert f"RTP/SAVPF {formats}\r\n" in answer
    assert "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n" in answer
    assert track.at_rest().codec.red is None


def test_only_opus_comes_as_redundant_sound() -> None:
    lines = ("a=rtpmap:9 G722/8000", "a=rtpmap:63 red/8000", "a=fmtp:63 9/9")
    (track,), answer = publish(audio(*lines), bundle="0")
    assert (track.codec.name, track.codec.red) == ("G722", None)
    assert "red" not in answer


NUMBERS = f"a=extmap:5 {TRANSPORT_CC}"


@pytest.mark.parametrize(
    ("offered", "accepted"),
    [
        ((NUMBERS, "a=rtcp-fb:96 goog-remb", "a=rtcp-fb:96 transport-cc"), {"transport-cc"}),
        ((NUMBERS, "a=rtcp-fb:* transport-cc"), {"transport-cc"}),
        ((NUMBERS, "a=rtcp-fb:96 goog-remb"), {"goog-remb"}),
        (("a=rtcp-fb:96 goog-remb", "a=rtcp-fb:96 transport-cc"), {"goog-remb"}),
        (("a=rtcp-fb:96 transport-cc",), set()),
    ],
)
def test_a_publisher_is_told_its_bandwidth_in_one_way(offered: tuple[str, ...], accepted: set[str]) -> None:
    tracks, answer = publish(video(*VP8, *offered), bundle="1")
    assert tracks[0].codec.feedback == accepted
    numbers = {TRANSPORT_CC: 5} if accepted == {"transport-cc"} else {}
    assert tracks[0].extensions == numbers
    assert {ext.uri: ext.id for ext in read_answer(answer).media[0].rtp.headerExtensions} == numbers


def test_a_publisher_may_send_again_in_a_stream_of_its_own() -> None:
    sources = ("a=ssrc-group:FID 10 11", "a=ssrc:10 cname:x", "a=ssrc:11 cname:x")
    tracks, answer = publish(video(*VP8, *RTX, "a=rtcp-fb:96 nack", *sources), bundle="1")
    assert tracks[0].codec.rtx == 97
    assert tracks[0].sources == Sources(ssrcs=(10,), repairs={11: 10})
    (codec, rtx) = read_answer(answer).media[0].rtp.codecs
    assert (codec.name, codec.payloadType) == ("VP8", 96)
    assert (rtx.name, rtx.payloadType, rtx.clockRate, rtx.parameters) == ("rtx", 97, 90000, {"apt": 96})


def test_without_nack_there_is_no_rtx() -> None:
    tracks, answer = publish(video(*VP8, *RTX, "a=rtcp-fb:96 nack pli"), bundle="1")
    assert tracks[0].codec.rtx is None
    assert "rtx" not in answer


def test_a_payload_type_of_rtx_that_means_another_codec_is_refused() -> None:
    with pytest.raises(ServiceError) as caught:
        publish(audio("a=rtpmap:97 opus/48000/2"), video(*VP8, *RTX, "a=rtcp-fb:96 nack"))
    assert caught.value.code is ErrorCode.INVALID_SDP


def test_header_extensions_that_we_forward_or_read_are_accepted_from_a_publisher() -> None:
    lines = [f"a=extmap:{n} {uri}" for n, uri in ((3, MID_EXTENSION), (4, COLOR_SPACE), (5, TRANSPORT_CC))]
    tracks, answer = publish(video(*VP8, *lines), bundle="1")
    assert tracks[0].extensions == {MID_EXTENSION: 3, COLOR_SPACE: 4}
    accepted = {ext.uri: ext.id for ext in read_answer(answer).media[0].rtp.headerExtensions}
    assert accepted == tracks[0].extensions
    assert MID_EXTENSION not in FORWARDED_EXTENSIONS


def test_a_phone_turns_its_pictures_itself() -> None:
    tracks, answer = publish(video(*VP8, f"a=extmap:3 {ORIENTATION}"), bundle="1")
    assert not tracks[0].extensions
    assert ORIENTATION not in answer


def test_a_publisher_is_not_asked_for_capture_times_since_its_reports_tell_them() -> None:
    tracks, answer = publish(video(*VP8, f"a=extmap:3 {ABS_CAPTURE_TIME_EXTENSION}"), bundle="1")
    assert tracks[0].extensions == {}
    assert ABS_CAPTURE_TIME_EXTENSION not in answer


def test_parameters_of_a_publisher_come_back_but_not_those_of_its_stream_alone() -> None:
    _, answer = publish(
        audio(*OPUS, "a=fmtp:111 minptime=10;stereo=1;sprop-stereo=1;useinbandfec=1"),
        video(
            "a=rtpmap:96 H264/90000",
            "a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0LA,aM48;profile-level-id=42c00d",
        ),
    )
    assert "a=fmtp:111 minptime=10;stereo=1;useinbandfec=1\r\n" in answer
    assert "a=fmtp:96 packetization-mode=1;profile-level-id=42c00d\r\n" in answer


def test_a_publisher_that_would_only_receive_is_refused() -> None:
    with pytest.raises(ServiceError) as caught:
        publish(viewer(), bundle="1")
    assert caught.value.code is ErrorCode.INVALID_SDP
