"""What publisher and viewer agree on: codecs, numbers, directions, and the answer that says it."""

from dataclasses import replace

import pytest

from media.negotiation.agreed_tracks import PlayedTrack, PublishedTrack, RoomTrack
from media.negotiation.negotiate import negotiate_play, negotiate_publish
from media.rtp.extensions import FORWARDED_EXTENSIONS, MID_EXTENSION, PLAYOUT_DELAY_EXTENSION, RID_EXTENSION
from shared.errors import ErrorCode, ServiceError
from shared.sdp.codec import Codec
from shared.sdp.offer import parse_offer
from shared.sdp.sources import Sources
from tests.support.sdp import LOCAL, OPUS, VP8, audio, codec, offer, read_answer, section, video

AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
ORIENTATION = "urn:3gpp:video-orientation"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
DATA_CHANNEL = ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=mid:data"]


def publish(*sections: list[str], bundle: str | None = "0 1") -> tuple[tuple[PublishedTrack, ...], str]:
    return negotiate_publish(parse_offer(offer(*sections, bundle=bundle)), LOCAL)


def play(
    tracks: list[RoomTrack], *sections: list[str], bundle: str | None = "0 1"
) -> tuple[tuple[PlayedTrack, ...], str]:
    return negotiate_play(parse_offer(offer(*sections, bundle=bundle)), tracks, LOCAL, "demo")


def room(*codecs: Codec) -> list[RoomTrack]:
    return [
        RoomTrack(
            kind="audio" if track.name in ("opus", "PCMU") else "video",
            codec=track,
            extensions=[AUDIO_LEVEL, ORIENTATION],
            ssrc=1000 + index,
        )
        for index, track in enumerate(codecs)
    ]


def viewer(*attributes: str) -> list[str]:
    return video(*attributes, direction="recvonly")


def not_acceptable(error: pytest.ExceptionInfo[ServiceError]) -> str:
    assert error.value.code is ErrorCode.NOT_ACCEPTABLE
    return error.value.message or ""


# --- publishing


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


RTX = ("a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96")


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
    lines = [f"a=extmap:{n} {uri}" for n, uri in ((3, MID_EXTENSION), (4, ORIENTATION), (5, TRANSPORT_CC))]
    tracks, answer = publish(video(*VP8, *lines), bundle="1")
    assert tracks[0].extensions == {MID_EXTENSION: 3, ORIENTATION: 4}
    accepted = {ext.uri: ext.id for ext in read_answer(answer).media[0].rtp.headerExtensions}
    assert accepted == tracks[0].extensions
    assert MID_EXTENSION not in FORWARDED_EXTENSIONS


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


@pytest.mark.parametrize(
    ("simulcast", "best"),
    [
        ("send q;h;f", "f"),
        ("send q;h", "h"),
        ("send l;m;h", "h"),
        ("send low;mid;high", "high"),
        ("send 1;0", "0"),  # OBS
        ("send 10;9", "9"),
        ("recv x send ~one,other;two", "one"),
        ("send two;one", "two"),
    ],
)
def test_of_a_simulcast_offer_the_best_layer_is_taken(simulcast: str, best: str) -> None:
    names = simulcast.split("send ")[1].replace("~", "").replace(",", ";").split(";")
    layers = (*(f"a=rid:{name} send" for name in names), f"a=simulcast:{simulcast}")
    tracks, answer = publish(video(*VP8, *layers, f"a=extmap:9 {RID_EXTENSION}"), bundle="1")
    assert (tracks[0].rid, tracks[0].extensions) == (best, {RID_EXTENSION: 9})
    lines = answer.splitlines()
    assert [line for line in lines if "rid" in line] == [f"a=rid:{best} recv"]
    assert [line for line in lines if "simulcast" in line] == [f"a=simulcast:recv {best}"]


@pytest.mark.parametrize("simulcast", ["", "send", "recv h", "send x", "send ;", "send h-1;l_2"])
def test_of_malformed_simulcast_nothing_is_taken(simulcast: str) -> None:
    layers = ("a=rid:h recv", "a=rid:h-1 send", "a=rid:l_2 send", "a=rid", f"a=simulcast:{simulcast}")
    tracks, answer = publish(video(*VP8, *layers), bundle="1")
    assert tracks[0].rid == ""
    assert "rid" not in answer
    assert "simulcast" not in answer


def test_layers_without_names_are_known_from_the_poorest_on() -> None:
    groups = ("a=ssrc-group:SIM 1 2 3", *(f"a=ssrc:{ssrc} cname:x" for ssrc in (1, 2, 3)))
    tracks, answer = publish(video(*VP8, *groups), bundle="1")
    assert tracks[0].sources == Sources(ssrcs=(1, 2, 3), layers=(1, 2, 3))
    assert "SIM" not in answer


def test_a_publisher_that_would_only_receive_is_refused() -> None:
    with pytest.raises(ServiceError) as caught:
        publish(viewer(), bundle="1")
    assert caught.value.code is ErrorCode.INVALID_SDP


# --- the answer's frame


