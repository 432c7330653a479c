"""When a failed webhook is tried again."""

from control.webhooks.back_off import LAST_SECONDS, wait_seconds
from control.webhooks.receiver import receivers_of


def test_the_waits_double_up_to_a_minute() -> None:
    assert [wait_seconds(failures, 0.0, asked=0.0) for failures in range(1, 9)] == [
        1,
        2,
        4,
        8,
        16,
        32,
        60,
        60,
    ]
    assert wait_seconds(1_000_000, 0.0, asked=0.0) == LAST_SECONDS


def test_luck_shortens_them_by_a_quarter_at_most() -> None:
    assert wait_seconds(7, 1.0, asked=0.0) == 45


def test_a_receiver_that_asks_for_more_time_gets_it() -> None:
    assert wait_seconds(1, 0.0, asked=120.0) == 120
    assert wait_seconds(7, 0.0, asked=1.0) == 60


def test_labels_show_no_path_and_tell_receivers_of_one_host_apart() -> None:
    urls = ["https://hooks.example/secret", "https://hooks.example/other", "https://b.example:8443/"]
    receivers = receivers_of(urls)
    assert [receiver.label for receiver in receivers] == ["hooks.example", "hooks.example#2", "b.example"]
    assert len({receiver.group for receiver in receivers}) == 3
