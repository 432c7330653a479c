"""What an offer means, and every rule by which a readable offer is refused."""

import pytest

from shared.errors import ErrorCode, ServiceError
from shared.sdp.offer import Direction, Offer, check_play, check_publish, parse_offer
from shared.sdp.transport import Setup
from tests.support.sdp import DIGEST, OPUS, TRANSPORT, VP8, audio, offer, section, video

UFRAG, PWD, FINGERPRINT, SETUP = TRANSPORT
DATA_CHANNEL = [
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    "a=mid:data",
    *TRANSPORT,
    "a=sctp-port:5000",
]


def detail_of(text: str) -> str:
    with pytest.raises(ServiceError) as caught:
        parse_offer(text)
    assert caught.value.code is ErrorCode.INVALID_SDP
    return caught.value.detail or ""


def replaced(lines: list[str], old: str, new: str | None) -> list[str]:
    assert old in lines
    return [line if line != old else new for line in lines if line != old or new is not None]


def test_an_offer_is_read() -> None:
    parsed = parse_offer(
        offer(
            audio(*OPUS, "a=fmtp:111 minptime=10; UseInbandFEC=1;stereo", "a=rtcp-rsize"),
            video(*VP8, "a=rtcp-fb:96 nack  pli", "a=rtcp-fb:* ccm fir", "a=rtcp-fb:96 unheard-of"),
        )
    )
    assert (parsed.ice_ufrag, parsed.ice_pwd) == ("peer", "peerpasswordpeerpassword")
    assert parsed.fingerprints == (("sha-256", DIGEST),)
    assert parsed.setup is Setup.ACTPASS
    assert not parsed.extmap_allow_mixed
    sound, picture = parsed.sections
    assert (sound.mid, sound.kind, sound.direction, sound.bundled) == ("0", "audio", Direction.SENDONLY, True)
    assert (sound.rtcp_rsize, picture.rtcp_rsize) == (True, False)
    opus = sound.codecs[0]
    assert (opus.payload_type, opus.name, opus.clock_rate, opus.channels) == (111, "opus", 48000, 2)
    assert opus.parameters == {"minptime": "10", "useinbandfec": "1", "stereo": ""}
    assert opus.fmtp == "minptime=10;useinbandfec=1;stereo"
    assert picture.codecs[0].feedback == {"nack pli", "ccm fir"}


def test_header_extensions_have_the_first_id_that_is_theirs() -> None:
    lines = (
        "a=extmap:1 urn:a",
        "a=extmap:2 urn:b vad=on",
        "a=extmap:3 urn:a",
        "a=extmap:1 urn:c",
        "a=extmap:4/inactive urn:d",
        "a=extmap:0 urn:e",
        "a=extmap:14 urn:f",
        "a=extmap:15 urn:g",
        "a=extmap:16 urn:h",
        "a=extmap:256 urn:i",
        "a=extmap:x urn:j",
        "a=extmap",
    )
    one_byte = {"urn:a": 1, "urn:b": 2, "urn:f": 14}
    assert parse_offer(offer(video(*VP8, *lines), bundle="1")).sections[0].extensions == one_byte
    for mixed in (
        offer(video(*VP8, *lines), bundle="1", session=["a=extmap-allow-mixed"]),
        offer(video(*VP8, *lines, "a=extmap-allow-mixed"), bundle="1"),
    ):
        parsed = parse_offer(mixed)
        assert parsed.extmap_allow_mixed
        assert parsed.sections[0].extensions == {**one_byte, "urn:h": 16}


def test_a_header_extension_may_go_one_way() -> None:
    lines = (
        "a=extmap:1 urn:a",
        "a=extmap:2/sendrecv urn:b",
        "a=extmap:3/sendonly urn:c",
        "a=extmap:4/recvonly urn:d",
        "a=extmap:5/sideways urn:e",
    )
    section = parse_offer(offer(video(*VP8, *lines), bundle="1")).sections[0]
    assert section.sent_extensions == {"urn:a": 1, "urn:b": 2, "urn:c": 3}
    assert section.received_extensions == {"urn:a": 1, "urn:b": 2, "urn:d": 4}


