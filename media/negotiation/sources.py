"""The lines that describe to a viewer what we send it in one section."""

from media.negotiation.agreed_tracks import RoomTrack


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
