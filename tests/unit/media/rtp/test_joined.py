"""Datagrams that came at once, or alone."""

import pytest

from media.rtp.joined import Joined, datagrams_of
from tests.support.runs import JoinedBytes


@pytest.mark.parametrize(
    ("data", "datagrams"), [(b"one", [b"one"]), (JoinedBytes([b"one", b"two"]), [b"one", b"two"])]
)
def test_each_datagram_is_given_once(data: bytes | Joined, datagrams: list[bytes]) -> None:
    assert [*datagrams_of(data)] == datagrams
