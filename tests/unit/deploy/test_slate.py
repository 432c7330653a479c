"""`roomcast slate` makes of a file what the room has."""

import asyncio
import signal
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import httpx
import pytest
from aiortc.mediastreams import AudioStreamTrack

from deploy.slate import SIZE, Film, Form, Picture, first_frames, fitting, form_of, tracks_of, until_signal


def video(file: Path, frames: int, size: tuple[int, int] = (320, 180), *, sounds: bool = False) -> Path:
    """White pictures, ten a second, perhaps with silence."""
    is_picture = file.suffix == ".png"
    with av.open(str(file), "w", format="image2" if is_picture else None) as output:
        stream: Any = output.add_stream("png" if is_picture else "libx264", rate=10)
        stream.width, stream.height = size
        stream.pix_fmt = "rgb24" if is_picture else "yuv420p"
        sound: Any = output.add_stream("aac", rate=44_100, layout="mono") if sounds else None
        for number in range(frames):
            frame = av.VideoFrame(*size, "rgb24")
            frame.planes[0].update(b"\xff" * frame.planes[0].buffer_size)
            frame.pts, frame.time_base = number, Fraction(1, 10)
            output.mux(stream.encode(frame))
            if sounds:
                silence = av.AudioFrame("fltp", "mono", 4410)
                silence.planes[0].update(bytes(silence.planes[0].buffer_size))
                silence.sample_rate, silence.pts = 44_100, number * 4410
                output.mux(sound.encode(silence))
        output.mux(stream.encode())
        if sounds:
            output.mux(sound.encode())
    return file


def test_a_picture_of_another_shape_gets_black_beside_it(tmp_path: Path) -> None:
    [frame] = first_frames(video(tmp_path / "upright.png", 1, (90, 180)))
    [fitted] = fitting((641, 360))(frame)
    assert (fitted.width, fitted.height, fitted.format.name) == (640, 360, "yuv420p")
    line = bytes(fitted.planes[0])[180 * fitted.planes[0].line_size :][:640]
    assert (line[0], line[320], line[639]) == (16, 235, 16)


async def test_a_picture_and_a_film_become_the_tracks_that_the_room_has(tmp_path: Path) -> None:
    picture, film = video(tmp_path / "a.png", 1), video(tmp_path / "a.mp4", 5, sounds=True)
    both = Form(codecs=("opus", "H264"))
    assert [type(track) for track in tracks_of(picture, both)] == [AudioStreamTrack, Picture]
    assert [type(track) for track in tracks_of(picture, Form(codecs=("VP8",)))] == [Picture]
    assert [type(track) for track in tracks_of(picture, Form(codecs=("opus",)))] == [AudioStreamTrack]
    assert [type(track) for track in tracks_of(film, both)] == [Film, Film]


async def test_a_film_loops_and_sound_and_picture_stay_in_step(tmp_path: Path) -> None:
    sound, picture = tracks_of(video(tmp_path / "a.mp4", 3, sounds=True), Form())
    shown = [await picture.recv() for _ in range(7)]
    heard = [await sound.recv() for _ in range(35)]
    assert {(frame.width, frame.height) for frame in shown} == {SIZE}
    assert {frame.samples for frame in heard} == {960}
    for frames in (shown, heard):
        times = [frame.time for frame in frames]
        assert times == sorted(set(times))
    assert abs(shown[6].time - shown[0].time - 2 * (shown[3].time - shown[0].time)) < 0.001
    assert 0.6 <= shown[6].time - shown[0].time < 0.8
    assert abs(heard[-1].time - 34 * 0.02) < 0.1


async def test_a_film_that_does_not_say_how_long_it_is_loops_too(tmp_path: Path) -> None:
    whole = video(tmp_path / "a.mp4", 3)
    file = tmp_path / "live.mkv"  # as one that was written live
    with av.open(str(whole)) as read, av.open(str(file), "w", options={"live": "1"}) as written:
        stream = written.add_stream_from_template(read.streams.video[0])
        for packet in read.demux(read.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                written.mux(packet)
    with av.open(str(file)) as opened:
        assert not opened.duration
    _, picture = tracks_of(file, Form())
    assert [round((await picture.recv()).time, 2) for _ in range(5)] == [0.0, 0.1, 0.2, 0.3, 0.4]


async def test_a_picture_comes_again_and_again(tmp_path: Path) -> None:
    _, picture = tracks_of(video(tmp_path / "a.png", 1), Form())
    began_at = asyncio.get_running_loop().time()
    assert [(await picture.recv()).pts for _ in range(3)] == [0, 1, 2]
    assert asyncio.get_running_loop().time() - began_at >= 0.2


@pytest.mark.parametrize(
    ("status", "facts", "form"),
    [
        (404, {}, Form()),
        (200, {"layers": [], "codecs": ["opus"]}, Form(SIZE, ("opus",))),
        (
            200,
            {"layers": [{"width": 640, "height": 360}, {"width": 320, "height": 180}], "codecs": ["VP8"]},
            Form((640, 360), ("VP8",)),
        ),
        (200, {"layers": [{"width": 0, "height": 0}], "codecs": ["VP8"]}, Form(SIZE, ("VP8",))),
    ],
)
async def test_the_room_says_what_it_has(status: int, facts: dict[str, object], form: Form) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, json=facts))
    async with httpx.AsyncClient(transport=transport) as http:
        assert await form_of(http, "http://server.test", "demo") == form


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_it_ends_in_order_however_it_is_ended(number: signal.Signals) -> None:
    ended = asyncio.Event()

    async def work() -> None:
        signal.raise_signal(number)
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with asyncio.timeout(5):
        await until_signal(work())
    assert ended.is_set()
