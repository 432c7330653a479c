"""What reaches control over HTTP: offers, fragments, names, credentials, headers and bodies."""

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import jwt
from starlette.datastructures import Headers

from control.access.auth import Authenticator
from control.access.jwt_keys import KeysError, keys_of_set
from control.access.operators import Operator
from control.events.room_messages import parse_message
from control.http.caller import TrustedProxies
from control.http.room_settings import parse_note, parse_settings
from control.http.rulings import MOST_SECONDS, parse_block, parse_revocation
from control.routes.layers import parse_choice
from control.routes.viewing import parse_viewing
from media.negotiation.negotiate import negotiate_play, negotiate_publish
from shared.book.documents import STAMP_DIGITS, read_stamped
from shared.errors import ErrorCode, ServiceError
from shared.messages.encoding import DecodeError, pack, to_map
from shared.messages.room_settings import RoomSettings
from shared.messages.rulings import Block, Revocation
from shared.messages.signalling import Role
from shared.names import RoomName, parse_request_id, parse_room_name, worker_of_session
from shared.records.record_name import parse_record_name
from shared.records.signed_links import SignedLinks
from shared.room_settings.settings_book import read_settings
from shared.rulings.ruling_book import read_ruling
from shared.sdp.encoding import decode_fragment, decode_offer, encode
from shared.sdp.fragment import parse_fragment
from shared.sdp.offer import parse_offer
from shared.settings.settings import load_settings
from tests.fuzz.target import Take, Target, parser, stateless
from tests.support.offers import REAL_OFFERS
from tests.support.sdp import LOCAL, codec, error_of
from tests.support.signing_keys import key_set, signing_key
from tests.unit.media.negotiation.rooms import room

KEY = "k" * 64
NOW = 1_700_000_000.0
OFFER_SEEDS = [text.encode() for text in REAL_OFFERS.values()]
ROOM = room(codec("H264", packetization_mode="1"), codec("opus"))
ANSWER_ATTRIBUTES = {
    *("group", "ice-lite", "extmap-allow-mixed", "mid", "ice-ufrag", "ice-pwd", "fingerprint", "setup"),
    *("recvonly", "sendonly", "inactive", "rtcp-mux", "rtcp-rsize", "rtcp-xr", "extmap", "rtpmap", "fmtp"),
    *("rtcp-fb", "msid", "ssrc", "rid", "simulcast", "candidate", "end-of-candidates"),
}
FRAGMENTS = [
    b"a=ice-ufrag:abcd\r\na=ice-pwd:" + b"p" * 24 + b"\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
    b"a=candidate:1 1 UDP 2130706431 192.0.2.1 5000 typ host\r\na=end-of-candidates\r\n",
    b"a=ice-options:trickle ice2\r\n"
    b"a=group:BUNDLE 0 1\r\nm=video 9 RTP/AVP 0\r\na=mid:1\r\na=ice-ufrag:x\r\n",
]
TOKENS = [
    jwt.encode({"exp": NOW + 60, "room": "demo", "actions": ["publish"]}, KEY).encode(),
    jwt.encode({"exp": NOW + 60, "role": "admin", "nbf": 0, "iat": NOW}, KEY, "HS512").encode(),
    jwt.encode({"exp": "x", "room": None, "actions": "publish"}, KEY).encode(),
    b"\xff\xfe token",
    *(
        urlsafe_b64encode(header).rstrip(b"=") + b".e30.AAAA"
        for header in (
            *(b"[" * 5000, b"[]", b'{"alg": ["HS256"]}', b'{"alg": "HS256", "b64": false}'),
            b'{"alg": "HS256", "crit": ["exp"], "kid": 7}',
        )
    ),
]
KEY_SETS = [
    key_set(*(signing_key(kind) for kind in ("RS256", "ES256", "EdDSA"))),
    key_set(signing_key("ES512").jwk(use="sig", alg="ES512", key_ops=["verify"])),
]
NAMES = [
    b"demo",
    b"demo_video0_1710123456.ivf",
    b"w1.AAAAAAAAAAAAAAAAAAAAAA",
    b"../../etc/passwd",
    b"demo_1710123456.webm",
]
CHOICES = [
    b'{"rid": "h", "mediaId": "1"}',
    b'{"maxWidth": 1280, "maxHeight": 720.5, "mediaId": null}',
    b'{"encodingId": null, "picture": false}',
    b'{"rid": ["h"], "maxTemporalLayerId": true}',
    b'{"rid": "\\ud800"}',
    b'{"picture": null}',
    b'{"mediaId": 1}',
    *(b'{"maxWidth": %s}' % width for width in (b"Infinity", b"NaN", b"1e999", b"-1", b"true", b"[1]")),
    b"[" * 2000,
    b'{"rid": ' + b"9" * 4000 + b"}",
]
VIEWINGS = [
    b'{"seconds": 30.1, "firstPicture": 0.4, "stills": 1, "stillSeconds": 0.5, "lines": 720}',
    b'{"seconds": 30, "concealedSeconds": 0, "latency": null}',
    b'{"seconds": 1e2, "latency": 0.35, "stills": 1e0}',
    b'{"seconds": NaN, "lines": -0}',
    b'{"seconds": Infinity}',
    b'{"seconds": true, "firstPicture": [720], "stills": "1", "concealedSeconds": -1e400}',
]
MESSAGES = [
    b'{"type": "caption", "text": "\\u2028 \\ud800 \xc3\xa9"}',
    b'{"a": [1e999, -0.0]}',
    b'{"a": NaN}',
    b'{"a": ' * 700 + b"1" + b"}" * 700,
]
RULINGS = [
    b'{"block": 3600, "reason": "a copyright claim"}',
    b'{"jti": "123"}',
    b'{"subject": "\\u00e9ve"}',
    b'{"issued_before": 1764158400.5}',
    b"[" * 2000,
]
SETTINGS = [
    b'{"seats": 5, "title": "\\u00e9", "labels": {"a": "b"}, "until": 1800000000.5}',
    b'{"publishTokens": ["0123456789abcdef"], "playTokens": null}',
]
OF_ROOM = [b"0" * STAMP_DIGITS + pack(to_map(RoomSettings(room="demo", seats=5, labels={"a": "b"})))]
STAMPED = [b"0" * STAMP_DIGITS + pack(to_map(Block(room="demo", until=NOW, reason="why", by="admin token")))]
ADDRESSES = [b"192.0.2.1, 10.0.0.1", b"[2001:db8::1]:443", b"::ffff:10.0.0.1", b"unknown", b"10.0.0.1:80,,"]


