"""Mutated offers of real clients: a readable answer or one named error, and nothing else."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from media.negotiation.agreed_tracks import RoomTrack
from media.negotiation.negotiate import negotiate_play, negotiate_publish
from shared.errors import ErrorCode, ServiceError
from shared.sdp.codec import Codec
from shared.sdp.offer import parse_offer
from tests.support.mangled_offers import REAL, mangled_offers
from tests.support.sdp import LOCAL, error_of

ROOM = [
    RoomTrack(
        kind="video",
        codec=Codec(payload_type=96, name="H264", clock_rate=90000, parameters={"packetization-mode": "1"}),
        extensions=("urn:3gpp:video-orientation",),
        ssrc=1,
    ),
    RoomTrack(
        kind="audio",
        codec=Codec(payload_type=111, name="opus", clock_rate=48000, channels=2),
        extensions=("urn:ietf:params:rtp-hdrext:ssrc-audio-level",),
        ssrc=2,
    ),
]
REFUSALS = {None, ErrorCode.INVALID_SDP, ErrorCode.NOT_ACCEPTABLE}


@given(mangled_offers())
@settings(max_examples=1500, deadline=None)
def test_a_mangled_offer_is_answered_or_refused(text: str) -> None:
    try:
        offer = parse_offer(text)
    except ServiceError as error:
        assert (error.code, bool(error.detail)) == (ErrorCode.INVALID_SDP, True)  # noqa: PT017
        return
    for negotiate in (
        lambda: negotiate_publish(offer, LOCAL)[1],
        lambda: negotiate_play(offer, ROOM, LOCAL, "demo")[1],
    ):
        assert error_of(negotiate) in REFUSALS
        if error_of(negotiate) is None:
            check_answer(negotiate(), len(offer.sections))


def check_answer(answer: str, sections: int) -> None:
    """It has a section for each of the offer's, and no line that the offer smuggled in."""
    assert answer.isascii()
    assert re.fullmatch(r"(?:[a-z]=[\x20-\x7e]*\r\n)+", answer)
    assert answer.count("\r\nm=") == sections
    assert set(re.findall(r"(?m)^a=([^:\r]+)", answer)) <= {
        *("group", "ice-lite", "extmap-allow-mixed", "mid", "ice-ufrag", "ice-pwd", "fingerprint", "setup"),
        *(
            "recvonly",
            "sendonly",
            "inactive",
            "rtcp-mux",
            "rtcp-rsize",
            "rtcp-xr",
            "extmap",
            "rtpmap",
            "fmtp",
        ),
        *("rtcp-fb", "msid", "ssrc", "rid", "simulcast", "candidate", "end-of-candidates"),
    }


@given(st.text() | st.lists(st.sampled_from("\n".join(REAL).split("\n")), max_size=60).map("\n".join))
@settings(max_examples=500, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    assert error_of(lambda: parse_offer(text)) in (None, ErrorCode.INVALID_SDP)
    assert error_of(lambda: parse_offer("v=0\n" + text)) in (None, ErrorCode.INVALID_SDP)
