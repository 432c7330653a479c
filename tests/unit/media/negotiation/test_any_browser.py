"""Offers of browsers that no test here runs, in any order of their codecs and extensions.

What Safari, and Chromium on Android, iOS and Windows, offer is put together from what is published of them:
their codecs with their parameters, extensions, mDNS candidates, and the wish for Cryptex (RFC 9335).
"""

from dataclasses import dataclass, replace

from hypothesis import given
from hypothesis import strategies as st

from media.negotiation.agreed_tracks import RoomTrack
from media.negotiation.negotiate import negotiate_play, negotiate_publish
from media.rtp.extensions import ABS_SEND_TIME_EXTENSION, PLAYOUT_DELAY_EXTENSION, TRANSPORT_CC_EXTENSION
from shared.sdp.codec import Codec
from shared.sdp.offer import parse_offer
from tests.support.sdp import LOCAL, TRANSPORT, offer, section

_H264 = "level-asymmetry-allowed=1;packetization-mode={mode};profile-level-id={profile}"
_H265 = "level-id={level};profile-id={profile};tier-flag=0;tx-mode=SRST"
_H264_PROFILES = ("42001f", "42e01f", "42e034", "4d001f", "64001f", "640c1f", "640c34")
VIDEO = (
    ("VP8", ""),
    ("VP9", "profile-id=0"),
    ("VP9", "profile-id=2"),
    ("AV1", "level-idx=5;profile=0;tier=0"),
    *(("H264", _H264.format(mode=mode, profile=each)) for each in _H264_PROFILES for mode in (0, 1)),
    *(("H265", _H265.format(level=level, profile=each)) for level in (93, 156, 180, 186) for each in (1, 2)),
)
EXTENSIONS = (
    "urn:ietf:params:rtp-hdrext:toffset",
    ABS_SEND_TIME_EXTENSION,
    "urn:3gpp:video-orientation",
    TRANSPORT_CC_EXTENSION,
    PLAYOUT_DELAY_EXTENSION,
    "http://www.webrtc.org/experiments/rtp-hdrext/video-content-type",
    "http://www.webrtc.org/experiments/rtp-hdrext/video-timing",
    "http://www.webrtc.org/experiments/rtp-hdrext/color-space",
    "urn:ietf:params:rtp-hdrext:sdes:mid",
    "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
)
FEEDBACK = ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli")
MDNS = "a=candidate:1 1 udp 2113937151 5f9c5a5c-7d2b-4b0c-9d1e-0a1b2c3d4e5f.local 51234 typ host"
_TYPES = [*range(35, 64), *range(96, 128)]  # payload types, as browsers give them out


@dataclass(frozen=True)
class Browser:
    """The video section of one: its codecs, most preferred first, and whether each has RTX."""

    codecs: tuple[tuple[str, str], ...]
    types: tuple[int, ...]
    extensions: tuple[str, ...]
    has_rtx: bool
    wants_cryptex: bool

    def offer(self, direction: str) -> str:
        lines = [MDNS, "a=rtcp-rsize", "a=extmap-allow-mixed"]
        lines += [f"a=extmap:{n} {uri}" for n, uri in enumerate(self.extensions, 1)]
        if self.wants_cryptex:
            lines.append("a=cryptex")
        numbers = iter(self.types)
        for name, fmtp in self.codecs:
            number = next(numbers)
            lines.append(f"a=rtpmap:{number} {name}/90000")
            lines += [f"a=rtcp-fb:{number} {kind}" for kind in FEEDBACK]
            lines += [f"a=fmtp:{number} {fmtp}"] if fmtp else []
            if self.has_rtx:
                rtx = next(numbers)
                lines += [f"a=rtpmap:{rtx} rtx/90000", f"a=fmtp:{rtx} apt={number}"]
        picture = section("video", *lines, mid="0", direction=direction, transport=TRANSPORT)
        return offer(picture, bundle="0")


@st.composite
def browsers(draw: st.DrawFn) -> Browser:
    codecs = draw(st.lists(st.sampled_from(VIDEO), min_size=1, max_size=12, unique=True))
    return Browser(
        codecs=tuple(codecs),
        types=tuple(draw(st.permutations(_TYPES))),
        extensions=tuple(draw(st.permutations(EXTENSIONS))),
        has_rtx=draw(st.booleans()),
        wants_cryptex=draw(st.booleans()),
    )


@given(browsers(), st.data())
def test_a_viewer_gets_the_codec_that_is_published_whatever_its_order(
    browser: Browser, data: st.DataObject
) -> None:
    offered = parse_offer(browser.offer("recvonly"))
    published: Codec = data.draw(st.sampled_from(offered.sections[0].codecs))
    track = RoomTrack(
        kind="video",
        codec=replace(published, payload_type=100, rtx=None),
        extensions=EXTENSIONS,
        ssrc=1,
        rtx_ssrc=2,
    )
    [played], answer = negotiate_play(offered, [track], LOCAL, "demo")
    assert played.codec.name == published.name
    for parameter in ("profile-id", "packetization-mode", "profile"):
        if not (published.name == "H264" and parameter == "packetization-mode"):  # mode 1 reads mode 0
            assert played.codec.parameters.get(parameter) == published.parameters.get(parameter)
    assert (played.codec.rtx is not None) is browser.has_rtx
    assert (TRANSPORT_CC_EXTENSION in played.extensions) is browser.has_rtx
    ids = {uri: n for n, uri in enumerate(browser.extensions, 1)}
    assert all(ids[uri] == n for uri, n in played.extensions.items())
    assert "cryptex" not in answer  # RFC 9335 4: then neither side uses it


@given(browsers())
def test_a_publisher_is_asked_for_the_codec_that_it_prefers(browser: Browser) -> None:
    [track, *_], answer = negotiate_publish(parse_offer(browser.offer("sendonly")), LOCAL)
    assert (track.codec.name, track.codec.payload_type) == (browser.codecs[0][0], browser.types[0])
    assert track.codec.rtx == (browser.types[1] if browser.has_rtx else None)
    assert "cryptex" not in answer
    assert ".local" not in answer
