"""Workers, sessions, rulings and settings as the API shows them to operators. Does no I/O."""

from collections.abc import Iterable

from shared.messages.room_settings import FOREVER, RecordingNote, RoomSettings
from shared.messages.rulings import Block, Revocation
from shared.messages.sessions import ListedSessions, SessionStatus
from shared.messages.status import WorkerState, WorkerStatus
from shared.settings.settings import Settings


def worker_facts(worker: WorkerStatus, *, with_url: bool) -> dict[str, object]:
    """A worker, without its rooms. `with_url`: with its address in the cluster."""
    is_ready = worker.state is WorkerState.READY
    return {
        "id": worker.id,
        "state": worker.state,
        "load": worker.load,
        "egressPackets": worker.egress_packets,
        "egressBits": worker.egress_bits,
        "egressShare": worker.egress_share,
        "sessions": worker.sessions,
        "viewers": worker.viewers,
        "takesPublishers": is_ready and worker.takes_publishers,
        "takesViewers": is_ready and worker.takes_viewers,
        "drainSeconds": worker.drain_seconds,
        **({"url": worker.http_url} if with_url else {}),
    }


def in_order(replies: Iterable[ListedSessions]) -> list[SessionStatus]:
    """The sessions of all workers by room, publishers first, then the oldest."""
    sessions = [session for reply in replies for session in reply.sessions]
    return sorted(sessions, key=lambda session: (session.room, session.role == "play", -session.age))


def session_facts(session: SessionStatus) -> dict[str, object]:
    return {
        "id": session.id,
        "worker": session.id.partition(".")[0],
        "room": session.room,
        "role": session.role,
        "state": session.state,
        "standby": session.standby,
        "uptime": round(session.age, 1),
        "address": session.address,
        "transport": session.transport,
        "codecs": session.codecs,
        "packets": session.packets,
        "bytes": session.octets,
        "resent": session.resent,
        "loss": session.loss,
        "rtt": session.rtt,
        "layer": session.layer,
        "reason": session.reason,
        "carries": session.carries,
        "soundLost": session.sound_lost,
        "soundResent": session.sound_resent,
        "soundRedundant": session.sound_redundant,
    }


def block_facts(block: Block) -> dict[str, object]:
    return {"room": block.room, "until": round(block.until, 3), "reason": block.reason, "by": block.by}


def revocation_facts(one: Revocation) -> dict[str, object]:
    """A revocation, without who made it: the audit log has that as a field of its own."""
    which = {"jti": one.jti, "subject": one.subject, "issued_before": one.issued_before}
    return {
        "id": one.id,
        **{name: value for name, value in which.items() if value is not None},
        "at": round(one.at, 3),
        "until": round(one.until, 3),
    }


def environment_facts(settings: Settings) -> dict[str, object]:
    """What holds in rooms that do not set it themselves, by the names of `settings_facts`."""
    return {
        "seats": settings.max_subs_per_room,
        "recorded": settings.record_enabled,
        "formats": settings.record_formats,
        "keepDays": settings.record_keep_days,
        "stills": settings.snapshots,
    }


def settings_facts(settings: RoomSettings) -> dict[str, object]:
    """What is set for a room; of its tokens, how many there are."""
    return {
        "room": settings.room,
        "seats": settings.seats,
        "publishTokenCount": len(settings.publish_tokens),
        "playTokenCount": len(settings.play_tokens),
        "listed": settings.listed,
        "recorded": settings.recorded,
        "formats": settings.formats or None,
        "recording": recording_facts(settings.note),
        "keepDays": settings.keep_days,
        "stills": settings.stills,
        "slate": settings.slate or None,
        "title": settings.title,
        "labels": settings.labels,
        "until": None if settings.until == FOREVER else settings.until,
        "by": settings.by,
    }


def recording_facts(note: RecordingNote | None) -> dict[str, object] | None:
    """What is said of a recording, and marked in it. The times of clips are Unix times."""
    if note is None:
        return None
    clips = [
        {"name": clip.name, "begin": round(clip.begin, 3), "end": clip.end and round(clip.end, 3)}
        for clip in note.clips
    ]
    return {"name": note.name, "labels": note.labels, "paused": note.paused, "clips": clips}
