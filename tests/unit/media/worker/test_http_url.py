"""The URL that a worker announces: what it has, and a word when the Internet may reach that."""

import pytest
from structlog.testing import capture_logs

from media.worker import http_url
from shared.http.server import listen
from shared.settings.host_port import HostPort
from shared.settings.settings import load_settings
from tests.unit.media.worker.test_addresses import OWN


@pytest.mark.parametrize(
    ("host", "url", "warned"),
    [
        ("", "http://10.0.0.5", True),
        ("0", "http://10.0.0.5", True),
        ("0::0", "http://[fd00::5]", True),
        ("localhost", "http://localhost", False),
    ],
)
def test_a_worker_announces_what_it_has_and_says_when_that_is_open_to_the_internet(
    host: str, url: str, warned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_url, "own_addresses", lambda: OWN)
    address = HostPort(host, 0)
    with listen("WORKER_HTTP_ADDR", address) as listener, capture_logs() as lines:
        port = listener.getsockname()[1]
        assert http_url.http_url(load_settings(worker_http_addr=address), listener) == f"{url}:{port}"
    assert [line["log_level"] for line in lines] == ["warning"] * warned
