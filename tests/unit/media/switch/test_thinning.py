"""The thinned forms of a room's picture: made while somebody gets or awaits them."""

import pytest

from media.rtp.run import Run
from media.switch.redundant_sound import RedundantSound
from media.switch.thinning import FORMS, Thinning
from media.tracks.sent_track import SentTrack
from media.tracks.thinned import Form
from tests.support.runs import indexes, run_of
from tests.support.thinned_stream import stream
from tests.support.world import World

LOWEST, KEYFRAMES = 3, 4  # behind three tracks


def tracks() -> list[SentTrack]:
    made = [SentTrack(10 * number, 10 * number + 1, join_burst="off") for number in range(1, 4)]
    for track in made:
        track.publish("VP8", deaf=False)
    return made


@pytest.fixture
def thinning() -> Thinning:
    return Thinning(tracks(), 1)  # of the track that `stream` is


def burst(sizes: list[int], begin: int = 100, track: int = 1) -> Run:
    packets = [sent.packet.packet(0) for sent in stream(sizes, begin=begin)]
    return run_of(*packets, track=track, ssrc=77, first=begin)


def numbers(made: list[Run]) -> set[int]:
    return {run.track for run in made}


def test_forms_have_numbers_behind_the_tracks(thinning: Thinning) -> None:
    assert [thinning.form(number).form for number in (LOWEST, KEYFRAMES)] == list(FORMS)
    assert [form.number for form in thinning.forms] == [LOWEST, KEYFRAMES]
    assert [sent.codec for sent in thinning.sent] == ["VP8", "VP8"]


def test_only_what_somebody_uses_is_made(thinning: Thinning) -> None:
    assert not thinning.active
    assert thinning.of(burst([2, 2, 2])) == []
    thinning.use(KEYFRAMES)
    assert thinning.active
    assert numbers(thinning.of(burst([2, 2, 2]))) == {KEYFRAMES}
    thinning.use(LOWEST)
    thinning.use(LOWEST)
    thinning.release(LOWEST)
    assert numbers(thinning.of(burst([2, 2, 2], begin=106))) == {LOWEST, KEYFRAMES}
    thinning.release(LOWEST)
    thinning.release(KEYFRAMES)
    assert not thinning.active
    assert thinning.of(burst([2, 2, 2], begin=112)) == []


@pytest.mark.parametrize("forms", [Thinning, RedundantSound])
def test_in_a_room_where_nobody_gets_a_form_none_is_asked_for(
    forms: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "of", lambda *_: 1 / 0)
    world = World(thinned=True, redundant=True)
    world.media()
    assert world.feed.fault is None


def test_other_tracks_are_left_alone(thinning: Thinning) -> None:
    thinning.use(LOWEST)
    assert thinning.of(burst([2, 2], track=0)) == []


def test_numbers_go_on_when_a_form_is_used_again_and_of_another_track(thinning: Thinning) -> None:
    thinning.use(LOWEST)
    first = thinning.of(burst([2, 2, 2]))
    thinning.release(LOWEST)
    thinning.rebase(tracks(), 2)
    thinning.use(LOWEST)
    assert thinning.of(burst([2, 2, 2])) == []
    runs = [*first, *thinning.of(burst([2, 2, 2], track=2))]
    assert indexes(runs) == list(range(1, 9))
    assert {run.ssrc for run in runs} == {20}


@pytest.mark.parametrize("number", [LOWEST, KEYFRAMES])
def test_the_base_stays_while_somebody_uses_a_form(thinning: Thinning, number: int) -> None:
    thinning.use(number)
    form = thinning.form(number)
    thinning.rebase(tracks(), 2)
    assert thinning.base == 1
    assert thinning.form(number) is form
    thinning.release(number)
    thinning.rebase(tracks(), 2)
    assert thinning.base == 2


def test_the_codec_is_that_of_the_base(thinning: Thinning) -> None:
    others = tracks()
    others[2].publish("AV1", deaf=False)
    thinning.rebase(others, 2)
    assert [sent.codec for sent in thinning.sent] == ["AV1", "AV1"]
    others[2].publish("VP9", deaf=False)
    thinning.publish(others)
    assert [sent.codec for sent in thinning.sent] == ["VP9", "VP9"]
    assert {form.base for form in thinning.forms} == {others[2]}
    assert Form.KEYFRAMES is FORMS[-1]
