"""What the benchmark says of a window: whether the load was held, and what gave out first."""

import dataclasses

import pytest

from tools.bench.report import Report
from tools.bench.scenarios.rooms import holds, shown, verdict

HELD = Report(
    rooms=1,
    viewers=100,
    gro=False,
    seconds=1.0,
    sent=1_000,
    due=100_000,
    received=99_950,
    pictures_sent=100,
    pictures_each=99.9,
    server_cpu=0.5,
    server_waited=0.05,
    server_user_share=0.5,
    server_processes=1,
    server_dropped=0,
    memory_per_viewer=None,
    delay=(),
    answer=(),
    join=(),
    generator_cpu=0.4,
    generator_dropped=0,
)


def test_a_loss_of_a_thousandth_is_held() -> None:
    assert holds(HELD)
    assert verdict(HELD) == "holds"
    assert not holds(dataclasses.replace(HELD, received=99_899))


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ({"server_cpu": 0.99}, "the server's CPU: 99% of a core"),
        ({"server_cpu": 0.99, "generator_cpu": 0.9}, "the generator took 90% of its core"),
        ({"generator_dropped": 7}, "the generator's own sockets dropped 7 datagrams"),
        ({"server_dropped": 3}, "the server's socket: it dropped 3 datagrams of publishers"),
        ({}, "lost on the way, or late: neither CPU nor a socket was seen to give out"),
        ({"server_cpu": 0.99, "server_processes": 2}, "lost on the way, or late: "),
        ({"server_waited": 0.4}, "the machine: the server waited for a core for 40% of the time"),
        ({"server_cpu": 0.7, "server_waited": 0.4}, "the machine: "),
    ],
)
def test_what_gave_out_first_is_told(what: dict[str, float], told: str) -> None:
    assert verdict(dataclasses.replace(HELD, received=90_000, **what)).startswith(told)  # type: ignore[arg-type]


def test_a_server_that_falls_behind_does_not_hold() -> None:
    assert holds(dataclasses.replace(HELD, delay=[0.01] * 9))
    assert not holds(dataclasses.replace(HELD, delay=[0.01] * 4 + [1.7] * 5))


def test_a_busy_generator_is_no_result() -> None:
    assert not holds(dataclasses.replace(HELD, generator_cpu=0.9))


def test_the_last_that_held_is_shown_with_the_one_that_did_not() -> None:
    lost = dataclasses.replace(HELD, received=90_000)
    assert shown([HELD, HELD, lost]) == [HELD, lost]
    assert shown([lost]) == [lost]
    assert shown([HELD, HELD]) == [HELD]
