"""What is agreed on with a viewer: the room's tracks in its own numbers."""

from dataclasses import replace

import pytest

from media.negotiation.agreed_tracks import PlayedTrack, RoomTrack
from media.rtp.extensions import (
    ABS_CAPTURE_TIME_EXTENSION,
    ABS_SEND_TIME_EXTENSION,
    MID_EXTENSION,
    PLAYOUT_DELAY_EXTENSION,
    TRANSPORT_CC_EXTENSION,
)
from shared.errors import ErrorCode, ServiceError
from tests.support.sdp import OPUS, VP8, audio, codec, read_answer, video
from tests.unit.media.negotiation.rooms import (
    AUDIO_LEVEL,
    COLOR_SPACE,
    DATA_CHANNEL,
    RTX,
    TRANSPORT_CC,
    not_acceptable,
    play,
    room,
    viewer,
)


def test_a_viewer_gets_the_rooms_tracks_in_its_own_numbers() -> None:
    played, answer = play(
        room(codec("VP8"), codec("opus")),
        audio("a=rtpmap:63 red/48000/2", *OPUS, f"a=extmap:7 {AUDIO_LEVEL}", direction="recvonly"),
        viewer("a=rtpmap:98 VP9/90000", "a=rtpmap:101 VP8/90000", "a=rtcp-fb:101 nack pli"),
    )
    assert [(track.codec.name, track.codec.payload_type) for track in played] == [("opus", 111), ("VP8", 101)]
    assert played == (
        PlayedTrack(track_index=1, mid="0", codec=played[0].codec, extensions={AUDIO_LEVEL: 7}),
        PlayedTrack(track_index=0, mid="1", codec=played[1].codec, extensions={}),
    )
    assert [track.codec.feedback for track in played] == [frozenset(), {"nack pli"}]
    parsed = read_answer(answer)
    assert [media.fmt for media in parsed.media] == [[111], [101]]
    assert [media.direction for media in parsed.media] == ["sendonly", "sendonly"]
    assert [media.msid for media in parsed.media] == ["demo audio", "demo video"]
    assert [[(source.ssrc, source.cname) for source in media.ssrc] for media in parsed.media] == [
        [(1001, "demo")],
        [(1000, "demo")],
    ]


def test_a_viewer_gets_only_extensions_that_the_track_has_and_that_travel() -> None:
    lines = [f"a=extmap:{n} {uri}" for n, uri in ((2, MID_EXTENSION), (9, COLOR_SPACE), (5, TRANSPORT_CC))]
    tracks = [RoomTrack(kind="video", codec=codec("VP8"), extensions=[MID_EXTENSION, COLOR_SPACE], ssrc=1)]
    assert play(tracks, viewer(*VP8, *lines), bundle="1")[0][0].extensions == {COLOR_SPACE: 9}
    tracks = [RoomTrack(kind="video", codec=codec("VP8"), extensions=[TRANSPORT_CC], ssrc=1)]
    assert play(tracks, viewer(*VP8, *lines), bundle="1")[0][0].extensions == {}


def test_a_viewer_that_offers_it_gets_capture_times_whatever_the_publisher_sends() -> None:
    offered = viewer(*VP8, f"a=extmap:4 {ABS_CAPTURE_TIME_EXTENSION}")
    played, _ = play(room(codec("VP8")), offered, bundle="1")
    assert played[0].extensions == {ABS_CAPTURE_TIME_EXTENSION: 4}


def test_a_viewer_that_tells_its_clock_is_told_that_it_is_answered() -> None:
    line = "a=rtcp-xr:rcvr-rtt=all\r\n"
    assert line in play(room(codec("VP8")), viewer(*VP8, line.strip()), bundle="1")[1]
    assert line not in play(room(codec("VP8")), viewer(*VP8), bundle="1")[1]


