"""One file with all tracks: its container, and the times of its frames, read back by FFmpeg."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy
import pytest

from media.payload.picture import Setup
from media.recording.frame import Frame
from media.recording.mux_part import MuxPart, holds_change, suffix_for
from media.recording.part_file import PartFile
from shared.sdp.codec import Codec
from tests.support.published import sound, video
from tests.support.rtp_source import encode_video

PICTURE, SOUND, PHONE = 0, 1, 2
OPUS = bytes((0x78, 1, 2))
TELEPHONE = Codec(payload_type=0, name="PCMU", clock_rate=8_000)
SETUP = Setup(320, 240)


def codecs(*names: str) -> dict[int, Codec]:
    return {number: video(name).codec for number, name in enumerate(names)}


@pytest.mark.parametrize(
    ("names", "suffix"),
    [
        ((), "webm"),
        (("VP8", "opus"), "webm"),
        (("VP9", "AV1"), "webm"),
        (("H264", "H265", "opus"), "mp4"),
        (("opus",), "webm"),
        (("H264", "multiopus"), "mp4"),
        (("AV1", "multiopus"), "webm"),
        (("H264", "VP8"), "mkv"),
        (("H264", "PCMU"), "mkv"),
        (("VP8", "G722"), "mkv"),
    ],
)
def test_the_container_is_one_that_most_players_open(names: tuple[str, ...], suffix: str) -> None:
    assert suffix_for(codecs(*names)) == suffix


def test_only_what_has_its_parameters_in_each_keyframe_may_change() -> None:
    names = ("VP8", "VP9", "AV1", "H264", "H265", "opus")
    assert [holds_change(codec) for codec in codecs(*names).values()] == [True, True, *[False] * 4]


def part(folder: Path, of: dict[int, Codec], setups: dict[int, Setup]) -> MuxPart:
    return MuxPart(PartFile(folder, lambda unix: f"part_{unix}", 1), of, setups)


def written(folder: Path) -> list[tuple[str, int, bool]]:
    """Of each packet: its kind, when it is shown, in milliseconds, and whether it is a keyframe."""
    with av.open(str(folder / "part_1")) as container:
        packets = [packet for packet in container.demux() if packet.pts is not None]
        return [
            (packet.stream.type, round(packet.pts * packet.time_base * 1000), packet.is_keyframe)
            for packet in packets
        ]


def test_frames_are_where_they_play_and_never_go_back(tmp_path: Path) -> None:
    one = part(tmp_path, {PICTURE: video("VP8").codec, SOUND: sound().codec}, {PICTURE: SETUP})
    assert one.has(SOUND)
    assert not one.has(PHONE)
    one.write(PICTURE, -0.001, Frame(0, b"before its beginning", SETUP))
    for seconds, setup in ((0.0, SETUP), (0.5, None), (0.2, None)):
        one.write(PICTURE, seconds, Frame(0, b"\x10key" if setup else b"\x11delta", setup))
    one.write(SOUND, 0.02, Frame(0, OPUS))
    one.close()
    found = written(tmp_path)
    assert [each[1:] for each in found if each[0] == "video"] == [(0, True), (500, False), (500, False)]
    assert [each[1:] for each in found if each[0] == "audio"] == [(20, True)]


def test_what_ffmpeg_holds_back_is_known(tmp_path: Path) -> None:
    one = part(tmp_path, {PICTURE: video("VP8").codec}, {PICTURE: SETUP})
    one.write(PICTURE, 0.0, Frame(0, bytes(10_000), SETUP))
    one.write(PICTURE, 0.1, Frame(0, bytes(10_000)))
    assert one.held == 20_000 - one.file.size > 10_000
    one.write(PICTURE, 1.5, Frame(0, bytes(10_000)))  # it writes a second at a time
    assert one.held == 30_000 - one.file.size <= 10_000
    one.close()


def boxes(data: bytes) -> list[str]:
    """The kinds of the boxes of an MP4, in their order."""
    kinds, at = [], 0
    while at < len(data):
        kinds.append(data[at + 4 : at + 8].decode())
        at += int.from_bytes(data[at : at + 4])
    return kinds


def film(folder: Path) -> MuxPart:
    """Three seconds of H.264, not ended: the last of them is in memory yet."""
    one = part(folder, {PICTURE: video("H264").codec}, {PICTURE: SETUP})
    keyframe = bytes(encode_video("H264", 0.1)[0])
    for number in range(30):
        one.write(PICTURE, number / 10, Frame(0, keyframe, SETUP))
    return one


def test_an_mp4_opens_while_it_is_written_and_ends_with_a_table_of_its_frames(tmp_path: Path) -> None:
    """By the table a browser needs no request for each fragment before it plays."""
    one = film(tmp_path)
    assert one.tabled == 30
    kinds = boxes((tmp_path / "part_1").read_bytes())
    assert kinds == ["ftyp", "free", "free", "moov", "moof", "mdat", "moof", "mdat"]
    assert len(written(tmp_path)) == 20
    one.close()
    assert boxes((tmp_path / "part_1").read_bytes()) == ["ftyp", "free", "mdat", "moov"]
    assert written(tmp_path) == [("video", 100 * number, True) for number in range(30)]


def test_a_disk_that_has_no_room_for_the_table_keeps_what_was_written(tmp_path: Path) -> None:
    one = film(tmp_path)
    before = (tmp_path / "part_1").read_bytes()
    real: Any = one.file._file

    class Full:
        def write(self, data: memoryview) -> int:
            if bytes(data[4:8]) == b"moov":
                raise OSError(28, "No space left on device")
            return int(real.write(data))

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

    one.file._file = Full()  # type: ignore[assignment]
    with pytest.raises(OSError, match="No space"):
        one.close()
    assert (tmp_path / "part_1").read_bytes() == before
    assert len(written(tmp_path)) == 20


def test_only_an_mp4_has_a_table(tmp_path: Path) -> None:
    one = part(tmp_path, {PICTURE: video("VP8").codec}, {PICTURE: SETUP})
    one.write(PICTURE, 0.0, Frame(0, bytes(10), SETUP))
    one.close()
    assert one.tabled == 0


def test_sound_of_telephones_becomes_plain(tmp_path: Path) -> None:
    one = part(tmp_path, {PHONE: TELEPHONE}, {})
    one.write(PHONE, 0.0, Frame(0, b"\xff" * 160))
    one.close()
    with av.open(str(tmp_path / "part_1")) as container:
        (stream,) = container.streams.audio
        assert (stream.codec_context.name, stream.rate, stream.codec_context.channels) == (
            "pcm_s16le",
            8_000,
            1,
        )
        (packet,) = [packet for packet in container.demux() if packet.size]
        assert bytes(packet) == bytes(320)  # silence


@pytest.mark.parametrize("beside", ["VP8", "H264"])
def test_sound_has_no_holes(tmp_path: Path, beside: str) -> None:
    """As with DTX, or after a pause: Chromium plays sound on over a hole. Hours of silence stay one."""
    one = part(tmp_path, {PICTURE: video(beside).codec, SOUND: sound().codec}, {PICTURE: SETUP})
    one.write(PICTURE, 0.0, Frame(0, bytes(encode_video(beside, 0.1)[0]), SETUP))
    for seconds in (0.0, 0.02, 0.5, 5.0, 5.02, 3_605.0):
        one.write(SOUND, seconds, Frame(0, OPUS))
    one.close()
    with av.open(str(tmp_path / "part_1")) as container:
        frames = [(float(one.pts * one.time_base), one.samples / 48_000) for one in container.decode(audio=0)]
    holes = [after - begin - length for (begin, length), (after, _) in pairwise(frames)]
    assert max(holes[:-1]) < 0.003
    assert holes[-1] == pytest.approx(3_600.0, abs=0.1)


@pytest.mark.parametrize(("channels", "layout"), [(2, "stereo"), (6, "5.1")])
@pytest.mark.parametrize("beside", ["VP8", "H264"])
def test_opus_has_its_channels(tmp_path: Path, beside: str, channels: int, layout: str) -> None:
    """Also where an offer calls it multiopus: each channel of the file is the one that was encoded."""
    encoder: Any = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, layout, "flt"
    tones = [200, 300, 400, 60, 500, 600][:channels]  # the fourth one is for low frequencies alone
    packets = []
    for number in range(50):
        times = numpy.arange(960 * number, 960 * (number + 1)) / 48_000
        waves = numpy.stack([0.2 * numpy.sin(2 * numpy.pi * tone * times) for tone in tones], axis=1)
        sent = av.AudioFrame.from_ndarray(
            numpy.ascontiguousarray(waves.reshape(1, -1), numpy.float32), format="flt", layout=layout
        )
        sent.sample_rate = 48_000
        packets += encoder.encode(sent)
    codec = replace(sound().codec, name="opus" if channels == 2 else "multiopus", channels=channels)
    one = part(tmp_path, {PICTURE: video(beside).codec, SOUND: codec}, {PICTURE: SETUP})
    one.write(PICTURE, 0.0, Frame(0, bytes(encode_video(beside, 0.1)[0]), SETUP))
    for number, packet in enumerate(packets):
        one.write(SOUND, number / 50, Frame(0, bytes(packet)))
    one.close()
    with av.open(str(tmp_path / "part_1")) as container:
        heard = numpy.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)
    assert len(heard) == channels
    loudest = abs(numpy.fft.rfft(heard[:, 9_600:38_400])).argmax(axis=1) / 0.6
    assert loudest == pytest.approx(tones, abs=5)


def test_what_ffmpeg_refuses_is_an_error_of_the_disk(tmp_path: Path) -> None:
    def refuse(*_: Any) -> None:
        raise av.error.FFmpegError(28, "No space left on device")

    one: Any = part(tmp_path, {PICTURE: video("VP8").codec}, {PICTURE: SETUP})
    one._container.close()
    one._container = SimpleNamespace(mux_one=refuse, close=refuse)
    with pytest.raises(OSError, match="No space"):
        one.write(PICTURE, 0.0, Frame(0, b"key", SETUP))
    with pytest.raises(OSError, match="No space"):
        one.close()
    assert one.file.closed


def test_a_broken_file_stays_as_it_was_cut(tmp_path: Path) -> None:
    one = part(tmp_path, {PICTURE: video("VP8").codec}, {PICTURE: SETUP})
    for number in range(30):
        one.write(PICTURE, number / 10, Frame(0, bytes(1000), SETUP if number == 0 else None))
    size = one.file.size
    assert size > 1000
    one.file.broken = True
    one.close()
    assert one.file.closed
    assert (tmp_path / "part_1").stat().st_size >= size
