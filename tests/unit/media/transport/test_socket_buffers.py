"""The buffers of the media socket: what is granted is known, and too little is told once, with the remedy."""

import contextlib
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from media.transport.socket_buffers import ASKED_BYTES, SYSCTL, Granted, dropped, enlarge

LIMITS = Path("/proc/sys/net/core")
ENLARGE = (
    "import socket; from media.transport.socket_buffers import enlarge;"
    "print(*enlarge(socket.socket(type=socket.SOCK_DGRAM)))"
)


def limit(name: str) -> int:
    return min(ASKED_BYTES, int((LIMITS / name).read_text()))


def test_a_process_without_rights_gets_what_the_kernel_allows() -> None:
    confined = ["setpriv", "--bounding-set=-net_admin", sys.executable, "-c", ENLARGE]
    told = subprocess.run(confined, capture_output=True, text=True, check=True).stdout
    assert tuple(map(int, told.split())) == (limit("rmem_max"), limit("wmem_max"))


def test_what_is_granted_is_what_the_socket_has() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as media:
        granted = enlarge(media)
        assert granted.receive == media.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2
        assert granted.send == media.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) // 2


@pytest.mark.parametrize("granted", [Granted(212_992, ASKED_BYTES), Granted(ASKED_BYTES, 212_992)])
def test_too_little_is_one_line_with_the_remedy(granted: Granted) -> None:
    with capture_logs() as logs:
        granted.warn_if_small()
    [line] = logs
    assert line["log_level"] == "warning"
    assert line["mend"] == SYSCTL
    assert (line["receive"], line["send"]) == granted


def test_enough_is_not_worth_a_line() -> None:
    with capture_logs() as logs:
        Granted(ASKED_BYTES, ASKED_BYTES).warn_if_small()
    assert logs == []


def test_the_shipped_settings_of_the_kernel_suffice() -> None:
    shipped = Path(__file__).parents[4] / "deploy" / "systemd" / "90-roomcast.conf"
    lines = [line.replace(" ", "") for line in shipped.read_text(encoding="utf-8").splitlines()]
    assert set(SYSCTL.split()[2:]) <= set(lines)


def test_what_finds_the_buffer_full_is_counted() -> None:
    with (
        socket.socket(type=socket.SOCK_DGRAM) as media,
        socket.socket(type=socket.SOCK_DGRAM) as client,
    ):
        media.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        media.bind(("127.0.0.1", 0))
        media.setblocking(False)
        assert dropped(media) == 0
        for _ in range(50):
            client.sendto(bytes(1000), media.getsockname())
        received = 0
        with contextlib.suppress(BlockingIOError):
            while media.recv(2000):
                received += 1
        assert dropped(media) == 50 - received > 0


def test_a_closed_socket_has_no_count() -> None:
    media = socket.socket(type=socket.SOCK_DGRAM)
    media.close()
    assert dropped(media) is None
