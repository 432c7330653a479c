"""Offers to publish and to play, and the rooms that are played."""

import pytest

from media.negotiation.agreed_tracks import PlayedTrack, PublishedTrack, RoomTrack
from media.negotiation.negotiate import negotiate_play, negotiate_publish
from shared.errors import ErrorCode, ServiceError
from shared.sdp.codec import Codec
from shared.sdp.offer import parse_offer
from tests.support.sdp import LOCAL, offer, video

AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
COLOR_SPACE = "http://www.webrtc.org/experiments/rtp-hdrext/color-space"
ORIENTATION = "urn:3gpp:video-orientation"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
DATA_CHANNEL = ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=mid:data"]
RTX = ("a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96")


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
            extensions=[AUDIO_LEVEL, COLOR_SPACE],
            ssrc=1000 + index,
        )
        for index, track in enumerate(codecs)
    ]


def viewer(*attributes: str) -> list[str]:
    return video(*attributes, direction="recvonly")


def not_acceptable(error: pytest.ExceptionInfo[ServiceError]) -> str:
    assert error.value.code is ErrorCode.NOT_ACCEPTABLE
    return error.value.message or ""
