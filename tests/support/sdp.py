"""Offers written for one case, and answers read by a parser that is not ours."""

from collections.abc import Callable, Sequence

from aiortc.sdp import SessionDescription

from media.negotiation.answer import LocalTransport
from shared.errors import ErrorCode, ServiceError
from shared.sdp.codec import Codec
from shared.sdp.encoding import encode
from shared.sdp.fragment import parse_fragment
from shared.sdp.offer import parse_offer

DIGEST = ":".join(["0A"] * 32)
LOCAL = LocalTransport(
    ice_ufrag="localfrag",
    ice_pwd="localpasswordlocalpassword",
    fingerprint=":".join(["AB"] * 32),
    candidates=(("192.0.2.7", 7100), ("2001:db8::7", 7100)),
)
TRANSPORT = (
    "a=ice-ufrag:peer",
    "a=ice-pwd:peerpasswordpeerpassword",
    f"a=fingerprint:sha-256 {DIGEST}",
    "a=setup:actpass",
)
SESSION = ("v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0")
OPUS = ("a=rtpmap:111 opus/48000/2",)
VP8 = ("a=rtpmap:96 VP8/90000",)


def section(
    kind: str,
    *attributes: str,
    mid: str | None,
    direction: str = "sendonly",
    port: int = 9,
    formats: str | None = None,
    transport: Sequence[str] = TRANSPORT,
) -> list[str]:
    """A media section that can be served, with the codecs that `attributes` give it."""
    if formats is None:
        formats = " ".join(
            line.partition(":")[2].split()[0] for line in attributes if line.startswith("a=rtpmap:")
        )
    return [
        f"m={kind} {port} UDP/TLS/RTP/SAVPF {formats}",
        "c=IN IP4 0.0.0.0",
        *([] if mid is None else [f"a=mid:{mid}"]),
        *transport,
        f"a={direction}",
        "a=rtcp-mux",
        *attributes,
    ]


def audio(*attributes: str, mid: str | None = "0", direction: str = "sendonly") -> list[str]:
    return section("audio", *(attributes or OPUS), mid=mid, direction=direction)


def video(*attributes: str, mid: str | None = "1", direction: str = "sendonly") -> list[str]:
    return section("video", *(attributes or VP8), mid=mid, direction=direction)


def offer(*sections: Sequence[str], bundle: str | None = "0 1", session: Sequence[str] = ()) -> str:
    group = [] if bundle is None else [f"a=group:BUNDLE {bundle}"]
    lines = [*SESSION, *group, *session, *(line for lines in sections for line in lines)]
    return "".join(f"{line}\r\n" for line in lines)


def sent_offer(text: str) -> bytes:
    """An offer as control sends it to a worker."""
    return encode(parse_offer(text))


def sent_fragment(text: str) -> bytes:
    return encode(parse_fragment(text))


def codec(name: str, **parameters: str) -> Codec:
    """A codec of a room; `packetization_mode="1"` is `packetization-mode=1`."""
    clock_rate, channels = {"opus": (48000, 2), "PCMU": (8000, 1)}.get(name, (90000, 1))
    return Codec(
        payload_type=120,
        name=name,
        clock_rate=clock_rate,
        channels=channels,
        parameters={key.replace("_", "-"): value for key, value in parameters.items()},
    )


def read_answer(text: str) -> SessionDescription:
    assert text.endswith("\r\n")
    return SessionDescription.parse(text)


def candidates_of(answer: str, protocol: str = "udp") -> list[tuple[str, int]]:
    """IP and port of its candidates over `protocol`, in their order. They are the same in each section."""
    sections = [
        [(one.ip, one.port) for one in media.ice_candidates if one.protocol == protocol]
        for media in read_answer(answer).media
    ]
    assert sections == sections[:1] * len(sections)
    return sections[0]


def error_of(call: Callable[[], object]) -> ErrorCode | None:
    """The code of the `ServiceError` that `call` ends with; any other exception passes."""
    try:
        call()
    except ServiceError as error:
        return error.code
    return None
