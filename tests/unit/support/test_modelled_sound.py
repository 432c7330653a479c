"""The model of a browser's sound learns from a queue, and forgets it, as Chromium does."""

from tests.support.modelled_sound import FRAME_SECONDS, ModelledSound

QUEUE_SECONDS, STANDS_SECONDS = 0.3, 2.0


def lost(queues: list[float], seconds: float) -> list[float]:
    """Seconds of sound that were lost at each time of `queues`, at which a queue stands for two seconds."""
    sound = ModelledSound()
    coming: list[tuple[float, int]] = []
    for number in range(round(seconds / FRAME_SECONDS)):
        sent = number * FRAME_SECONDS
        behind = any(at <= sent < at + STANDS_SECONDS for at in queues)
        coming.append((sent + 0.02 + QUEUE_SECONDS * behind, number))
    coming.sort()
    now = 0.0
    while coming:
        while coming and coming[0][0] <= now:
            arrived, number = coming.pop(0)
            sound.arrive(number, number * FRAME_SECONDS, arrived)
        sound.play(now)
        now += FRAME_SECONDS
    return [STANDS_SECONDS * sound.concealed(at, at + STANDS_SECONDS) for at in queues]


def test_on_a_line_that_is_well_nothing_is_lost() -> None:
    assert lost([5.0], seconds=4.0) == [0.0]


def test_what_one_queue_costs_the_next_ones_do_not() -> None:
    first, *_, last = lost([10.0, 20.0, 30.0, 40.0], seconds=50.0)
    assert 0.2 <= first <= QUEUE_SECONDS
    assert last <= 0.1


def test_after_minutes_a_queue_costs_again_what_it_did() -> None:
    first, last = lost([10.0, 190.0], seconds=200.0)
    assert abs(first - last) <= 0.04
