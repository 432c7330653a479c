"""The text of an SDP answer: ICE-lite, one bundled transport, one codec in each section."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from media.negotiation.agreed_tracks import RoomTrack
from shared.sdp.codec import Codec
from shared.sdp.lines import host_candidates
from shared.sdp.offer import Direction, MediaSection, Offer
from shared.sdp.transport import Setup


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalTransport:
    """Our end of a session's ICE and DTLS."""

    ice_ufrag: str
    ice_pwd: str
    fingerprint: str  # SHA-256 of our certificate: "AB:CD:..."
    candidates: tuple[tuple[str, int], ...]  # at least one; first the one that most clients can reach
    tcp_port: int | None = None  # at which they are reached over TCP, too


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The contents of an accepted section of the answer."""

    direction: Direction
    codec: Codec  # with the accepted feedback, and the offer's payload types of RTX and RED if accepted
    fmtp: str
    extensions: Mapping[str, int]
    source: tuple[str, ...] = ()  # the lines that describe what we send there
    rids: tuple[str, ...] = ()  # the simulcast layers that may come (RFC 8853), in the order of the offer


def answer_setup(offer: Offer) -> Setup:
    """Our DTLS role (RFC 8842 5.3): client only if the peer refuses to be it."""
    return Setup.ACTIVE if offer.setup is Setup.PASSIVE else Setup.PASSIVE


def build_answer(offer: Offer, accepted: Sequence[Accepted | None], local: LocalTransport) -> str:
    """The answer. `accepted` has one entry for each section of the offer: None rejects it."""
    lines = session_lines(local, 2)
    bundle = [
        section.mid
        for section, answer in zip(offer.sections, accepted, strict=True)
        if answer and section.bundled
    ]
    if bundle:
        lines.append("a=group:BUNDLE " + " ".join(bundle))
    lines.append("a=ice-lite")
    if offer.extmap_allow_mixed:
        lines.append("a=extmap-allow-mixed")
    for section, answer in zip(offer.sections, accepted, strict=True):
        lines += _served(offer, section, answer, local) if answer else _rejected(section)
    return "".join(f"{line}\r\n" for line in lines)


def _rejected(section: MediaSection) -> list[str]:
    return [
        f"m={section.kind} 0 {section.protocol} {section.first_format}",
        "c=IN IP4 0.0.0.0",
        *_mid(section.mid),
        "a=inactive",
    ]


def _served(offer: Offer, section: MediaSection, answer: Accepted, local: LocalTransport) -> list[str]:
    codec = answer.codec
    lines = [
        *media_lines(section.kind, section.protocol, _formats(section, codec), section.mid, local),
        f"a=setup:{answer_setup(offer)}",
        f"a={answer.direction}",
        "a=rtcp-mux",
    ]
    if section.rtcp_rsize:
        lines.append("a=rtcp-rsize")
    if section.asks_round_trip and answer.direction is Direction.SENDONLY:
        lines.append("a=rtcp-xr:rcvr-rtt=all")
    lines += [f"a=extmap:{n}{_one_way(section, uri)} {uri}" for uri, n in answer.extensions.items()]
    lines += codec_lines(codec, answer.fmtp)
    if answer.rids:
        lines += [f"a=rid:{rid} recv" for rid in answer.rids]
        lines.append("a=simulcast:recv " + ";".join(answer.rids))
    # FFmpeg reads the first UDP candidate of the text; browsers read those of the bundle's first section
    return [*lines, *answer.source, *host_candidates(local.candidates, local.tcp_port)]


def session_lines(local: LocalTransport, version: int) -> list[str]:
    """How a description begins."""
    return ["v=0", f"o=- {zlib.crc32(local.ice_ufrag.encode())} {version} IN IP4 127.0.0.1", "s=-", "t=0 0"]


def media_lines(kind: str, protocol: str, formats: str, mid: str, local: LocalTransport) -> list[str]:
    """How a section begins that is not rejected: its formats, and our transport."""
    ip, port = local.candidates[0]
    return [
        f"m={kind} {port} {protocol} {formats}",
        f"c=IN {'IP6' if ':' in ip else 'IP4'} {ip}",
        *_mid(mid),
        f"a=ice-ufrag:{local.ice_ufrag}",
        f"a=ice-pwd:{local.ice_pwd}",
        f"a=fingerprint:sha-256 {local.fingerprint}",
    ]


def codec_lines(codec: Codec, fmtp: str) -> list[str]:
    """The lines of one codec, with its feedback, and of its RTX and RED."""
    payload_type = codec.payload_type
    channels = f"/{codec.channels}" if codec.channels > 1 else ""
    lines = [f"a=rtpmap:{payload_type} {codec.name}/{codec.clock_rate}{channels}"]
    if fmtp:
        lines.append(f"a=fmtp:{payload_type} {fmtp}")
    lines += [f"a=rtcp-fb:{payload_type} {each}" for each in sorted(codec.feedback)]
    if codec.rtx is not None:  # RFC 4588 8.6
        lines += [f"a=rtpmap:{codec.rtx} rtx/{codec.clock_rate}", f"a=fmtp:{codec.rtx} apt={payload_type}"]
    if codec.red is not None:
        lines.append(f"a=rtpmap:{codec.red} red/{codec.clock_rate}{channels}")
        lines.append(f"a=fmtp:{codec.red} {payload_type}/{payload_type}")
    return lines


def source_lines(track: RoomTrack, stream_id: str, *, with_rtx: bool) -> tuple[str, ...]:
    """The media stream and the sources of a track (RFC 8830, RFC 5576), as `a=` lines."""
    msid = f"msid:{stream_id} {track.kind}"
    ssrcs = [track.ssrc]
    lines = [f"a={msid}"]
    if with_rtx and track.rtx_ssrc is not None:
        ssrcs.append(track.rtx_ssrc)
        lines.append(f"a=ssrc-group:FID {track.ssrc} {track.rtx_ssrc}")  # RFC 5576 4.2
    for ssrc in ssrcs:
        lines += [f"a=ssrc:{ssrc} cname:{stream_id}", f"a=ssrc:{ssrc} {msid}"]
    return tuple(lines)


def _one_way(section: MediaSection, uri: str) -> str:
    """What the offerer only sends, we only receive (RFC 8285 7)."""
    if uri not in section.one_way:
        return ""
    return "/recvonly" if section.one_way[uri] is Direction.SENDONLY else "/sendonly"


def _formats(section: MediaSection, codec: Codec) -> str:
    """RED comes first if the offer has it first: so a publisher that wants to send it does."""
    kinds = [codec.payload_type, codec.rtx, codec.red]
    if section.first_format == str(codec.red):
        kinds = [codec.red, codec.payload_type, codec.rtx]
    return " ".join(str(kind) for kind in kinds if kind is not None)


def _mid(mid: str) -> list[str]:
    return [f"a=mid:{mid}"] if mid else []
