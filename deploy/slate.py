"""`roomcast slate`: publishes a picture, or a film in a loop, as a standby of a room, until a signal.

Its encoder is aiortc's: it answers requests for a keyframe, so that viewers get it at once.
"""

import asyncio
import contextlib
import fractions
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin

import av
import httpx
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError
from av import AudioFrame, AudioResampler, VideoFrame
from av.filter import Graph
from av.frame import Frame

from deploy.conform.client import reach_this_host
from deploy.end_signals import end_signals

PICTURES_A_SECOND = 10  # of a still picture: the next one is a keyframe when one is asked for
SIZE = (1280, 720)  # where the room does not say
CODEC = "H264"
ANSWER_SECONDS = 10.0  # for one request
AGAIN_SECONDS = 2.0  # after a session that has ended, or was not answered
POLL_SECONDS = 0.2


FAILURES = (httpx.HTTPError, MediaStreamError)  # of a session; another one may follow


class Form(NamedTuple):
    """What a room has: pixels of its picture, and codecs. No codec: the room is not there."""

    size: tuple[int, int] = SIZE
    codecs: tuple[str, ...] = ()


class RefusedError(Exception):
    """The server does not want it, and will not."""


class Picture(MediaStreamTrack):
    """A picture that stands still."""

    kind = "video"

    def __init__(self, frame: VideoFrame) -> None:
        super().__init__()
        self._frame = frame
        self._number = 0
        self._began_at = asyncio.get_running_loop().time()

    async def recv(self) -> VideoFrame:
        due = self._began_at + self._number / PICTURES_A_SECOND
        await asyncio.sleep(due - asyncio.get_running_loop().time())
        self._frame.pts, self._frame.time_base = self._number, fractions.Fraction(1, PICTURES_A_SECOND)
        self._number += 1
        return self._frame


class Film(MediaStreamTrack):
    """The pictures or the sound of a film, in a loop. Those that have one `start` are in step."""

    def __init__(
        self, kind: str, file: Path, start: "Start", convert: Callable[[], Callable[[Any], list[Any]]]
    ) -> None:
        super().__init__()
        self.kind = kind
        self._start = start
        self._frames = _looped(kind, file, convert)

    async def recv(self) -> Frame:
        frame = await asyncio.to_thread(next, self._frames)
        now = asyncio.get_running_loop().time()
        if not self._start.at:
            self._start.at = now
        await asyncio.sleep(self._start.at + (frame.time or 0.0) - now)
        return frame


@dataclass
class Start:
    at: float = 0.0  # of the loop's clock


def _looped(kind: str, file: Path, convert: Callable[[], Callable[[Any], list[Any]]]) -> Iterator[Frame]:
    """A track's frames, again and again: each round is as long as the whole film."""
    before, seconds = 0.0, seconds_of(file)
    while True:
        with av.open(str(file)) as film:
            turn = convert()
            for frame in film.decode(**{kind: 0}):
                for turned in turn(frame):
                    turned.pts += round(before / turned.time_base)
                    yield turned
            before += seconds


def seconds_of(file: Path) -> float:
    """The length of a film, also of one that was written live: its header does not say it."""
    with av.open(str(file)) as film:
        if film.duration:
            return film.duration / av.time_base
        ends = [
            float((packet.pts + (packet.duration or 0)) * packet.time_base)
            for packet in film.demux()
            if packet.pts is not None and packet.time_base
        ]
    return max(ends, default=0.0) or 1 / PICTURES_A_SECOND


def _sounding() -> Callable[[AudioFrame], list[AudioFrame]]:
    """What makes sound what Opus is encoded of."""
    return AudioResampler(format="s16", layout="stereo", rate=48_000, frame_size=960).resample


def fitting(size: tuple[int, int]) -> Callable[[VideoFrame], list[VideoFrame]]:
    """What lays frames, all of one size, into another size, with black beside or above."""
    width, height = (number & ~1 for number in size)
    graphs: list[Graph] = []

    def fit(frame: VideoFrame) -> list[VideoFrame]:
        if not graphs:
            graph = Graph()
            graph.link_nodes(
                graph.add_buffer(
                    width=frame.width,
                    height=frame.height,
                    format=frame.format,
                    time_base=frame.time_base or fractions.Fraction(1, 90_000),
                ),
                graph.add("scale", f"{width}:{height}:force_original_aspect_ratio=decrease"),
                graph.add("pad", f"{width}:{height}:-1:-1"),
                graph.add("setsar", "1"),
                graph.add("format", "yuv420p"),
                graph.add("buffersink"),
            ).configure()
            graphs.append(graph)
        graphs[0].push(frame)
        fitted = graphs[0].pull()
        assert isinstance(fitted, VideoFrame)
        return [fitted]

    return fit