def _text(data: bytes) -> str:
    """As the server decodes a path and a body."""
    return data.decode("utf-8", "replace")


def _offer(data: bytes) -> None:
    """It reaches a worker as it was parsed, and no line of it gets into an answer."""
    try:
        offer = parse_offer(_text(data))
    except ServiceError as error:
        if error.code is not ErrorCode.INVALID_SDP or not error.detail:
            raise
        return
    assert decode_offer(encode(offer)) == offer
    for negotiate in (
        lambda: negotiate_publish(offer, LOCAL)[1],
        lambda: negotiate_play(offer, ROOM, LOCAL, "demo")[1],
    ):
        try:
            answer = negotiate()
        except ServiceError as error:
            if error.code not in (ErrorCode.INVALID_SDP, ErrorCode.NOT_ACCEPTABLE):
                raise
            continue
        assert re.fullmatch(r"(?:[a-z]=[\x20-\x7e]*\r\n)+", answer)
        assert answer.count("\r\nm=") == len(offer.sections)
        assert set(re.findall(r"(?m)^a=([^:\r]+)", answer)) <= ANSWER_ATTRIBUTES


def _fragment(data: bytes) -> None:
    assert error_of(lambda: parse_fragment(_text(data))) in (None, ErrorCode.INVALID_FRAGMENT)


def _sent(data: bytes) -> None:
    for decode in (decode_offer, decode_fragment):
        with suppress(DecodeError):
            assert encode(decode(data))


def _choice(data: bytes) -> None:
    def parse() -> None:
        choice = parse_choice(data)
        assert choice.picture in (True, False)
        assert choice.rid is None or (0 < len(choice.rid) <= 64 and choice.rid.isascii())
        assert 0 <= choice.max_width <= 65_536
        assert 0 <= choice.max_height <= 65_536
        assert len(choice.section) <= 3
        assert choice.section.isdigit() or not choice.section

    assert error_of(parse) in (None, ErrorCode.INVALID_LAYER)


def _viewing(data: bytes) -> None:
    def parse() -> None:
        sums = parse_viewing(data).sums()
        assert all(0 <= each <= 120_000 for each in sums.values())

    assert error_of(parse) in (None, ErrorCode.INVALID_VIEWING)