def test_the_answer_describes_our_transport_in_every_section() -> None:
    _, answer = publish([*audio(), "a=rtcp-rsize"], video(), DATA_CHANNEL, bundle="0 1 data")
    parsed = read_answer(answer)
    assert parsed.group[0].semantic == "BUNDLE"
    assert parsed.group[0].items == ["0", "1"]
    assert [(media.kind, media.port) for media in parsed.media] == [
        ("audio", 7100),
        ("video", 7100),
        ("application", 0),
    ]
    for media in parsed.media[:2]:
        assert media.host == "192.0.2.7"
        assert media.rtcp_mux
        assert media.ice.iceLite
        assert (media.ice.usernameFragment, media.ice.password) == (LOCAL.ice_ufrag, LOCAL.ice_pwd)
        assert [(print_.algorithm, print_.value) for print_ in media.dtls.fingerprints] == [
            ("sha-256", LOCAL.fingerprint)
        ]
        assert [(candidate.ip, candidate.port) for candidate in media.ice_candidates] == [
            ("192.0.2.7", 7100),
            ("2001:db8::7", 7100),
        ]
        assert media.ice_candidates[0].priority > media.ice_candidates[1].priority
        assert media.ice_candidates_complete
    assert answer.count("a=rtcp-rsize") == 1


@pytest.mark.parametrize(
    ("offered", "role"), [("actpass", "server"), ("active", "server"), ("passive", "client")]
)
def test_we_are_the_dtls_server_unless_the_peer_insists(offered: str, role: str) -> None:
    lines = [line.replace("a=setup:actpass", f"a=setup:{offered}") for line in audio()]
    assert read_answer(publish(lines, bundle="0")[1]).media[0].dtls.role == role


def test_a_single_section_without_bundle_or_mid_is_answered_alike() -> None:
    answer = publish(audio(mid=None), bundle=None)[1]
    assert "a=group" not in answer
    assert "a=mid" not in answer


def test_mixed_header_extensions_are_taken_where_offered() -> None:
    assert "extmap-allow-mixed" not in publish(audio(), bundle="0")[1]
    assert "a=extmap-allow-mixed\r\n" in publish([*audio(), "a=extmap-allow-mixed"], bundle="0")[1]


def test_an_ipv6_worker_says_so() -> None:
    local = type(LOCAL)(
        ice_ufrag="abcd", ice_pwd="p" * 22, fingerprint=LOCAL.fingerprint, candidates=(("2001:db8::7", 7100),)
    )
    _, answer = negotiate_publish(parse_offer(offer(audio(), bundle="0")), local)
    assert "c=IN IP6 2001:db8::7\r\n" in answer


# --- playing


def test_a_viewer_gets_the_rooms_tracks_in_its_own_numbers() -> None:
    played, answer = play(
        room(codec("VP8"), codec("opus")),
        audio("a=rtpmap:63 red/48000/2", *OPUS, f"a=extmap:7 {AUDIO_LEVEL}", direction="recvonly"),
        viewer("a=rtpmap:98 VP9/90000", "a=rtpmap:101 VP8/90000", "a=rtcp-fb:101 nack pli"),
    )
    assert [(track.codec.name, track.codec.payload_type) for track in played] == [("opus", 111), ("VP8", 101)]
    assert played == (
        PlayedTrack(
            track_index=1,
            mid="0",
            payload_type=111,
            codec=played[0].codec,
            extensions={AUDIO_LEVEL: 7},
            feedback=frozenset(),
        ),
        PlayedTrack(
            track_index=0,
            mid="1",
            payload_type=101,
            codec=played[1].codec,
            extensions={},
            feedback=frozenset({"nack pli"}),
        ),
    )
    parsed = read_answer(answer)
    assert [media.fmt for media in parsed.media] == [[111], [101]]
    assert [media.direction for media in parsed.media] == ["sendonly", "sendonly"]
    assert [media.msid for media in parsed.media] == ["demo audio", "demo video"]
    assert [[(source.ssrc, source.cname) for source in media.ssrc] for media in parsed.media] == [
        [(1001, "demo")],
        [(1000, "demo")],
    ]


def test_a_viewer_gets_only_extensions_that_the_track_has_and_that_travel() -> None:
    lines = [f"a=extmap:{n} {uri}" for n, uri in ((2, MID_EXTENSION), (9, ORIENTATION), (5, TRANSPORT_CC))]
    tracks = [RoomTrack(kind="video", codec=codec("VP8"), extensions=[MID_EXTENSION, ORIENTATION], ssrc=1)]
    assert play(tracks, viewer(*VP8, *lines), bundle="1")[0][0].extensions == {ORIENTATION: 9}
    tracks = [RoomTrack(kind="video", codec=codec("VP8"), extensions=[TRANSPORT_CC], ssrc=1)]
    assert play(tracks, viewer(*VP8, *lines), bundle="1")[0][0].extensions == {}


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
RTX = ("a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96")
MENDED = RoomTrack(kind="video", codec=codec("VP8"), extensions=(), ssrc=1000, rtx_ssrc=2000)


def test_what_a_viewer_loses_comes_again_in_a_stream_of_its_own() -> None:
    (track,), answer = play([MENDED], viewer(*VP8, *LOSSES, *RTX), bundle="1")
    assert track.feedback == {"nack", "nack pli", "ccm fir"}
    assert (track.payload_type, track.rtx) == (96, 97)
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
    assert played.rtx == rtx
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
