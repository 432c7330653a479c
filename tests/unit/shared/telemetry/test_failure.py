"""How log lines say why a call failed."""

import httpx
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from shared.telemetry.failure import MAX_LENGTH, address_in, in_words

ADDRESS = "10.0.0.5:6379"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (httpx.ConnectTimeout(""), "10.0.0.5:6379: connect timeout"),
        (httpx.ConnectError("All connection attempts failed"), f"{ADDRESS}: All connection attempts failed"),
        (TimeoutError(), "10.0.0.5:6379: timeout"),
        (
            RedisConnectionError("Error 111 connecting to 10.0.0.5:6379. Connection refused."),
            "Error 111 connecting to 10.0.0.5:6379. Connection refused",
        ),
    ],
)
def test_an_error_is_words_and_an_address(error: Exception, words: str) -> None:
    assert in_words(error, ADDRESS) == words


def test_without_an_address_there_are_words_alone() -> None:
    assert in_words(ConnectionResetError()) == "connection reset"


def test_what_a_peer_wrote_is_cut() -> None:
    assert len(in_words(ValueError("x" * 10_000))) == MAX_LENGTH


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://name:secret@hooks.test/secret?token=secret", "hooks.test:443"),
        ("http://[2001:db8::1]:8080/", "[2001:db8::1]:8080"),
    ],
)
def test_an_address_has_nothing_of_a_url_that_may_be_secret(url: str, address: str) -> None:
    assert address_in(url) == address
