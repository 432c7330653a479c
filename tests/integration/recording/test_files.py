"""What a stream looks like in its files, whatever happens to it on the way. FFmpeg sends and FFmpeg reads."""

from pathlib import Path

import av
import pytest

from tests.integration.recording.stage import Ledger, Stage, by_suffix, new_writer
from tests.support.recorded import read
from tests.support.rtp_source import Sent, audio, discontinuous, video

SECONDS = 6.0
MARKS = (1.0, 2.0, 3.0, 4.0, 5.0)
FORMS = {
    "VP8": ("ivf", "webm"),
    "VP9": ("ivf", "webm"),
    "AV1": ("ivf", "webm"),
    "H264": ("h264", "mp4"),
    "H265": ("h265", "mp4"),
}


@pytest.fixture(scope="module")
def sound() -> list[Sent]:
    return audio(SECONDS, beeps=MARKS)


@pytest.fixture(scope="module")
def pictures() -> dict[str, list[Sent]]:
    return {name: video(name, SECONDS, flashes=MARKS) for name in FORMS}


@pytest.mark.parametrize("name", FORMS)
def test_every_codec_is_recorded_whole_and_in_sync(
    name: str, tmp_path: Path, sound: list[Sent], pictures: dict[str, list[Sent]]
) -> None:
    ledger = Ledger()
    stage = Stage(new_writer(tmp_path, "opus", name, ledger=ledger), 2)
    stage.play(sound, pictures[name])
    stage.writer.close(stage.now)
    raw, muxed = FORMS[name]
    files = by_suffix(tmp_path)
    assert set(files) == {raw, "ogg", muxed}
    assert not ledger.open
    assert sorted(ledger.done) == sorted(path.name for path in tmp_path.iterdir())
    [both], [track], [ogg] = (
        (read(path) for path in files[muxed]),
        map(read, files[raw]),
        map(read, files["ogg"]),
    )
    assert both.seconds == pytest.approx(SECONDS, abs=0.1)
    assert both.declared_seconds == pytest.approx(SECONDS, abs=0.1)
    assert both.frames == track.frames == SECONDS * 30
    assert both.sizes == track.sizes == [(320, 240)]
    assert ogg.seconds == pytest.approx(SECONDS, abs=0.05)
    assert len(both.flashes) == len(both.beeps) == len(MARKS)
    assert both.worst_offset() < 0.04
    if raw == "ivf":
        assert track.seconds == pytest.approx(SECONDS, abs=0.1)
        assert track.declared_seconds == pytest.approx(SECONDS, abs=0.1)


@pytest.mark.parametrize("name", FORMS)
def test_lips_are_in_sync_where_the_sound_begins_later_than_the_picture(
    name: str, tmp_path: Path, sound: list[Sent], pictures: dict[str, list[Sent]]
) -> None:
    stage = Stage(new_writer(tmp_path, "opus", name, forms=["mux"]), 2)
    stage.play([sent for sent in sound if sent.at >= 0.5], pictures[name])
    stage.writer.close(stage.now)
    [path] = tmp_path.iterdir()
    both = read(path)
    assert both.frames == SECONDS * 30
    assert len(both.flashes) == len(both.beeps) == len(MARKS)
    assert both.worst_offset() < 0.04


@pytest.mark.parametrize(("sound_late", "picture_late"), [(0.0, 0.3), (0.3, 0.0)])
def test_sender_reports_put_lips_in_sync_from_the_first_picture_on(
    tmp_path: Path, sound: list[Sent], pictures: dict[str, list[Sent]], sound_late: float, picture_late: float
) -> None:
    """One track takes longer on its way, and reports come after two seconds."""
    stage = Stage(new_writer(tmp_path, "opus", "VP8", forms=["mux"]), 2)
    late = sound_late, picture_late
    begin = [[sent for sent in track if sent.at < 2] for track in (sound, pictures["VP8"])]
    stage.play(*begin, delays=late, reports=False)
    for track, sents in enumerate(begin):
        stage.report(track, stage.numberings[track].run(sents[-1].data), sents[-1].at)
    stage.play(
        *([sent for sent in track if sent.at >= 2] for track in (sound, pictures["VP8"])),
        delays=late,
        reports=False,
    )
    stage.writer.close(stage.now)
    [path] = tmp_path.iterdir()
    both = read(path)
    assert len(both.flashes) == len(both.beeps) == len(MARKS)
    assert both.worst_offset() < 0.02
    assert both.longest_gap < 0.035


def test_long_packets_of_sound_are_recorded_to_their_end(
    tmp_path: Path, pictures: dict[str, list[Sent]]
) -> None:
    stage = Stage(new_writer(tmp_path, "opus", "H264", forms=["mux"]), 2)
    stage.play(audio(SECONDS, packet=0.06), pictures["H264"])
    stage.writer.close(stage.now)
    [path] = tmp_path.iterdir()
    with av.open(str(path)) as container:
        assert {packet.duration for packet in container.demux(audio=0) if packet.size} == {2_880}


@pytest.mark.parametrize("every", [20, 1_000], ids=["comfort noise", "nothing"])
@pytest.mark.parametrize("name", ["VP8", "H264"])
def test_silence_that_is_not_sent_takes_its_time(
    name: str, every: int, tmp_path: Path, sound: list[Sent], pictures: dict[str, list[Sent]]
) -> None:
    """Discontinuous transmission (RFC 7587 3.1.3): no number is missing, and timestamps skip the silence."""
    sent = discontinuous(sound, every)
    assert len(sent) < len(sound) / 3
    stage = Stage(new_writer(tmp_path, "opus", name), 2)
    stage.play(sent, pictures[name])
    stage.writer.close(stage.now)
    [both], [ogg] = ([read(path) for path in by_suffix(tmp_path)[form]] for form in (FORMS[name][1], "ogg"))
    for file in (both, ogg):
        assert file.beeps == pytest.approx(MARKS, abs=0.025)
    assert both.frames == SECONDS * 30
    assert both.longest_gap < 0.035
    assert len(both.flashes) == len(MARKS)
    assert both.worst_offset() < 0.04


@pytest.mark.parametrize("name", ["VP8", "H264"])
def test_a_track_that_is_never_heard_holds_nothing_back(
    name: str, tmp_path: Path, pictures: dict[str, list[Sent]]
) -> None:
    """Until the end comes, the file lacks the last 2 s at most: that is what a crash would leave."""
    stage = Stage(new_writer(tmp_path, "opus", name, forms=["mux"]), 2)
    for sent in pictures[name]:
        stage.until(sent.at)
        stage.writer.take(stage.numberings[1].run(sent.data), sent.at)
    [path] = tmp_path.iterdir()
    assert read(path).seconds > SECONDS - 2.0
    stage.writer.close(stage.now)
    assert read(path).frames == SECONDS * 30