def test_a_viewer_that_could_send_is_only_sent_to() -> None:
    _, answer = play(room(codec("VP8")), video(direction="sendrecv"), bundle="1")
    assert read_answer(answer).media[0].direction == "sendonly"


def test_a_section_without_a_track_stays_idle_and_a_track_without_a_section_unsent() -> None:
    played, answer = play(room(codec("VP8")), audio(direction="recvonly"), viewer())
    assert [track.mid for track in played] == ["1"]
    parsed = read_answer(answer)
    assert [media.direction for media in parsed.media] == ["inactive", "sendonly"]
    assert parsed.group[0].items == ["0", "1"]
    assert not parsed.media[0].ssrc

    played, _ = play(room(codec("VP8"), codec("opus")), viewer(), bundle="1")
    assert [track.track_index for track in played] == [0]


def test_an_idle_section_without_a_known_codec_is_rejected() -> None:
    unknown = audio("a=rtpmap:100 L16/48000", direction="recvonly")
    _, answer = play(room(codec("VP8")), unknown, viewer(), DATA_CHANNEL, bundle="0 1 data")
    parsed = read_answer(answer)
    assert [media.port for media in parsed.media] == [0, 7100, 0]
    assert parsed.group[0].items == ["1"]


def test_a_viewer_that_nothing_can_be_sent_to_is_told() -> None:
    with pytest.raises(ServiceError) as caught:
        play(room(codec("VP8")), audio(direction="recvonly"), bundle="0")
    assert not_acceptable(caught)


def test_a_viewer_that_would_only_send_is_refused() -> None:
    with pytest.raises(ServiceError) as caught:
        play(room(codec("VP8")), video(), bundle="1")
    assert caught.value.code is ErrorCode.INVALID_SDP


def test_a_viewer_without_the_rooms_codec_is_told_which() -> None:
    tracks = room(codec("H264", packetization_mode="1"), codec("opus"))
    with pytest.raises(ServiceError) as caught:
        play(tracks, audio(direction="recvonly"), viewer())
    assert not_acceptable(caught) == "codec not supported by viewer: H264 packetization-mode=1"


LOSSES = ("a=rtcp-fb:96 nack", "a=rtcp-fb:96 nack pli", "a=rtcp-fb:96 ccm fir")
MENDED = RoomTrack(kind="video", codec=codec("VP8"), extensions=(), ssrc=1000, rtx_ssrc=2000)


def test_what_a_viewer_loses_comes_again_in_a_stream_of_its_own() -> None:
    (track,), answer = play([MENDED], viewer(*VP8, *LOSSES, *RTX), bundle="1")
    assert track.codec.feedback == {"nack", "nack pli", "ccm fir"}
    assert (track.codec.payload_type, track.codec.rtx) == (96, 97)
    (media,) = read_answer(answer).media
    assert media.fmt == [96, 97]
    rtx = next(each for each in media.rtp.codecs if each.name == "rtx")
    assert (rtx.payloadType, rtx.clockRate, rtx.parameters) == (97, 90_000, {"apt": 96})
    assert [(group.semantic, group.items) for group in media.ssrc_group] == [("FID", [1000, 2000])]
    assert [(source.ssrc, source.cname) for source in media.ssrc] == [(1000, "demo"), (2000, "demo")]


@pytest.mark.parametrize(
    ("track", "lines", "rtx"),
    [
        (MENDED, [*LOSSES, *RTX], 97),
        (MENDED, LOSSES, None),
        (MENDED, [*LOSSES[1:], *RTX], None),  # it will not ask
        (MENDED, [*LOSSES, RTX[0], "a=fmtp:97 apt=98"], None),
        (replace(MENDED, rtx_ssrc=None), [*LOSSES, *RTX], None),
    ],
)
def test_it_takes_both_sides_for_that(track: RoomTrack, lines: list[str], rtx: int | None) -> None:
    (played,), answer = play([track], viewer(*VP8, *lines), bundle="1")
    assert played.codec.rtx == rtx
    assert ("rtx" in answer) == ("FID" in answer) == (rtx is not None)


