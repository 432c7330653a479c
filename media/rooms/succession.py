"""Another publisher for a room that goes on: what of the room it takes over, and who cannot follow."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from media.negotiation.agreed_tracks import PublishedTrack
from media.negotiation.codecs import describe, match
from media.rooms.opening import source_track
from media.rooms.room import Room
from media.rooms.source import Source
from media.sessions.viewer_session import ViewerSession
from media.switch.switch import PacketSwitch
from media.tracks.source_track import NO_PAYLOAD, SourceTrack

MAX_EXTENSION_ID = 255  # RFC 8285 4.3


def may_change_hands(room: Room, identity: str, now: float) -> bool:
    """Whether an offer with credentials of `identity` may come into the room; else it is taken.

    A publisher that is alive keeps it. One that shows no media gives way to itself, come again; one that has
    gone gives way to anybody.
    """
    return room.source is None or (is_same(room.identity, identity) and not room.source.is_alive(now))


def is_same(identity: str, other: str) -> bool:
    """Whether both are the same somebody's credentials."""
    return bool(identity) and hmac.compare_digest(identity.encode(), other.encode())


def fits(room: Room, tracks: Sequence[PublishedTrack]) -> bool:
    """Whether the room has a track of each kind that a successor sends; if not, its viewers come anew."""
    return {track.kind for track in tracks} <= {track.kind for track in room.tracks}


class Takeover(NamedTuple):
    """`left_behind` are the viewers that cannot read the new publisher's tracks."""

    left_behind: list[ViewerSession]
    codecs_changed: bool


def take_over(room: Room, source: Source, tracks: Sequence[PublishedTrack], switch: PacketSwitch) -> Takeover:
    """Let `source` feed the room with tracks that fit it.

    A track of the room that the successor lacks rests: the next one may have it again.
    """
    former, codecs = room.feed.tracks, _described(room)
    coming = {track.kind: track for track in tracks}
    room.source, room.live = source, True
    room.warnings.clear()  # they were about the former one
    room.published = [
        coming.get(own.kind) or _at_rest(before)
        for own, before in zip(room.tracks, room.published, strict=True)
    ]
    room.feed.follow(
        [_source_track(room, number, coming.get(own.kind)) for number, own in enumerate(room.tracks)]
    )
    for track, before in zip(room.feed.tracks, former, strict=True):
        track.succeed(before)
    room.feedback.follow(room.published, source.send_rtcp)
    source.relay_into(switch, room.feed)
    room.tracks = [
        replace(own, codec=new.codec, extensions=new.extensions)
        for own, new in zip(room.tracks, room.published, strict=True)
    ]
    changed = [was != becomes for was, becomes in zip(codecs, _described(room), strict=True)]
    for sent, is_another in zip(room.feed.sent, changed, strict=True):
        if is_another:
            sent.pictures.clear()  # who joins now reads the new codec only
    left_behind = [viewer for viewer in room.viewers.values() if not _can_read(viewer, room.published)]
    return Takeover(left_behind, any(changed))


def _source_track(room: Room, number: int, track: PublishedTrack | None) -> SourceTrack:
    translator = room.feed.tracks[number].translator
    if track is None:
        return SourceTrack(NO_PAYLOAD, room.tracks[number].codec.clock_rate, translator)
    return source_track(track, translator, _extension_ids(room.extension_ids[number], track.extensions))


def _at_rest(track: PublishedTrack) -> PublishedTrack:
    """As it is while nobody sends it: nothing of it is asked for."""
    return replace(track, codec=replace(track.codec, feedback=frozenset(), rtx=None))


def _extension_ids(own: dict[str, int], coming: Mapping[str, int]) -> Mapping[int, int] | None:
    """The successor's ids -> the room's, which learn those of new extensions; None: they are the same."""
    for uri in coming:
        if uri not in own:
            free = (n for n in (coming[uri], *range(1, MAX_EXTENSION_ID + 1)) if n not in own.values())
            own[uri] = next(free)
    if all(own[uri] == number for uri, number in coming.items()):
        return None
    return {number: own[uri] for uri, number in coming.items()}


def _described(room: Room) -> list[str]:
    return [describe(track.codec) for track in room.tracks]


def _can_read(viewer: ViewerSession, published: Sequence[PublishedTrack]) -> bool:
    return all(match(published[track.track_index].codec, [track.codec]) for track in viewer.played)
