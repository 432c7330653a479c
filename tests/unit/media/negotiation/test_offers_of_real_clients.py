"""Every offer that a real client was seen to send gets the answer that it should.

That of OBS 32 with simulcast was not seen: it is the offer of OBS 30, with what the SDP writer of
libdatachannel, which OBS uses, makes of three layers.
"""

from dataclasses import replace
from typing import NamedTuple

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import MediaDescription, SessionDescription

from media.negotiation.agreed_tracks import PublishedTrack, RoomTrack
from media.negotiation.negotiate import negotiate_play, negotiate_publish
from media.rtp.extensions import PLAYOUT_DELAY_EXTENSION, RID_EXTENSION, TRANSPORT_CC_EXTENSION
from shared.errors import ErrorCode, ServiceError
from shared.sdp.codec import Codec
from shared.sdp.offer import check_play, check_publish, parse_offer
from tests.support import aiortc_client  # keeps aiortc to loopback
from tests.support.offers import REAL_OFFERS
from tests.support.sdp import LOCAL, codec, read_answer

OPUS_111 = ("audio", "0", "opus", 111)
BROWSER_FEEDBACK = {"ccm fir", "nack", "nack pli", "transport-cc"}
WITH_REMB = {"nack", "nack pli", "goog-remb"}
GST = {"ccm fir", "nack pli"}


class Wanted(NamedTuple):
    """What is agreed on; `feedback` is what its video may be told, `rtx` the payload type of its RTX."""

    tracks: list[tuple[str, str, str, int]]  # kind, mid, codec, payload type
    feedback: set[str]
    rtx: int | None = None
    our_dtls_role: str = "server"


def chromium(codec: str, payload_type: int) -> Wanted:
    return Wanted([OPUS_111, ("video", "1", codec, payload_type)], BROWSER_FEEDBACK, payload_type + 1)


FIREFOX_VP8 = Wanted([("audio", "0", "opus", 109), ("video", "1", "VP8", 120)], BROWSER_FEEDBACK, 124)
OPUS_H264 = [OPUS_111, ("video", "1", "H264", 106)]
OBS = Wanted([OPUS_111, ("video", "1", "H264", 96)], WITH_REMB)

PUBLISHERS = {
    "whip-aiortc-1-16": Wanted([("audio", "0", "opus", 96), ("video", "1", "H264", 99)], WITH_REMB, 100),
    "whip-chromium-156-AV1": chromium("AV1", 45),
    "whip-chromium-156-H264": chromium("H264", 102),
    "whip-chromium-156-VP8": chromium("VP8", 96),
    "whip-chromium-156-VP9": chromium("VP9", 98),
    "whip-chromium-eyevinn": chromium("VP8", 96),
    "whip-chromium-whip-whep": chromium("VP8", 96),
    "whip-ffmpeg-8-0": Wanted(OPUS_H264, set(), our_dtls_role="client"),
    "whip-ffmpeg-9-0-2": Wanted(OPUS_H264, {"nack"}, 105, our_dtls_role="client"),
    "whip-ffmpeg-9-0-2-active": Wanted(OPUS_H264, {"nack"}, 105),
    "whip-firefox-153-VP8": FIREFOX_VP8,
    "whip-firefox-153-simulcast": FIREFOX_VP8,
    "whip-gst-whipsink-H264": Wanted(
        [("video", "video0", "H264", 96), ("audio", "audio1", "opus", 111)], GST
    ),
    "whip-gst-whipsink-VP8": Wanted([("video", "video0", "VP8", 96), ("audio", "audio1", "opus", 111)], GST),
    "whip-obs-30-2-3": OBS,
    "whip-obs-32-simulcast": OBS,
    "whip-pyav-18-1": Wanted(OPUS_H264, {"nack"}, 105, our_dtls_role="client"),
    "whip-whip-client-h264-notrickle": Wanted(
        [("video", "video0", "H264", 96), ("audio", "audio1", "opus", 100)], GST
    ),
    "whip-whip-client-vp8": Wanted([("video", "video0", "VP8", 96), ("audio", "audio1", "opus", 100)], GST),
}