@pytest.mark.parametrize("rtx", [True, False])
def test_a_viewer_that_may_lose_is_told_how_long_to_wait_whatever_the_publisher_knows(rtx: bool) -> None:
    lines = [*LOSSES, *(RTX if rtx else ()), f"a=extmap:5 {PLAYOUT_DELAY_EXTENSION}"]
    (played,), answer = play([MENDED], viewer(*VP8, *lines), bundle="1")
    assert played.extensions == ({PLAYOUT_DELAY_EXTENSION: 5} if rtx else {})
    assert (PLAYOUT_DELAY_EXTENSION in answer) == rtx


def test_nothing_is_mended_in_an_idle_section() -> None:
    _, answer = play(room(codec("opus")), audio(direction="recvonly"), viewer(*VP8, *LOSSES, *RTX))
    assert "rtx" not in answer
    assert "nack" not in answer


def test_a_viewers_own_parameters_come_back() -> None:
    h264 = ("a=rtpmap:102 H264/90000", "a=fmtp:102 level-asymmetry-allowed=1;profile-level-id=42001f")
    _, answer = play(room(codec("H264", profile_level_id="640028")), viewer(*h264), bundle="1")
    assert f"{h264[1]}\r\n" in answer


@pytest.mark.parametrize("lacks", [None, "retransmissions", "requests", "the feedback", "the extension"])
@pytest.mark.parametrize(
    ("feedback", "extension"),
    [
        ("goog-remb", ABS_SEND_TIME_EXTENSION),  # it estimates its line by when packets were sent
        ("transport-cc", TRANSPORT_CC_EXTENSION),  # it tells when numbered ones came
    ],
)
def test_a_viewer_that_knows_its_line_is_told_what_it_needs_for_that(
    feedback: str, extension: str, lacks: str | None
) -> None:
    """Otherwise a retransmission must equal the original, with its time, and padding has no place."""
    parts = {
        "retransmissions": RTX,
        "requests": LOSSES[:1],
        "the feedback": (f"a=rtcp-fb:96 {feedback}",),
        "the extension": (f"a=extmap:5 {extension}",),
    }
    lines = [line for name, offered in parts.items() if name != lacks for line in offered]
    (played,), answer = play([MENDED], viewer(*VP8, *LOSSES[1:], *lines), bundle="1")
    assert played.extensions == ({extension: 5} if lacks is None else {})
    assert (feedback in played.codec.feedback) == (feedback in answer) == (lacks is None)
    assert (extension in answer) == (lacks is None)


def test_a_viewer_does_not_estimate_by_sound() -> None:
    lines = (*OPUS, "a=rtcp-fb:111 goog-remb", f"a=extmap:3 {ABS_SEND_TIME_EXTENSION}")
    (played,), answer = play(room(codec("opus")), audio(*lines, direction="recvonly"), bundle="0")
    assert (played.extensions, played.codec.feedback) == ({}, frozenset())
    assert "goog-remb" not in answer


@pytest.mark.parametrize(
    ("lines", "red"),
    [
        (["a=rtpmap:63 red/48000/2", "a=fmtp:63 111/111", "a=rtcp-fb:111 nack"], 63),
        (["a=rtpmap:63 red/48000/2"], None),
        ([], None),
    ],
)
def test_a_viewer_gets_redundant_sound_if_it_reads_it(lines: list[str], red: int | None) -> None:
    """Beside the sound as it is: either may come at any time."""
    (track,), answer = play(room(codec("opus")), audio(*OPUS, *lines, direction="recvonly"), bundle="0")
    assert track.codec.red == red
    assert (track.codec.payload_type, "nack" in track.codec.feedback) == (111, "a=rtcp-fb:111 nack" in lines)
    (media,) = read_answer(answer).media
    assert media.fmt == ([111] if red is None else [111, 63])
    assert ("a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n" in answer) == (red is not None)
