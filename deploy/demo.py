"""`roomcast demo`: publishes a moving picture with a beep by WHIP, for who has no encoder yet.

It is PyAV's FFmpeg, as any FFmpeg publishes.
"""

import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import takewhile
from pathlib import Path
from types import FrameType

import av
from av.container import InputContainer, OutputContainer
from av.video.frame import PictureType
from av.video.stream import VideoStream

from deploy.end_signals import end_signals
from deploy.health import answers
from deploy.minting import mint
from deploy.own_certificate import new_certificate
from deploy.welcome import base_url
from shared.messages.signalling import Role
from shared.names import RoomName
from shared.settings.setting_types import secret
from shared.settings.settings import Settings

PICTURE = "testsrc2=size=1280x720:rate=30"
SOUND = "sine=frequency=330:beep_factor=2:sample_rate=48000,volume=0.3"
BITS = 2_000_000  # a second
TOKEN_SECONDS = 86_400
AGAIN_SECONDS = 2.0  # from the end of a session that was live to the next try


def run(url: str, token: Callable[[], str], watch: str = "") -> None:
    """Publish to the WHIP endpoint `url` until a signal; it is watched at `watch`, if that is known.

    `token` is asked for each session: the one of the last may have expired.

    As encoders do, it begins again when a session ends that was live: its worker may be gone.
    """
    live = f"Live. Watch it at {watch}, end it with Ctrl+C." if watch else "Live. End it with Ctrl+C."
    av.logging.set_level(av.logging.PANIC)  # FFmpeg's own words are for those who know it
    was_live, told, over = False, "", False

    def end(_number: int, _frame: FrameType | None) -> None:
        """Raise nothing: PyAV may drop what is raised amid its own code."""
        nonlocal over
        over = True

    def begin() -> None:
        nonlocal was_live, told
        was_live, told = True, ""
        handle_end_signals(end)
        print(live, flush=True)

    while not over:
        handle_end_signals(signal.SIG_DFL)  # at once: Python hears none while FFmpeg waits for an answer
        if was_live:
            time.sleep(AGAIN_SECONDS)
        try:
            publish(url, token(), begin, lambda: over)
        except (av.FFmpegError, OSError) as error:
            why = error.strerror or str(error)
            if not was_live:
                sys.exit(f"demo: {url}: {why}. Is Roomcast there, the token right, and the room free?")
            if why != told and not over:  # a reason is told once: tries go on until somebody answers
                told = why
                print(f"demo: the session has ended: {why}. It begins again.", file=sys.stderr, flush=True)


def handle_end_signals(how: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in end_signals():
        signal.signal(number, how)


def url_here(settings: Settings) -> str:
    """Where the system of this host is reached, also with `--tls`, of which settings know nothing."""
    base = base_url(settings)
    if settings.public_url or settings.tls_cert_file:
        return base
    plain, encrypted = (answers("/readyz", *settings.http_addr, tls=tls) for tls in (False, True))
    return base.replace("http:", "https:", 1) if encrypted and not plain else base


def credential(settings: Settings, room: RoomName, now: float) -> str:
    """The token that these settings want of a publisher in `room`; empty: none, or none that they tell."""
    for known in (
        settings.room_publish_tokens.get(room),
        settings.room_tokens.get(room),
        settings.publish_token,
        settings.auth_token,
    ):
        if known and secret(known):
            return secret(known)
    if not secret(settings.jwt_secret):
        return ""
    return mint(settings, now, room=room, actions=(Role.PUBLISH,), seconds=TOKEN_SECONDS, subject="demo")


def add_video(output: OutputContainer) -> VideoStream:
    video = output.add_stream("libx264", rate=30)
    video.width, video.height, video.pix_fmt, video.bit_rate = 1280, 720, "yuv420p", BITS
    video.options = {"preset": "veryfast", "tune": "zerolatency", "profile": "baseline"}
    video.codec_context.gop_size = 60
    return video


def drawn(source: InputContainer) -> Iterator[av.VideoFrame]:
    """The pictures of `source`, each of which is a keyframe to it. Here the encoder chooses."""
    for picture in source.decode(video=0):
        picture.pict_type = PictureType.NONE
        yield picture


def publish(url: str, token: str, live: Callable[[], None], is_over: Callable[[], bool]) -> None:
    """Raises `av.FFmpegError`. `live` is called when media may flow; it ends in order once it `is_over`."""
    with tempfile.TemporaryDirectory() as folder:
        options = {"authorization": token} if token else {}
        # by itself FFmpeg on GnuTLS makes one of a curve that OpenSSL 4 refuses
        for option, content in zip(("cert_file", "key_file"), new_certificate(["demo"]), strict=True):
            (Path(folder) / option).write_bytes(content)
            options[option] = str(Path(folder) / option)
        with (
            av.open(PICTURE, format="lavfi") as pictures,
            av.open(SOUND, format="lavfi") as sounds,
            av.open(url, "w", format="whip", options=options) as output,
        ):
            video = add_video(output)
            audio = output.add_stream("libopus", rate=48_000, layout="stereo")
            output.start_encoding()
            live()
            began_at, heard = time.monotonic(), -1.0
            pieces = sounds.decode(audio=0)
            for picture in takewhile(lambda _: not is_over(), drawn(pictures)):
                while heard < (picture.time or 0.0):
                    piece = next(pieces)
                    heard = piece.time or 0.0
                    output.mux(audio.encode(piece))
                time.sleep(max(0.0, began_at + (picture.time or 0.0) - time.monotonic()))
                output.mux(video.encode(picture))
