"""A keyframe is asked for at once, at most every 500 ms, and no waiting viewer is forgotten."""

from itertools import pairwise

import pytest

from media.tracks.keyframe_requests import (
    ANSWER_SECONDS,
    AT_ONCE,
    LASTING_SECONDS,
    MOST_PROOF,
    PROOF,
    REQUEST_SECONDS,
    KeyframeRequests,
)


def test_a_crowd_causes_two_requests() -> None:
    requests = KeyframeRequests()
    sent = [n for n in range(1000) if requests.want(n * 0.0004)]  # a thousand viewers in 400 ms
    assert sent == [0]
    assert not requests.due(0.49)
    assert requests.due(0.5)
    assert not requests.due(0.5)


# --- does the publisher listen?


def ask(requests: KeyframeRequests, now: float, answer: float | None = 0.1) -> None:
    assert requests.want(now)
    if answer is not None:
        requests.arrived(now + answer)


def test_a_publisher_that_was_never_asked_is_neither_trusted_nor_given_up() -> None:
    requests = KeyframeRequests()
    assert not requests.due(1.0)
    requests.arrived(5.0)
    assert not requests.trusted
    assert not requests.hopeless(10.0)


def test_a_publisher_that_answers_several_times_in_a_row_is_trusted() -> None:
    requests = KeyframeRequests()
    for n in range(PROOF):
        assert not requests.trusted
        ask(requests, 10.0 * n, ANSWER_SECONDS)
    assert requests.trusted
    assert not requests.hopeless(100.0)


def test_one_that_does_not_answer_in_time_is_given_up_on() -> None:
    requests = KeyframeRequests()
    ask(requests, 1.0, None)
    assert not requests.hopeless(1.0 + ANSWER_SECONDS - 0.01)
    assert requests.hopeless(1.0 + ANSWER_SECONDS)
    requests.arrived(1.0 + ANSWER_SECONDS + 1.0)  # its next keyframe, which came anyway
    assert requests.hopeless(3.0)
    for n in range(2 * PROOF):  # one request was ignored, not two
        assert not requests.trusted
        ask(requests, 10.0 + 10 * n)
    assert requests.trusted


def test_one_that_did_not_answer_has_to_prove_more() -> None:
    requests = KeyframeRequests()
    for n in range(PROOF):
        ask(requests, 10.0 * n)
    ask(requests, 100.0, None)
    ask(requests, 110.0)  # which tells that the one before got no answer
    assert not requests.trusted
    for n in range(2 * PROOF - 2):
        ask(requests, 120.0 + 10 * n)
        assert requests.hopeless(120.5 + 10 * n)
    ask(requests, 1000.0)
    assert requests.trusted
    assert not requests.hopeless(1001.0)


def test_what_has_to_be_proven_is_bounded() -> None:
    requests = KeyframeRequests()
    for n in range(10):
        ask(requests, 10.0 * n, None)
    for n in range(MOST_PROOF):
        assert not requests.trusted
        ask(requests, 100.0 + 10 * n)
    assert requests.trusted


def test_unsolicited_keyframes_do_not_deceive_for_long() -> None:
    """A keyframe every two seconds, and a viewer every 0.7: one in four requests seems to be answered."""
    requests = KeyframeRequests()
    trusted = 0
    for step in range(10_000):
        now = step / 10
        if step % 20 == 0:
            requests.arrived(now)
        if step % 7 == 0:
            requests.want(now)
        trusted += requests.trusted
    assert trusted == 0


def test_one_that_has_agreed_on_no_way_to_be_asked_is_never_asked() -> None:
    requests = KeyframeRequests(deaf=True)
    assert not requests.want(1.0)
    assert not requests.due(9.0)
    assert requests.hopeless(0.0)
    assert requests.in_vain(0.0)
    assert not requests.trusted


def test_asking_is_in_vain_when_there_is_no_answer_for_long() -> None:
    requests = KeyframeRequests()
    assert not requests.in_vain(100.0)
    for step in range(7):
        assert not requests.in_vain(10 + step / 2 - 0.51)
        requests.want(10 + step / 2)
    assert requests.in_vain(13.0)
    requests.arrived(13.5)
    assert not requests.in_vain(14.0)


def test_many_changes_of_layers_do_not_make_a_stream_of_keyframes() -> None:
    requests = KeyframeRequests()
    asked = []
    for step in range(600):
        now = 0.1 * step
        if requests.want(now):
            asked.append(now)
            requests.arrived(now + 0.05)
    assert asked[:AT_ONCE] == pytest.approx([REQUEST_SECONDS * n for n in range(AT_ONCE)])
    assert 60 / LASTING_SECONDS <= len(asked) <= 60 / LASTING_SECONDS + AT_ONCE
    assert max(later - earlier for earlier, later in pairwise(asked)) <= LASTING_SECONDS + 0.1 + 1e-9


def test_a_publisher_that_sent_many_by_itself_is_asked_soon_after_the_last() -> None:
    requests = KeyframeRequests()
    for _ in range(AT_ONCE - 1):
        requests.arrived(0.0)
    assert requests.want(0.0)  # these were not too many
    requests.arrived(0.0)
    assert not requests.want(REQUEST_SECONDS)
    for number in range(1000):
        requests.arrived(0.25 * number)
    assert not requests.want(250.0)
    assert requests.due(249.75 + LASTING_SECONDS)


def test_a_viewer_without_a_picture_does_not_wait_for_the_lasting_pace() -> None:
    requests = KeyframeRequests()
    for number in range(1000):
        requests.arrived(0.25 * number)
    assert not requests.want(250.5)
    assert requests.want(250.5, urgent=True)
    requests.arrived(250.6)
    assert not requests.want(250.7, urgent=True)  # but for the shortest one
    assert not requests.due(250.5 + REQUEST_SECONDS)  # of which the keyframe has some, too
    assert requests.due(250.6 + REQUEST_SECONDS)
    requests.arrived(251.2)
    assert not requests.want(251.7)  # it is over with the keyframe
    assert requests.want(251.8, urgent=True)
    requests.arrived(252.0)
    assert not requests.want(252.6)  # also where it was not waited for


def test_who_was_answered_does_not_wait_any_more() -> None:
    requests = KeyframeRequests()
    assert requests.want(0.0)
    assert not requests.due(REQUEST_SECONDS)
    assert not requests.want(0.1)  # too soon
    requests.arrived(0.2)
    assert not requests.due(REQUEST_SECONDS)
