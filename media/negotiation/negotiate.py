"""From an offer to the tracks of a session, with their payload types and extension ids, and the answer.

Both directions raise `ServiceError`: INVALID_SDP if the offer does not fit the direction, NOT_ACCEPTABLE if
its codecs do not fit.
"""

from collections.abc import Sequence
from dataclasses import replace

from media.negotiation.agreed_tracks import PlayedTrack, PublishedTrack, RoomTrack
from media.negotiation.answer import Accepted, LocalTransport, build_answer, source_lines
from media.negotiation.codecs import FEEDBACK, describe, is_passed_through, match
from media.negotiation.opus import told_to_viewer, wished_of_publisher
from media.negotiation.simulcast import simulcast_of
from media.rtp.extensions import (
    ABS_CAPTURE_TIME_EXTENSION,
    ABS_SEND_TIME_EXTENSION,
    FORWARDED_EXTENSIONS,
    PLAYOUT_DELAY_EXTENSION,
    PUBLISHER_EXTENSIONS,
    TRANSPORT_CC_EXTENSION,
)
from shared.errors import ErrorCode, ServiceError, invalid_sdp
from shared.sdp.codec import Codec, fmtp_of
from shared.sdp.offer import Direction, MediaSection, Offer, check_play, check_publish

# What a viewer tells of its line, and the extension by which it knows that. We send both ourselves.
_ESTIMATES = {"goog-remb": ABS_SEND_TIME_EXTENSION, "transport-cc": TRANSPORT_CC_EXTENSION}


class CannotPlayError(ServiceError):
    """The viewer has no codec for a track of the publisher."""


def negotiate_publish(offer: Offer, local: LocalTransport) -> tuple[tuple[PublishedTrack, ...], str]:
    """Accept the first codec of each section that we pass through; reject a section without one.

    A section of several simulcast layers gives a track for each that we take, side by side, best first.
    """
    check_publish(offer)
    tracks: list[PublishedTrack] = []
    codecs: list[Codec] = []
    accepted: list[Accepted | None] = []
    for section in offer.sections:
        codec = _first_passed_through(section)
        if codec is None:
            accepted.append(None)
            continue
        codec = _published(codec, section)
        codecs.append(codec)
        wanted = PUBLISHER_EXTENSIONS | (
            {TRANSPORT_CC_EXTENSION} if "transport-cc" in codec.feedback else set()
        )
        extensions = {uri: n for uri, n in section.sent_extensions.items() if uri in wanted}
        simulcast = simulcast_of(section)
        tracks += [
            PublishedTrack(
                kind=section.kind,
                mid=section.mid,
                codec=codec,
                extensions=extensions,
                sources=layer.sources,
                rid=layer.rid,
                layer=rank,
                left_out=simulcast.left_out,
            )
            for rank, layer in enumerate(simulcast.layers)
        ]
        accepted.append(
            Accepted(
                direction=Direction.RECVONLY,
                codec=codec,
                fmtp=_receiver_fmtp(codec),
                extensions=extensions,
                rids=simulcast.accepted,
            )
        )
    if not tracks:
        raise _not_acceptable(f"codec not supported: {_offered(offer)}")
    _check_payload_types(codecs)
    return tuple(tracks), build_answer(offer, accepted, local)


def _published(codec: Codec, section: MediaSection) -> Codec:
    """A publisher's codec, reduced to the feedback and RTX that we use.

    Of the two kinds of bandwidth feedback the publisher gets the better one that it supports: transport-cc
    requires packet numbers in a header extension. RTX requires NACK, since we must request packets.
    """
    feedback = codec.feedback & FEEDBACK
    has_numbers = TRANSPORT_CC_EXTENSION in section.sent_extensions
    feedback -= {"goog-remb"} if has_numbers and "transport-cc" in feedback else {"transport-cc"}
    return replace(codec, feedback=feedback, rtx=codec.rtx if "nack" in feedback else None, red=_red(codec))


def _red(codec: Codec) -> int | None:
    """The payload type of redundant sound (RFC 2198): of Opus only, as browsers send it."""
    return codec.red if codec.name == "opus" else None


def _check_payload_types(codecs: Sequence[Codec]) -> None:
    """RFC 9143 9.1: within a bundle a payload type has one meaning."""
    taken = [n for codec in codecs for n in (codec.payload_type, codec.rtx, codec.red) if n is not None]
    if len(set(taken)) < len(taken):
        raise invalid_sdp("two sections use one payload type for different codecs")


