"""What control has parsed arrives at a worker as it was, and nothing else is taken for it."""

from dataclasses import fields, is_dataclass
from typing import Any

import msgpack
import pytest

from shared.messages.encoding import DecodeError
from shared.sdp.encoding import MAX_ENCODED, decode_fragment, decode_offer, encode
from shared.sdp.fragment import Fragment
from shared.sdp.offer import MediaSection, parse_offer
from tests.support.fat_offers import FAT, calls_of
from tests.support.offers import REAL_OFFERS
from tests.support.sdp import OPUS, VP8, audio, offer, video

# It has something in every field.
FULL = offer(
    audio(
        *OPUS,
        "a=rtpmap:112 rtx/48000",
        "a=fmtp:112 apt=111",
        "a=fmtp:111 minptime=10;stereo",
        "a=rtcp-fb:111 nack",
        "a=rtcp-rsize",
        "a=rtcp-xr:rcvr-rtt=all",
        "a=extmap:16/sendonly urn:a",
        "a=ssrc:1 x",
        "a=ssrc-group:FID 1 2",
        "a=ssrc-group:SIM 1 3",
        "a=rid:hi send",
        "a=simulcast:send hi",
    ),
    video(*VP8),
    ["m=application 0 UDP/DTLS/SCTP webrtc-datachannel"],
    session=["a=extmap-allow-mixed"],
)


@pytest.mark.parametrize("text", [*REAL_OFFERS.values(), *FAT.values(), FULL])
def test_an_offer_arrives_as_it_was_parsed(text: str) -> None:
    parsed = parse_offer(text)
    assert len(encode(parsed)) < MAX_ENCODED / 2
    assert decode_offer(encode(parsed)) == parsed


@pytest.mark.parametrize("text", FAT.values(), ids=FAT)
def test_a_worker_reads_the_fattest_offer_with_little_work(text: str) -> None:
    data = encode(parse_offer(text))
    assert calls_of(lambda: decode_offer(data)) < 10_000


@pytest.mark.parametrize("fragment", [Fragment(), Fragment(ice_ufrag="abcd", ice_pwd="p" * 22)])
def test_a_fragment_arrives_as_it_was_parsed(fragment: Fragment) -> None:
    assert decode_fragment(encode(fragment)) == fragment


def as_map() -> dict[str, Any]:
    decoded: dict[str, Any] = msgpack.unpackb(encode(parse_offer(FULL)), strict_map_key=False)
    return decoded


def changed(path: str, value: object) -> bytes:
    """`FULL`, encoded, but for what stands at the path, as in `sections.0.codecs`."""
    offer_map = as_map()
    at: Any = offer_map
    *way, last = (int(step) if step.isdecimal() else step for step in path.split("."))
    for step in way:
        at = at[step]
    assert at[last] != value
    at[last] = value
    return msgpack.packb(offer_map)  # type: ignore[no-any-return]


CODEC = as_map()["sections"][0]["codecs"][0]
REJECTED = {"mid": "r", "kind": "x", "protocol": "x", "first_format": "x", "rejected": True, "bundled": False}