def no_json(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def _message(data: bytes) -> None:
    def parse() -> None:
        text = parse_message(data)
        assert text.isascii()
        assert len(text.splitlines()) == 1
        assert isinstance(json.loads(text, parse_constant=no_json), dict)

    assert error_of(parse) in (None, ErrorCode.INVALID_MESSAGE)


def _ruling(data: bytes) -> None:
    def block() -> None:
        asked = parse_block(data)
        if asked is not None:
            seconds, reason = asked
            assert 0 < seconds <= MOST_SECONDS
            reason.encode()  # which may be empty

    def revoke() -> None:
        mark = parse_revocation(data, NOW)
        assert sum(part is not None for part in mark) == 1
        Revocation(jti=mark.jti, subject=mark.subject, issued_before=mark.issued_at, until=NOW).id.encode()

    for parse in (block, revoke):
        assert error_of(parse) in (None, ErrorCode.INVALID_RULING)


def _settings(data: bytes) -> None:
    def parse() -> None:
        settings = RoomSettings(room="demo", **parse_settings(data, NOW))
        assert read_settings("demo", pack(to_map(settings))) == settings
        assert len(pack(to_map(settings))) < 30_000

    for read in (parse, lambda: parse_note(data)):
        assert error_of(read) in (None, ErrorCode.INVALID_SETTINGS)


@contextmanager
def _names() -> Iterator[Take]:
    links = SignedLinks(KEY.encode(), 60)

    def take(data: bytes) -> None:
        text = _text(data)
        for parse in (parse_room_name, parse_record_name, worker_of_session, parse_request_id):
            found = parse(text)
            assert found is None or "/" not in text
        assert not links.admits(text, {"expires": text, "signature": text}, NOW)

    yield take


@contextmanager
def _tokens() -> Iterator[Take]:
    authenticator = Authenticator(load_settings(jwt_secret=KEY, auth_token="global", admin_token="admin"))

    def take(data: bytes) -> None:
        access = authenticator.access(data, NOW)
        for ask in (
            lambda: access.grant(RoomName("other"), Role.PLAY),
            lambda: access.check_operator(Operator.ADMIN),
        ):
            assert error_of(ask) is ErrorCode.UNAUTHORIZED or data in TOKENS[:2]

    yield take


@contextmanager
def _forwarded() -> Iterator[Take]:
    proxies = TrustedProxies(["10.0.0.0/8", "::1/128"])

    def take(data: bytes) -> None:
        text = data.decode("latin-1")
        headers = Headers({"x-forwarded-for": text, "x-forwarded-prefix": text, "x-request-id": text})
        for peer in ("10.0.0.1", "192.0.2.1", text):
            caller = proxies.caller(peer, headers)
            assert not set(caller.prefix + caller.request_id) & set("\r\n <>\"'")

    yield take


def _encoded() -> list[bytes]:
    sent = [parse_offer(text) for text in REAL_OFFERS.values()] + [parse_fragment(_text(FRAGMENTS[0]))]
    return [*map(encode, sent), b"\x81\xa1x" + b"\x91" * 20_000]


def targets() -> list[Target]:
    return [
        stateless("SDP offers", OFFER_SEEDS, _offer),
        stateless("SDP fragments of PATCH", FRAGMENTS, _fragment),
        stateless("choices of a layer", CHOICES, _choice),
        stateless("reports of viewers", VIEWINGS, _viewing),
        stateless("messages to viewers", MESSAGES, _message),
        stateless("blocks and revocations", RULINGS, _ruling),
        parser(
            "rulings in Redis",
            STAMPED,
            lambda data: read_stamped("block:demo", data, read_ruling),
            DecodeError,
        ),
        stateless("settings of a room", SETTINGS, _settings),
        parser(
            "settings in Redis",
            OF_ROOM,
            lambda data: read_stamped("demo", data, read_settings),
            DecodeError,
        ),
        stateless("offers on their way to a worker", _encoded(), _sent),
        Target("names of rooms, sessions, requests and recordings, signed links", NAMES, _names),
        Target("tokens", TOKENS, _tokens),
        parser("JWK sets", KEY_SETS, keys_of_set, KeysError),
        Target("headers of proxies", ADDRESSES, _forwarded),
    ]