def negotiate_play(
    offer: Offer, tracks: Sequence[RoomTrack], local: LocalTransport, stream_id: str
) -> tuple[tuple[PlayedTrack, ...], str]:
    """Give each section the room's track of its kind, under the viewer's payload types and ids.

    `stream_id` (a token of at most 64 characters) names the media stream and the source to the viewer. A
    track without a section is not sent; a section without a track stays in the bundle, inactive.
    """
    check_play(offer)
    played: list[PlayedTrack] = []
    accepted: list[Accepted | None] = []
    for section in offer.sections:
        index = next((i for i, track in enumerate(tracks) if track.kind == section.kind), None)
        if section.rejected:
            accepted.append(None)
            continue
        if index is None:
            accepted.append(_idle(section))
            continue
        codec = _viewer_codec(section, tracks[index])
        given = FORWARDED_EXTENSIONS.intersection(tracks[index].extensions) | {ABS_CAPTURE_TIME_EXTENSION}
        if codec.rtx is not None:
            given |= {PLAYOUT_DELAY_EXTENSION}  # we send it ourselves, with retransmissions
        feedback = codec.feedback & FEEDBACK
        for estimate, extension in _ESTIMATES.items():
            if _estimates(section, codec, estimate, extension):
                given |= {extension}
            else:
                feedback -= {estimate}
        codec = replace(codec, feedback=feedback)
        extensions = {uri: n for uri, n in section.received_extensions.items() if uri in given}
        played.append(PlayedTrack(track_index=index, mid=section.mid, codec=codec, extensions=extensions))
        accepted.append(
            Accepted(
                direction=Direction.SENDONLY,
                codec=codec,
                fmtp=_sender_fmtp(codec, tracks[index].codec),
                extensions=extensions,
                source=source_lines(tracks[index], stream_id, with_rtx=codec.rtx is not None),
            )
        )
    if not played:
        raise _not_acceptable("the viewer's offer has no section for any track of the room")
    return tuple(played), build_answer(offer, accepted, local)


def _viewer_codec(section: MediaSection, track: RoomTrack) -> Codec:
    codec = match(track.codec, section.codecs)
    if codec is None:
        raise CannotPlayError(
            ErrorCode.NOT_ACCEPTABLE, f"codec not supported by viewer: {describe(track.codec)}"
        )
    if "nack" not in codec.feedback or track.rtx_ssrc is None:  # no requests, or no stream to answer them
        return replace(codec, rtx=None, red=_red(codec))
    return replace(codec, red=_red(codec))


def _estimates(section: MediaSection, codec: Codec, feedback: str, extension: str) -> bool:
    """Whether a viewer judges the line by this section's packets: browsers do by pictures only.

    Without RTX a retransmission must equal the original, so it could not say when it was sent, and padding
    has no place.
    """
    offered = feedback in codec.feedback and extension in section.received_extensions
    return section.kind == "video" and codec.rtx is not None and offered


def _idle(section: MediaSection) -> Accepted | None:
    """A section in which nothing flows. Port 0 would mean the same, but aiortc fails on a rejected one."""
    codec = _first_passed_through(section)
    if codec is None:
        return None
    return Accepted(
        direction=Direction.INACTIVE,
        codec=replace(codec, rtx=None, red=None, feedback=frozenset()),
        fmtp=codec.fmtp,
        extensions={},
    )


def _first_passed_through(section: MediaSection) -> Codec | None:
    return next((codec for codec in section.codecs if is_passed_through(section.kind, codec)), None)


def _receiver_fmtp(codec: Codec) -> str:
    """The parameters for a publisher, without those that only describe the sender's stream."""
    if codec.name == "opus":
        return fmtp_of(wished_of_publisher(codec.parameters))
    return fmtp_of({key: value for key, value in codec.parameters.items() if not key.startswith("sprop-")})


def _sender_fmtp(codec: Codec, published: Codec) -> str:
    """The parameters for a viewer's `codec`, of what the publisher sends."""
    return fmtp_of(told_to_viewer(published.parameters)) if codec.name == "opus" else codec.fmtp


def _offered(offer: Offer) -> str:
    names = dict.fromkeys(codec.name for section in offer.sections for codec in section.codecs)
    return ", ".join(list(names)[:8]) or "none offered"


def _not_acceptable(message: str) -> ServiceError:
    return ServiceError(ErrorCode.NOT_ACCEPTABLE, message)
