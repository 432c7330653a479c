"""The text of an SDP offer to a viewer: all that the room has, for whoever cannot make an offer of their own.

The viewer's answer is read as any description of what a viewer takes (`negotiate_play`): it names payload
types and ids of this offer, and only the codecs that it has.
"""

from collections.abc import Sequence
from dataclasses import replace

from media.negotiation.agreed_tracks import RoomTrack
from media.negotiation.answer import LocalTransport, codec_lines, media_lines, session_lines, source_lines
from media.negotiation.codecs import FEEDBACK, h264_profile
from media.negotiation.opus import told_to_viewer
from media.rtp.extensions import (
    ABS_CAPTURE_TIME_EXTENSION,
    ABS_SEND_TIME_EXTENSION,
    FORWARDED_EXTENSIONS,
    PLAYOUT_DELAY_EXTENSION,
    TRANSPORT_CC_EXTENSION,
)
from shared.sdp.codec import Codec
from shared.sdp.lines import host_candidates

_SOUND, _RED, _PICTURE = 111, 63, 96  # payload types: of the picture it is the first, the others follow
_OF_PICTURE = {PLAYOUT_DELAY_EXTENSION, ABS_SEND_TIME_EXTENSION, TRANSPORT_CC_EXTENSION}  # ours, with RTX
# What each decoder of H.264 takes, whichever profiles it names besides (RFC 7742 6.2).
_BASELINE = "42e01f"


def build_offer(tracks: Sequence[RoomTrack], local: LocalTransport, stream_id: str) -> str:
    """An offer of a room's sound and picture, to be answered once. `stream_id`: as in `negotiate_play`."""
    kinds = {track.kind: track for track in reversed(tracks)}  # of layers the best one stands for the picture
    offered = [kinds[kind] for kind in ("audio", "video") if kind in kinds]
    lines = [
        *session_lines(local, 1),
        "a=group:BUNDLE " + " ".join(str(mid) for mid in range(len(offered))),
        "a=ice-lite",
        "a=extmap-allow-mixed",
    ]
    ids: dict[str, int] = {}  # RFC 9143 9.2: within a bundle an extension has one id
    for mid, track in enumerate(offered):
        lines += _section(str(mid), track, local, stream_id, ids)
    return "".join(f"{line}\r\n" for line in lines)


def _section(
    mid: str, track: RoomTrack, local: LocalTransport, stream_id: str, ids: dict[str, int]
) -> list[str]:
    codecs = _sound(track) if track.kind == "audio" else _picture(track)
    kinds = [n for codec in codecs for n in (codec.payload_type, codec.rtx, codec.red) if n is not None]
    lines = [
        *media_lines(track.kind, "UDP/TLS/RTP/SAVPF", " ".join(map(str, kinds)), mid, local),
        "a=setup:actpass",
        "a=sendonly",
        "a=rtcp-mux",
        "a=rtcp-mux-only",
        "a=rtcp-rsize",
    ]
    own = {ABS_CAPTURE_TIME_EXTENSION}
    if track.kind == "video" and track.rtx_ssrc is not None:
        own |= _OF_PICTURE
    for uri in sorted(FORWARDED_EXTENSIONS.intersection(track.extensions).union(own)):
        lines.append(f"a=extmap:{ids.setdefault(uri, len(ids) + 1)} {uri}")
    for codec in codecs:
        lines += codec_lines(codec, codec.fmtp)
    has_rtx = any(codec.rtx is not None for codec in codecs)
    return [
        *lines,
        *source_lines(track, stream_id, with_rtx=has_rtx),
        *host_candidates(local.candidates, local.tcp_port),
    ]


def _sound(track: RoomTrack) -> list[Codec]:
    codec = replace(track.codec, payload_type=_SOUND, rtx=None, red=None, feedback=frozenset({"nack"}))
    if codec.name == "opus":
        codec = replace(codec, red=_RED, parameters=told_to_viewer(track.codec.parameters))
    return [codec]


def _picture(track: RoomTrack) -> list[Codec]:
    parameters = {key: value for key, value in track.codec.parameters.items() if not key.startswith("sprop-")}
    forms = [parameters]
    if track.codec.name == "H264":
        parameters["level-asymmetry-allowed"] = "1"
        if h264_profile(track.codec) != "constrained baseline":
            forms.append(parameters | {"profile-level-id": _BASELINE})
    with_rtx = track.rtx_ssrc is not None
    return [
        replace(
            track.codec,
            payload_type=_PICTURE + 2 * number,
            rtx=_PICTURE + 2 * number + 1 if with_rtx else None,
            red=None,
            parameters=form,
            feedback=FEEDBACK if with_rtx else FEEDBACK - {"goog-remb", "transport-cc"},
        )
        for number, form in enumerate(forms)
    ]