# viewer -> mids in their order, payload types by the publisher of the room; None is 406
BROWSER = {
    "whip-chromium-156-VP8": (111, 96),
    "whip-chromium-156-VP9": (111, 98),
    "whip-chromium-156-H264": (111, 102),
    "whip-chromium-156-AV1": (111, 45),
    "whip-obs-30-2-3": (111, 108),
    "whip-whip-client-h264-notrickle": (111, 108),
    "whip-ffmpeg-9-0-2": (111, 102),
}
FIREFOX = {
    "whip-chromium-156-VP8": (109, 120),
    "whip-chromium-156-VP9": (109, 121),
    "whip-chromium-156-H264": None,  # it has no plug-in for that
    "whip-chromium-156-AV1": (109, 99),
    "whip-obs-30-2-3": None,
    "whip-whip-client-h264-notrickle": None,
    "whip-ffmpeg-9-0-2": None,
}
GSTREAMER = {
    "whip-chromium-156-VP8": None,
    "whip-chromium-156-VP9": None,
    "whip-chromium-156-H264": (111, 96),
    "whip-chromium-156-AV1": None,
    "whip-obs-30-2-3": (111, 96),
    "whip-whip-client-h264-notrickle": (111, 96),
    "whip-ffmpeg-9-0-2": (111, 96),
}
AIORTC = {
    "whip-chromium-156-VP8": (96, 97),
    "whip-chromium-156-VP9": None,
    "whip-chromium-156-H264": (96, 99),
    "whip-chromium-156-AV1": None,
    "whip-obs-30-2-3": (96, 101),
    "whip-whip-client-h264-notrickle": (96, 101),
    "whip-ffmpeg-9-0-2": (96, 99),
}
VIEWERS = {
    "whep-aiortc-1-16": (["audio", "video"], ["0", "1"], AIORTC),
    "whep-chromium-156": (["audio", "video"], ["0", "1"], BROWSER),
    "whep-chromium-eyevinn": (["video", "audio"], ["0", "1"], BROWSER),
    "whep-chromium-mediamtx": (["video", "audio"], ["0", "1"], BROWSER),
    "whep-chromium-whip-whep": (["audio", "video"], ["0", "1"], BROWSER),
    "whep-firefox-153": (["audio", "video"], ["0", "1"], FIREFOX),
    "whep-gst-webrtcbin": (["video", "audio"], ["video0", "audio1"], GSTREAMER),
    "whep-gst-whepsrc": (["audio", "video"], ["audio0", "video1"], GSTREAMER),
}


def test_every_offer_has_a_case() -> None:
    assert REAL_OFFERS.keys() == PUBLISHERS.keys() | VIEWERS.keys()


def check_frame(parsed: SessionDescription, dtls_role: str) -> None:
    assert [group.items for group in parsed.group] == [[media.rtp.muxId for media in parsed.media]]
    for media in parsed.media:
        assert media.profile == "UDP/TLS/RTP/SAVPF"
        assert (media.host, media.port) == LOCAL.candidates[0]
        assert media.rtcp_mux
        assert media.ice.iceLite
        assert media.ice.usernameFragment == LOCAL.ice_ufrag
        assert media.dtls.role == dtls_role
        assert [(candidate.ip, candidate.port) for candidate in media.ice_candidates] == list(
            LOCAL.candidates
        )


def answered(media: MediaDescription) -> tuple[str, str, str, int]:
    codec, *again = media.rtp.codecs
    assert [(rtx.name, rtx.parameters) for rtx in again] in ([], [("rtx", {"apt": codec.payloadType})])
    return media.kind, media.rtp.muxId, codec.mimeType.partition("/")[2], codec.payloadType


@pytest.mark.parametrize("name", PUBLISHERS)
def test_a_publisher_is_answered(name: str) -> None:
    wanted = PUBLISHERS[name]
    offer = parse_offer(REAL_OFFERS[name])
    tracks, answer = negotiate_publish(offer, LOCAL)
    best = [track for track in tracks if not track.layer]
    assert [(t.kind, t.mid, t.codec.name, t.codec.payload_type) for t in best] == wanted.tracks
    # layers with names are found by these
    assert all(track.rid or len(track.sources.ssrcs) == 1 for track in tracks)
    parsed = read_answer(answer)
    check_frame(parsed, wanted.our_dtls_role)
    assert [answered(media) for media in parsed.media] == wanted.tracks
    assert {media.direction for media in parsed.media} == {"recvonly"}
    with pytest.raises(ServiceError) as caught:
        check_play(offer)
    assert caught.value.code is ErrorCode.INVALID_SDP
    assert offer.hangs_at_goodbye == ("ffmpeg" in name or "pyav" in name)


@pytest.mark.parametrize("name", PUBLISHERS)
def test_a_publisher_is_told_what_it_can_take(name: str) -> None:
    tracks, answer = negotiate_publish(parse_offer(REAL_OFFERS[name]), LOCAL)
    video = next(track for track in tracks if track.kind == "video")
    feedback = PUBLISHERS[name].feedback
    assert (video.codec.feedback, video.codec.rtx) == (feedback, PUBLISHERS[name].rtx)
    assert bool(video.sources.repairs) == (video.codec.rtx is not None)
    prefix = f"a=rtcp-fb:{video.codec.payload_type} "
    told = {line.removeprefix(prefix) for line in answer.splitlines() if line.startswith(prefix)}
    assert told == feedback
    assert (TRANSPORT_CC_EXTENSION in video.extensions) == ("transport-cc" in feedback)


def test_obs_sends_three_layers_best_first() -> None:
    tracks, answer = negotiate_publish(parse_offer(REAL_OFFERS["whip-obs-32-simulcast"]), LOCAL)
    assert [(track.kind, track.rid, track.layer) for track in tracks] == [
        ("audio", "", 0),
        ("video", "0", 0),
        ("video", "1", 1),
        ("video", "2", 2),
    ]
    assert "a=simulcast:recv 0;1;2\r\n" in answer