def first_frames(file: Path) -> list[VideoFrame]:
    """One frame of a picture, two of a film. Raises `av.FFmpegError`, and `IndexError` without any."""
    with av.open(str(file)) as opened:
        return list(islice(opened.decode(opened.streams.video[0]), 2))


def tracks_of(file: Path, form: Form) -> list[MediaStreamTrack]:
    """Sound and picture of a file, as far as the room has them. A picture has silence."""
    first, *more = first_frames(file)
    sound: MediaStreamTrack = AudioStreamTrack()
    picture: MediaStreamTrack
    if more:
        start = Start()
        picture = Film("video", file, start, lambda: fitting(form.size))
        if has_sound(file):
            sound = Film("audio", file, start, _sounding)
    else:
        picture = Picture(*fitting(form.size)(first))
    sounds = not form.codecs or "opus" in form.codecs
    shows = not form.codecs or form.codecs != ("opus",)
    return [track for track, wanted in ((sound, sounds), (picture, shows)) if wanted]


def has_sound(file: Path) -> bool:
    with av.open(str(file)) as film:
        return bool(film.streams.audio)


async def form_of(http: httpx.AsyncClient, base: str, room: str) -> Form:
    """What the room has at present."""
    answer = await http.get(f"{base}/api/rooms/{room}")
    if not answer.is_success:
        return Form()
    facts: dict[str, Any] = answer.json()
    sizes = [(layer["width"], layer["height"]) for layer in facts["layers"] if layer["width"]]
    return Form(sizes[0] if sizes else SIZE, tuple(facts["codecs"]))


async def publish_once(
    http: httpx.AsyncClient,
    base: str,
    room: str,
    file: Path,
    live: Callable[[], None],
    *,
    alone: bool = False,
) -> None:
    """Stand by in a room until the session is over. Raises `RefusedError`, `httpx.HTTPError`.

    `alone`: only if nobody else does.
    """
    form = await form_of(http, base, room)
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    session = ""
    try:
        for track in tracks_of(file, form):
            sender = connection.addTransceiver(track, direction="sendonly")
            if track.kind == "video":
                name = next((codec for codec in form.codecs if codec != "opus"), CODEC)
                known = RTCRtpSender.getCapabilities("video").codecs
                wanted = [codec for codec in known if codec.mimeType in (f"video/{name}", "video/rtx")]
                if all(codec.mimeType == "video/rtx" for codec in wanted):
                    raise RefusedError(f"the room has {name}, which is not encoded here")
                sender.setCodecPreferences(wanted)
        await connection.setLocalDescription(await connection.createOffer())
        answer = await http.post(
            f"{base}/api/whip/publish/{room}?standby={'alone' if alone else 'true'}",
            content=connection.localDescription.sdp,
            headers={"Content-Type": "application/sdp"},
        )
        if answer.status_code in (400, 401, 403):
            raise RefusedError(f"{answer.status_code} {answer.text}")
        answer.raise_for_status()
        session = urljoin(f"{base}/", answer.headers["Location"])
        await connection.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        transport = connection.getTransceivers()[0].sender.transport
        told = False
        while transport.state not in ("closed", "failed"):
            if transport.state == "connected" and not told:
                told = True
                live()
            await asyncio.sleep(POLL_SECONDS)
        session = ""  # the server has ended it
    finally:
        with contextlib.suppress(httpx.HTTPError):
            if session:
                await http.delete(session)
        await connection.close()


async def keep(base: str, room: str, token: Callable[[], str], file: Path) -> None:
    """Stand by in a room, again and again, until cancelled. Raises `RefusedError`.

    `token` is asked for each session: the one of the last may have expired.
    """
    reach_this_host(base)

    def tell() -> None:
        print(f"Standing by in {room}. End it with Ctrl+C.", flush=True)

    async with httpx.AsyncClient(timeout=ANSWER_SECONDS) as http:
        while True:
            if credential := token():
                http.headers["Authorization"] = f"Bearer {credential}"
            try:
                await publish_once(http, base, room, file, tell)
                print("The session has ended.", flush=True)
            except FAILURES as error:
                print(f"slate: {error}", file=sys.stderr, flush=True)
            await asyncio.sleep(AGAIN_SECONDS)


def run(base: str, room: str, token: Callable[[], str], file: Path) -> None:
    """Stand by until a signal."""
    try:
        first_frames(file)[0]
    except (av.FFmpegError, OSError, IndexError) as error:
        sys.exit(f"slate: {file}: {error or 'no picture is in it'}")
    with contextlib.suppress(KeyboardInterrupt):
        try:
            asyncio.run(until_signal(keep(base.rstrip("/"), room, token, file)))
        except RefusedError as error:
            sys.exit(f"slate: {error}")


async def until_signal(work: Any) -> None:
    """Do it until a signal; then its sessions end with it."""
    task = asyncio.ensure_future(work)
    for number in end_signals():
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task
