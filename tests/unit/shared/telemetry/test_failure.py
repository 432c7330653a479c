"""How log lines say why a call failed."""

import httpx
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from shared.telemetry.failure import in_words

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