def test_sections_inherit_from_the_session() -> None:
    bare = [section("audio", *OPUS, mid="0", transport=()), section("video", *VP8, mid="1", transport=())]
    without_direction = [[line for line in lines if line != "a=sendonly"] for lines in bare]
    parsed = parse_offer(offer(*without_direction, session=[*TRANSPORT, "a=recvonly"]))
    assert parsed.ice_ufrag == "peer"
    assert {section.direction for section in parsed.sections} == {Direction.RECVONLY}
    assert parse_offer(offer(*without_direction, session=TRANSPORT)).sections[0].direction == "sendrecv"


def test_a_bundle_only_section_takes_the_transport_of_the_first_one() -> None:
    second = ["m=video 0 UDP/TLS/RTP/SAVPF 96", "a=mid:1", "a=bundle-only", "a=sendonly", *VP8]
    parsed = parse_offer(offer([*audio(), "a=rtcp-rsize"], second))
    assert [section.rejected for section in parsed.sections] == [False, False]
    assert parsed.sections[1].rtcp_rsize


def test_port_0_is_a_refusal_unless_the_section_is_bundle_only() -> None:
    refused = section("video", *VP8, mid="1", port=0)
    assert [s.rejected for s in parse_offer(offer(audio(), refused)).sections] == [False, True]
    assert [s.kind for s in parse_offer(offer(audio(), refused)).live] == ["audio"]
    outside = [*refused, "a=bundle-only"]
    assert [s.rejected for s in parse_offer(offer(audio(), outside, bundle="0")).sections] == [False, True]


@pytest.mark.parametrize(
    "extra",
    [
        DATA_CHANNEL,
        ["m=text 9 UDP/TLS/RTP/SAVPF 98", "a=mid:t"],
        ["m=audio 9 UDP/BFCP 0", "a=mid:other"],
        ["m=video 0 UDP/TLS/RTP/SAVPF 96", "a=mid:second"],
    ],
)
def test_sections_that_are_not_served_are_tolerated(extra: list[str]) -> None:
    parsed = parse_offer(offer(audio(), video(), extra, bundle="0 1 data"))
    assert [section.rejected for section in parsed.sections] == [False, False, True]


@pytest.mark.parametrize("mid", [None, "0"])
def test_a_single_section_needs_no_bundle_and_no_mid(mid: str | None) -> None:
    parsed = parse_offer(offer(audio(mid=mid), bundle=None))
    assert parsed.sections[0].mid == (mid or "")
    assert not parsed.sections[0].bundled


