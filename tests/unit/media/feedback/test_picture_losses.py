"""What one viewer loses of its picture: what is sent again, at once or in its turn, and what stops for it."""

import math

import pytest

from media.feedback import retransmit_queue
from media.feedback.missing_packets import MissingPackets
from media.feedback.retransmit_queue import AT_ONCE_OCTETS
from media.line.estimate import LineEstimate
from media.line.line_log import LineLog
from media.line.loss_run import Loss, LossRun
from media.rtp.rtcp import ReportBlock, nack, pli, receiver_report, remb
from media.rtp.run import Run
from media.switch.join_burst import JoinBurst
from media.switch.rendition import PACKET_OVERHEAD
from media.switch.viewer import Viewer
from tests.support.far_viewer import REPORTER
from tests.support.layers_world import PICTURE, PICTURE_RTX
from tests.support.shown_world import SINGLE, ShownWorld, Watcher, limited


@pytest.fixture
def viewer() -> Watcher:
    """It gets the best layer, which almost fits, and waits for a keyframe of the next one."""
    world = ShownWorld()
    world.answers = False
    viewer = world.watch(number=5)
    world.run(3.0)
    assert world.feed.ladder is not None
    line, viewer.answers = viewer.picture.line, False
    for seconds in (0.03, 0.3, 0.3):
        line.round_trip(seconds, world.now)
    line.train_came(0.97 * world.feed.ladder.needs[0], world.now)
    viewer.picture.tick(world.now)
    return viewer


def latest(world: ShownWorld, rendition: int, packets: int) -> list[Run]:
    """So many of the latest packets of a rendition, one by one."""
    sent = world.feed.sent[rendition]
    return list(
        filter(None, (sent.held(sent.history.next_index - n, world.now) for n in range(1, packets + 1)))
    )


@pytest.mark.parametrize(("room", "goes_on"), [(0.0, False), (20_000.0, True), (math.inf, True)])
def test_it_stops_when_what_is_missing_does_not_come(
    viewer: Watcher, monkeypatch: pytest.MonkeyPatch, room: float, goes_on: bool
) -> None:
    world = viewer.world
    monkeypatch.setattr(viewer.picture.line, "room", lambda need, now: room)
    missing = latest(world, 0, 1)
    for _ in range(3):  # it requests a packet again and again
        assert viewer.picture.asked(missing, world.now) == goes_on
        world.run(0.1)
    assert (viewer.rendition == 0) is goes_on
    world.answers = True
    world.until(lambda: viewer.rendition == 1, 1.0)


def test_a_burst_that_was_lost_is_sent_again_at_the_pace_of_pictures_and_the_oldest_first() -> None:
    """At once it would be lost once more, and take from what leaves meanwhile."""
    world = ShownWorld()
    viewer = world.watch()
    world.run(3.0)
    assert viewer.picture.rests
    before, asked_at = len(viewer.got), world.now
    lost = [packet.sequence for packet in viewer.pictures(world.now - 0.18)]  # in less time than a sign takes
    assert len(lost) > 20
    viewer.far.says(nack(REPORTER, PICTURE, lost[10:]))
    viewer.far.says(nack(REPORTER, PICTURE, lost[:10]))
    world.run(1.0)
    again = [(at, packet) for at, packet in viewer.got[before:] if packet.ssrc == PICTURE_RTX]
    assert len(again) == len(lost)
    ladder = world.feed.ladder
    assert ladder is not None
    octets = sum(len(packet.payload) for _, packet in again)
    took = again[-1][0] - asked_at
    assert took == pytest.approx((octets - AT_ONCE_OCTETS) * 8 / ladder.needs[0], rel=0.15)
    originals = [int.from_bytes(packet.payload[:2]) for _, packet in again]
    rest = originals[originals.index(lost[0]) :]
    assert len(rest) > len(lost) / 2
    assert rest == sorted(rest)


def chokes(viewer: Watcher, bitrate: int) -> None:
    viewer.far.says(remb(REPORTER, bitrate, [PICTURE]))


def test_a_picture_that_is_far_too_much_stops_before_the_next_tick() -> None:
    world = ShownWorld()
    viewer = world.watch()
    world.run(3.0)
    assert viewer.rendition == 0
    chokes(viewer, 30_000)
    assert viewer.rendition is None


