"""What is made of a receiver's URL."""

from control.webhooks.receiver import receivers_of


def test_labels_show_no_path_and_tell_receivers_of_one_host_apart() -> None:
    urls = ["https://hooks.example/secret", "https://hooks.example/other", "https://b.example:8443/"]
    receivers = receivers_of(urls)
    assert [receiver.label for receiver in receivers] == ["hooks.example", "hooks.example#2", "b.example"]
    assert len({receiver.group for receiver in receivers}) == 3