def test_firefox_sends_three_layers_with_extensions_that_go_one_way() -> None:
    tracks, answer = negotiate_publish(parse_offer(REAL_OFFERS["whip-firefox-153-simulcast"]), LOCAL)
    assert [(track.rid, track.layer) for track in tracks[1:]] == [("f", 0), ("h", 1), ("q", 2)]
    assert all(track.extensions[RID_EXTENSION] == 9 for track in tracks[1:])
    assert f"a=extmap:9/recvonly {RID_EXTENSION}\r\n" in answer
    assert "a=simulcast:recv f;h;q\r\n" in answer


def test_firefox_is_told_how_long_it_should_wait() -> None:
    tracks = [RoomTrack(kind="video", codec=codec("VP8"), extensions=(), ssrc=1, rtx_ssrc=2)]
    played, answer = negotiate_play(parse_offer(REAL_OFFERS["whep-firefox-153"]), tracks, LOCAL, "demo")
    assert played[0].extensions[PLAYOUT_DELAY_EXTENSION] == 6
    assert f"a=extmap:6/sendonly {PLAYOUT_DELAY_EXTENSION}\r\n" in answer


@pytest.mark.parametrize("publisher", BROWSER)
@pytest.mark.parametrize("name", VIEWERS)
def test_a_viewer_is_answered_as_its_codecs_allow(name: str, publisher: str) -> None:
    kinds, mids, payload_types = VIEWERS[name]
    published, _ = negotiate_publish(parse_offer(REAL_OFFERS[publisher]), LOCAL)
    offer = parse_offer(REAL_OFFERS[name])
    wanted = payload_types[publisher]
    if wanted is None:
        with pytest.raises(ServiceError) as caught:
            negotiate_play(offer, room(published), LOCAL, "demo")
        assert caught.value.code is ErrorCode.NOT_ACCEPTABLE
        assert next(t for t in published if t.kind == "video").codec.name in str(caught.value.message)
        return
    played, answer = negotiate_play(offer, room(published), LOCAL, "demo")
    by_kind = dict(zip(("audio", "video"), wanted, strict=True))
    assert [(track.mid, track.codec.payload_type) for track in played] == [
        (mid, by_kind[kind]) for mid, kind in zip(mids, kinds, strict=True)
    ]
    assert [published[track.track_index].kind for track in played] == kinds
    parsed = read_answer(answer)
    check_frame(parsed, "server")
    assert [answered(media) for media in parsed.media] == [
        (kind, mid, published[track.track_index].codec.name, track.codec.payload_type)
        for kind, mid, track in zip(kinds, mids, played, strict=True)
    ]
    assert {media.direction for media in parsed.media} == {"sendonly"}
    assert [media.ssrc[0].ssrc for media in parsed.media] == [1000 + track.track_index for track in played]
    with pytest.raises(ServiceError) as caught:
        check_publish(offer)
    assert caught.value.code is ErrorCode.INVALID_SDP


def test_a_room_with_g711_is_heard_by_who_can_hear_it() -> None:
    g711 = Codec(payload_type=0, name="PCMU", clock_rate=8000)
    tracks = [RoomTrack(kind="audio", codec=g711, extensions=(), ssrc=1)]
    played, answer = negotiate_play(parse_offer(REAL_OFFERS["whep-aiortc-1-16"]), tracks, LOCAL, "demo")
    assert [(track.mid, track.codec.payload_type) for track in played] == [("0", 0)]
    assert [media.direction for media in read_answer(answer).media] == ["sendonly", "inactive"]
    with pytest.raises(ServiceError) as caught:
        negotiate_play(parse_offer(REAL_OFFERS["whep-gst-whepsrc"]), tracks, LOCAL, "demo")
    assert caught.value.code is ErrorCode.NOT_ACCEPTABLE


@pytest.mark.parametrize("kind", ["audio", "video"])
async def test_aiortc_takes_an_answer_in_which_one_section_is_idle(kind: str) -> None:
    assert aiortc_client
    published, _ = negotiate_publish(parse_offer(REAL_OFFERS["whip-chromium-156-VP8"]), LOCAL)
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    for section in ("audio", "video"):
        peer.addTransceiver(section, "recvonly")
    await peer.setLocalDescription(await peer.createOffer())
    local = replace(LOCAL, candidates=(("127.0.0.1", 9),))
    tracks = [track for track in room(published) if track.kind == kind]
    _, answer = negotiate_play(parse_offer(peer.localDescription.sdp), tracks, local, "demo")
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    assert {(t.kind, t.currentDirection) for t in peer.getTransceivers()} == {
        (section, "recvonly" if section == kind else "inactive") for section in ("audio", "video")
    }
    await peer.close()


def room(published: tuple[PublishedTrack, ...]) -> list[RoomTrack]:
    return [
        RoomTrack(kind=track.kind, codec=track.codec, extensions=track.extensions, ssrc=1000 + index)
        for index, track in enumerate(published)
    ]