def test_a_viewer_that_waits_for_its_first_picture_goes_on_to_wait() -> None:
    world = ShownWorld(answers=False)
    viewer = world.watch()
    world.run(0.5)
    before = viewer.far.viewer.behind, viewer.rendition
    assert not viewer.picture.has_news
    viewer.picture.line.lost(Loss(0.9, 0.9, world.now - 0.5, world.now), world.now)
    chokes(viewer, 30_000)
    assert viewer.picture.has_news
    assert (viewer.far.viewer.behind, viewer.rendition) == before
    world.answers = True
    world.run(1.0)
    assert viewer.pictures()


@pytest.fixture
def world() -> ShownWorld:
    return ShownWorld()


def test_what_a_receiver_reports_counts_once_a_second(
    world: ShownWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, told = world.watch(), []
    world.run(1.0)
    monkeypatch.setattr(viewer.picture, "report", lambda *report: told.append(report))
    highest = viewer.pictures()[-1].sequence
    for seconds in range(2):
        blocks = [ReportBlock(PICTURE, 0, 9 * seconds, highest + 100 * seconds, 0, 0, 0)]
        blocks += [ReportBlock(PICTURE_RTX, 0, 50 * seconds, 100 * seconds, 0, 0, 0)]  # tells nothing
        viewer.far.says(receiver_report(REPORTER, blocks))
        world.run(1.0)
    assert told == [(9, 100, first_after(viewer, highest), 0.0, pytest.approx(world.now - 1.0))]


def first_after(viewer: Watcher, sequence: int) -> float:
    """When the next packet of its picture was sent."""
    return next(at for at, each in viewer.got if each.ssrc == PICTURE and each.sequence == sequence + 1)


def test_what_was_lost_before_a_picture_stopped_says_nothing_of_the_next_one() -> None:
    """A receiver counts the last packets of a picture as lost when it has got some of the next one."""
    world = ShownWorld()
    viewer = world.watch()
    world.run(2.0)
    began = viewer.pictures()[-1].sequence
    viewer.far.says(receiver_report(REPORTER, [ReportBlock(PICTURE, 0, 0, began, 0, 0, 0)]))
    world.run(1.0)
    came = [packet.sequence for packet in viewer.pictures(world.now - 0.2)]
    viewer.picture.line.lost(Loss(0.6, 0.6, world.now - 0.4, world.now), world.now)
    viewer.picture.tick(world.now)
    assert viewer.rendition is None
    world.answers = False
    world.run(0.3)  # until a round trip shows that what was sent before has come
    viewer.far.says(receiver_report(REPORTER, [ReportBlock(PICTURE, 0, 0, came[0], 0, 0, 0)]))
    world.answers = True
    world.run(1.0)
    signs, last = viewer.picture.line.signs, viewer.pictures()[-1].sequence
    lost = came[-1] - came[0]
    viewer.far.says(receiver_report(REPORTER, [ReportBlock(PICTURE, 0, lost, last, 0, 0, 0)]))
    assert viewer.picture.line.signs == signs
    world.run(1.0)
    ended = viewer.pictures()[-1].sequence
    lost += round(0.7 * (ended - last))
    viewer.far.says(receiver_report(REPORTER, [ReportBlock(PICTURE, 0, lost, ended, 0, 0, 0)]))
    assert viewer.picture.line.signs == signs + 1  # what is lost of the next one does


def test_what_a_full_line_has_dropped_is_not_sent_into_it_again() -> None:
    world = ShownWorld()
    viewer = world.watch()
    world.run(3.0)
    before = len(viewer.got)
    came = [packet.sequence for packet in viewer.pictures(world.now - 0.4)]
    viewer.far.says(nack(REPORTER, PICTURE, [sequence for n, sequence in enumerate(came) if n % 3]))
    viewer.step()
    assert not [packet for _, packet in viewer.got[before:] if packet.ssrc == PICTURE_RTX]


def test_what_is_lost_of_a_picture_that_goes_at_a_pace_is_sent_again_in_its_turn() -> None:
    """At once it would meet what left just before it, in a line that has room for one packet."""
    world, viewer = paced()
    before = len(viewer.got)
    lost = [packet.sequence for packet in viewer.pictures(world.now - 0.4)][-6:]
    viewer.far.says(nack(REPORTER, PICTURE, lost))
    world.run(0.5)
    again = [
        (at, packet)
        for at, packet in viewer.got[before:]
        if packet.ssrc == PICTURE_RTX and not packet.padding
    ]
    assert len(again) == len(lost)
    assert len({at for at, _ in again}) == len(lost)


def test_what_a_good_line_loses_is_sent_again_at_once_and_is_no_sign(
    world: ShownWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = world.watch(number=5)
    world.run(3.0)
    before, signs = len(viewer.got), viewer.picture.line.signs
    came = [packet.sequence for packet in viewer.pictures(world.now - 0.4)]
    octets: list[int] = []
    monkeypatch.setattr(viewer.picture, "resent", lambda packet, now: octets.append(packet.octets))
    viewer.far.says(nack(REPORTER, PICTURE, lost := came[::6]))
    viewer.step()
    assert viewer.picture.line.signs == signs
    assert len(octets) == len(lost)
    again = [packet for _, packet in viewer.got[before:] if packet.ssrc == PICTURE_RTX and not packet.padding]
    assert len(again) == len(lost)


def test_a_keyframe_is_asked_for_of_the_layer_that_it_gets(
    world: ShownWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, asked = world.watch(), list[int]()
    monkeypatch.setattr(world.feedback, "want_keyframe", lambda number, now, **_: asked.append(number))
    for rendition in (1, None):  # of no layer: of the best
        viewer.far.viewer.rendition = rendition
        viewer.far.says(pli(REPORTER, PICTURE))
    assert asked == [1, 0]


def test_when_a_packet_was_sent_that_its_viewer_may_not_have_been_sent_is_not_known(
    world: ShownWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    feedback, looked_for = world.watch().far.playback.feedback, list[int]()
    monkeypatch.setattr(Viewer, "has_changed", lambda *_: True)
    monkeypatch.setattr(Viewer, "stretch_of", lambda _, sequence, ssrc: looked_for.append(sequence))
    assert feedback._sent_at(PICTURE, 0x1FFFF, world.now) == -math.inf
    assert looked_for == [0xFFFF]


def test_what_was_before_a_keyframe_of_another_layer_is_not_sent_into_a_narrow_line(
    world: ShownWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = world.watch()
    world.run(3.0)
    viewer.line = 480_000
    world.until(lambda: viewer.rendition == 1)
    pictures, asked = viewer.pictures(), list[int]()
    monkeypatch.setattr(viewer.picture, "asked", lambda missing, now: asked.extend(missing) or 0)
    for place, is_found in ((-9, False), (-1, True)):
        viewer.far.loses(PICTURE, pictures[place].sequence)
        assert bool(asked) is is_found
    asked.clear()
    world.run(3.0)
    viewer.far.loses(PICTURE, pictures[-1].sequence)
    assert not asked  # it is not held any more


def paced() -> tuple[ShownWorld, Watcher]:
    """A viewer whose line has become narrow, and has not shown that it has a queue."""
    world = ShownWorld()
    viewer = world.watch()
    viewer.answers = False
    world.run(3.0)
    viewer.line = 480_000
    world.run(6.0)
    assert viewer.picture.is_paced
    return world, viewer


@pytest.mark.parametrize(("tells_of_trains", "is_shared"), [(False, False), (True, False), (True, True)])
def test_what_is_lost_is_judged_by_when_it_left_and_when_it_would_have_come(
    monkeypatch: pytest.MonkeyPatch, tells_of_trains: bool, is_shared: bool
) -> None:
    world, viewer = paced()
    if tells_of_trains:
        viewer.picture.line.train_came(5e6, world.now)
    monkeypatch.setattr(LineEstimate, "is_shared", is_shared)
    viewer.picture.line.sends_less(world.now - 3.0)
    overflows = tells_of_trains and not is_shared  # a queue of ours
    rendition, trips = viewer.rendition, viewer.picture.line.trips
    assert rendition is not None
    told: list[object] = []
    monkeypatch.setattr(JoinBurst, "late", 0.25)  # its pictures leave later
    loss = Loss(0.6, 0.6, world.now - 0.2, world.now)

    def asked(
        _: LossRun, track: int, lost: list[object], at: float, *, queue: float, overflows: bool, since: float
    ) -> Loss:
        told.extend((*lost, at, queue, overflows, since))
        return loss

    monkeypatch.setattr(LossRun, "asked", asked)
    monkeypatch.setattr(LineLog, "sent", lambda *_: told.append("sent"))
    monkeypatch.setattr(LineLog, "lost", lambda _, loss, now: told.append(loss))
    monkeypatch.setattr(LineLog, "missed", lambda _, now: told.append(now))
    monkeypatch.setattr(MissingPackets, "asked", lambda _, sent_at, now, refused: told.append(sent_at))
    missing = latest(world, rendition, 9)[-1]
    index, sent_at = (
        missing.first,
        world.now - world.feed.sent[rendition].history.age(missing.first, world.now),
    )
    assert max(sent_at, world.now - trips.shortest_known) < world.now
    viewer.picture.asked([missing], world.now)
    run = [(index, sent_at + 0.25), world.now - trips.shortest_known, trips.queue, overflows, world.now - 3.0]
    assert told == ["sent", world.now, *run, "sent", loss, sent_at]


@pytest.mark.parametrize("is_first", [False, True])  # of the first one it is not known when packets left
def test_what_is_lost_counts_while_a_picture_that_began_at_a_pace_catches_up(
    monkeypatch: pytest.MonkeyPatch, is_first: bool
) -> None:
    world, viewer = paced()
    behind, counted = viewer.far.viewer.behind, list[int]()
    assert isinstance(behind, JoinBurst)
    behind.pace(0.0)
    behind.is_first = is_first
    monkeypatch.setattr(LossRun, "asked", lambda _, track, lost, at, **__: counted.extend(n for n, _ in lost))
    assert viewer.rendition is not None
    missing = latest(world, viewer.rendition, 9)[-1]
    viewer.picture.asked([missing], world.now)
    assert counted == ([] if is_first else [missing.first])


def test_what_is_lost_of_another_rendition_counts_in_no_run_of_the_present_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its numbers may be far ahead: then all that is lost since seems to be next to nothing."""
    world = ShownWorld()
    viewer = world.watch()
    world.run(2.0)
    counted: list[int] = []
    monkeypatch.setattr(LossRun, "asked", lambda _, track, lost, at, **__: counted.extend(n for n, _ in lost))
    former, present = latest(world, 1, 2), latest(world, 0, 2)
    assert viewer.picture.asked([*former, *present], world.now) == 4
    assert counted == [run.first for run in present]
    assert viewer.picture.asked(former, world.now) == 2
    assert len(counted) == 2


def test_what_is_sent_again_at_a_pace_is_paid_with_its_header(monkeypatch: pytest.MonkeyPatch) -> None:
    world, viewer = paced()
    spent: list[int] = []
    monkeypatch.setattr(type(viewer.far.viewer.behind), "spend", lambda _, octets: spent.append(octets))
    assert viewer.rendition is not None
    track = world.feed.sent[viewer.rendition]
    packet = track.held(track.history.next_index - 1, world.now)
    assert packet is not None
    viewer.picture.resent(packet, world.now)
    assert spent == [packet.octets + PACKET_OVERHEAD]


@pytest.mark.parametrize(("room", "sent_again"), [(0.0, 0), (1.0, 2)])
def test_what_is_lost_of_keyframes_alone_comes_again_if_there_is_any_room(
    monkeypatch: pytest.MonkeyPatch, room: float, sent_again: int
) -> None:
    world, viewer = limited(SINGLE, 120_000, keyframe_seconds=1.0)
    monkeypatch.setattr(viewer.picture.line, "room", lambda need, now: room)
    assert viewer.picture.asked(latest(world, 0, 2), world.now) == sent_again


def test_what_waits_for_its_turn_waits_once_and_no_more_than_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, viewer = paced()
    monkeypatch.setattr(retransmit_queue, "MOST_PACKETS", 4)
    stats = viewer.far.stats
    lost = [packet.sequence for packet in viewer.pictures(world.now - 1.5)][:-5:12]  # too few for a sign
    assert len(lost) >= 6
    for _ in range(5):
        viewer.far.says(nack(REPORTER, PICTURE, lost))
    assert viewer.picture.steps
    sent, refused = stats.retransmissions, stats.retransmissions_refused
    assert refused > 0  # those for which there was no place
    world.run(1.0)
    assert (stats.retransmissions, stats.retransmissions_refused) == (sent + 4, refused)


def test_who_has_the_best_again_rests_whatever_its_line_has_lost() -> None:
    world, viewer = paced()
    viewer.line = 4e6
    world.run(10.0)
    assert viewer.rendition == 0
    assert viewer.picture.is_paced  # its line may be shallow: a sign is not long ago
    world.run(20.0)
    assert viewer.picture.rests
    stepped = viewer.stepped
    world.run(5.0)
    assert viewer.stepped == stepped