@pytest.mark.parametrize(
    "protocol", ["UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "TCP/DTLS/RTP/SAVPF", "RTP/SAVPF", "RTP/AVP"]
)
def test_the_protocols_that_jsep_names_are_one(protocol: str) -> None:
    lines = [line.replace("UDP/TLS/RTP/SAVPF", protocol) for line in audio()]
    assert parse_offer(offer(lines, bundle="0")).live[0].protocol == protocol


def test_strong_fingerprints_are_kept_and_weak_ones_passed_over() -> None:
    sha512 = ":".join(["ff"] * 64)
    lines = replaced(audio(), FINGERPRINT, f"a=fingerprint:SHA-512 {sha512}")
    lines += [FINGERPRINT, "a=fingerprint:sha-1 " + ":".join(["00"] * 20), FINGERPRINT]
    assert parse_offer(offer(lines, bundle="0")).fingerprints == (
        ("sha-256", DIGEST),
        ("sha-512", sha512.upper()),
    )


@pytest.mark.parametrize(
    ("changed", "new", "detail"),
    [
        (UFRAG, None, "ICE credentials"),
        (UFRAG, "a=ice-ufrag:abc", "ICE credentials"),
        (UFRAG, "a=ice-ufrag:" + "x" * 257, "ICE credentials"),
        (UFRAG, "a=ice-ufrag:with space", "ICE credentials"),
        (PWD, None, "ICE credentials"),
        (PWD, "a=ice-pwd:" + "x" * 21, "ICE credentials"),
        (PWD, "a=ice-pwd:" + "x" * 257, "ICE credentials"),
        (PWD, "a=ice-pwd:" + "!" * 22, "ICE credentials"),
        (FINGERPRINT, None, "no SHA-2 fingerprint"),
        (FINGERPRINT, "a=fingerprint:sha-1 " + ":".join(["00"] * 20), "no SHA-2 fingerprint"),
        (FINGERPRINT, f"a=fingerprint:sha-512 {DIGEST}", "wrong length"),
        (FINGERPRINT, f"a=fingerprint:sha-256 {DIGEST}:00", "wrong length"),
        (FINGERPRINT, f"a=fingerprint:sha-256 {DIGEST[:-1]}", "malformed fingerprint"),
        (FINGERPRINT, f"a=fingerprint:sha-256 {DIGEST.replace('A', 'G')}", "malformed fingerprint"),
        (FINGERPRINT, "a=fingerprint", "malformed fingerprint"),
        (SETUP, None, "DTLS setup"),
        (SETUP, "a=setup:holdconn", "DTLS setup"),
        (SETUP, "a=setup:auto", "DTLS setup"),
        ("a=rtcp-mux", None, "rtcp-mux"),
        ("a=mid:0", "a=mid:", "mid"),
        ("a=mid:0", "a=mid:a b", "mid"),
        ("a=mid:0", "a=mid:" + "x" * 65, "mid"),
        ("a=sendonly", "a=sendonly\r\na=recvonly", "more than one direction"),
    ],
)
def test_what_a_peer_must_say_is_demanded(changed: str, new: str | None, detail: str) -> None:
    assert detail in detail_of(offer(replaced(audio(), changed, new), bundle="0"))


@pytest.mark.parametrize(
    ("sections", "bundle", "detail"),
    [
        ([], None, "no audio or video section"),
        ([DATA_CHANNEL], "data", "no audio or video section"),
        ([section("audio", *OPUS, mid="0", port=0)], "0", "no audio or video section"),
        ([audio(), video()], None, "BUNDLE"),
        ([audio(), video()], "0", "BUNDLE"),
        ([audio(), video(mid=None)], "0", "BUNDLE"),
        ([audio(), video(mid="0")], "0", "same mid"),
        ([video(), video(mid="2")], "1 2", "more than one video section"),
        ([audio(), audio(mid="2"), video()], "0 1 2", "more than one audio section"),
        ([audio(), replaced(video(), UFRAG, "a=ice-ufrag:other")], "0 1", "differ"),
        ([audio(), replaced(video(), PWD, "a=ice-pwd:" + "x" * 22)], "0 1", "differ"),
        ([audio(), replaced(video(), FINGERPRINT, FINGERPRINT.replace("0A", "0B"))], "0 1", "differ"),
        ([audio(), replaced(video(), SETUP, "a=setup:active")], "0 1", "differ"),
        ([section("audio", mid="0", formats="128")], "0", "payload type"),
        ([section("audio", mid="0", formats="opus")], "0", "payload type"),
    ],
)
def test_what_cannot_be_served_is_refused_for_either_role(
    sections: list[list[str]], bundle: str | None, detail: str
) -> None:
    assert detail in detail_of(offer(*sections, bundle=bundle))


def test_a_peer_that_would_wait_for_our_checks_is_refused() -> None:
    assert "ICE-lite" in detail_of(offer(audio(), bundle="0", session=["a=ice-lite"]))


@pytest.mark.parametrize(
    ("sound", "picture", "may_publish", "may_play"),
    [
        ("sendonly", "sendonly", True, False),
        ("sendrecv", "sendonly", True, False),
        ("sendrecv", "sendrecv", True, True),
        ("recvonly", "recvonly", False, True),
        ("recvonly", "sendrecv", False, True),
        ("sendonly", "recvonly", False, False),
        ("sendonly", "inactive", False, False),
        ("recvonly", "inactive", False, False),
        ("inactive", "inactive", False, False),
    ],
)
def test_each_role_has_its_directions(sound: str, picture: str, may_publish: bool, may_play: bool) -> None:
    parsed = parse_offer(offer(audio(direction=sound), video(direction=picture)))
    assert _passes(check_publish, parsed) is may_publish
    assert _passes(check_play, parsed) is may_play


def test_a_refused_section_has_no_direction_to_check() -> None:
    refused = section("video", *VP8, mid="1", port=0, direction="inactive")
    check_publish(parse_offer(offer(audio(), refused)))


def _passes(check: object, parsed: Offer) -> bool:
    try:
        check(parsed)  # type: ignore[operator]
    except ServiceError as error:
        return not (error.code is ErrorCode.INVALID_SDP and error.detail)
    return True