OUT_OF_BOUNDS = {
    "ice_ufrag": ["abc", "x" * 257, "a b c d", "abcd\r\n", None, 7],
    "ice_pwd": ["x" * 21, "x" * 257, "é" * 22],
    "fingerprints": [[], [["sha-1", ":".join(["0A"] * 20)]], [["sha-256", "0A"]], [["sha-256", "x" * 95]]],
    "setup": ["auto"],
    "extmap_allow_mixed": ["yes", False],  # FULL has an extension that needs it
    "sections": [[], [REJECTED], [REJECTED | {"rejected": False}], [REJECTED | {"mid": ""}] * 17, {}, None],
    "sections.0.mid": ["1", "a b", "x" * 65, "a\r\n"],
    "sections.0.kind": ["video", "text", "", "a b", "x" * 33, "audio\r\na=x"],
    "sections.0.protocol": ["", "RTP AVP", "x/" * 8 + "x", "x" * 33],
    "sections.0.first_format": ["", "1 2", "x" * 33],
    "sections.0.rejected": [True, "no"],
    "sections.0.bundled": [False],
    "sections.0.direction": ["both"],
    "sections.0.codecs": [[CODEC, CODEC], [CODEC | {"payload_type": n} for n in (*range(64), 96)], [{}], {}],
    "sections.0.codecs.0.payload_type": [-1, 72, 128, 1 << 60, "111", 1.5, True],
    "sections.0.codecs.0.rtx": [-1, 72, 128],
    "sections.0.codecs.0.red": [-1, 72, 128],
    "sections.0.codecs.0.name": ["", "a b", "x" * 33, "opus\r\n", b"opus"],
    "sections.0.codecs.0.clock_rate": [-1, 10**9],
    "sections.0.codecs.0.channels": [-1, 1000],
    "sections.0.codecs.0.parameters": [
        *({"a": value} for value in ("\r\na=x", "é", "\x7f", "x" * 2048, 7)),
        {f"{n}": "" for n in range(33)},
        {"\n": ""},
    ],
    "sections.0.codecs.0.feedback": [["nack\r\n"], ["ack"], [1]],
    "sections.0.extensions": [
        {"urn:a": 1, "urn:b": 1},
        *({"urn:a": number} for number in (0, 15, 256, -1, "1")),
        *({uri: 1} for uri in ("", "a b", "x" * 257, "a\r\n")),
        {f"urn:{n}": n for n in range(16, 81)},
        {},  # one of them goes one way
    ],
    "sections.0.one_way": [
        {"urn:b": "sendonly"},
        *({"urn:a": way} for way in ("sendrecv", "inactive", "up")),
    ],
    "sections.0.sources.ssrcs": [[-1], [1 << 32], ["1"], list(range(129))],
    "sections.0.sources.repairs": [{-1: 1}, {1: 1 << 32}, {"1": 1}, {n: n for n in range(17)}],
    "sections.0.sources.layers": [[-1], [1 << 32], list(range(17))],
    "sections.0.sources.rids": [[""], ["a b"], ["x" * 17], [f"{n}" for n in range(17)]],
}


@pytest.mark.parametrize(
    ("path", "value"), [(path, value) for path, values in OUT_OF_BOUNDS.items() for value in values]
)
def test_an_offer_that_could_not_be_parsed_is_no_offer(path: str, value: object) -> None:
    with pytest.raises(DecodeError):
        decode_offer(changed(path, value))


def test_every_field_has_a_case_above() -> None:
    either = {"hangs_at_goodbye", "sections.0.rtcp_rsize", "sections.0.asks_round_trip"}  # true or false
    assert OUT_OF_BOUNDS.keys() | either >= set(_paths(parse_offer(FULL)))


def _paths(value: object, at: str = "") -> list[str]:
    if isinstance(value, tuple) and value and is_dataclass(value[0]):
        return [at, *_paths(value[0], f"{at}.0")]
    if not is_dataclass(value):
        return [at]
    start = f"{at}." if at else ""
    return [path for f in fields(value) for path in _paths(getattr(value, f.name), start + f.name)]


@pytest.mark.parametrize(
    "fragment", [{"ice_ufrag": "abc"}, {"ice_ufrag": 5}, {"ice_pwd": "x" * 21}, {"ice_pwd": "\n" * 22}, []]
)
def test_a_fragment_that_could_not_be_parsed_is_none(fragment: object) -> None:
    with pytest.raises(DecodeError):
        decode_fragment(msgpack.packb(fragment))


def test_two_versions_read_each_others_offers() -> None:
    newer = as_map() | {"new": {"deep": [1, {2: 3}]}}
    older = as_map()
    del older["sections"][1]["codecs"][0]["rtx"]
    assert decode_offer(msgpack.packb(newer)) == decode_offer(msgpack.packb(older)) == parse_offer(FULL)


def test_more_than_any_offer_is_not_looked_at() -> None:
    huge = msgpack.packb(as_map() | {"new": list(range(MAX_ENCODED))})
    with pytest.raises(DecodeError, match="larger than any offer"):
        decode_offer(huge)


def test_a_rejected_section_keeps_what_the_answer_needs() -> None:
    full = [line.replace("m=video 9", "m=video 0") for line in video("a=rtpmap:96 VP8/90000", "a=ssrc:1 x")]
    rejected = parse_offer(offer(audio(), full)).sections[1]
    assert rejected == MediaSection(
        mid="1", kind="video", protocol="UDP/TLS/RTP/SAVPF", first_format="96", rejected=True, bundled=True
    )
