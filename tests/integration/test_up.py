"""`roomcast up` as a person runs it: it starts quickly, survives a crash, and leaves nothing behind."""

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
import pytest_asyncio

from deploy.demo import url_here
from deploy.tether import tethered
from shared.settings.host_port import HostPort
from shared.settings.settings import Settings, load_settings
from tests.support.free_ports import free_port
from tests.support.planted import plant, was_run
from tests.support.waiting import eventually

READY_SECONDS = 40.0  # 5 s on a machine that does nothing else
STOP_SECONDS = 8.0  # beside other tests; ...
PROMISED_STOP_SECONDS = 3.0  # ... and alone, as docs/architecture.md promises
ADMIN = "admin"


@dataclass
class Up:
    process: subprocess.Popen[bytes]
    log: Path
    api: httpx.AsyncClient

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    async def workers(self) -> set[str]:
        """The IDs of the workers that control knows; empty while control is not up."""
        try:
            response = await self.api.get("/api/workers")
        except httpx.TransportError:
            return set()
        return {worker["id"] for worker in response.json()} if response.is_success else set()

    async def ready(self) -> None:
        """Wait until it reports that it is ready and both workers are there."""
        await eventually(
            "it says that it is ready", lambda: "Roomcast is ready." in self.output, READY_SECONDS
        )
        await eventually("both workers are there", self._complete, READY_SECONDS)

    async def _complete(self) -> bool:
        return await self.workers() == {"w1", "w2"}

    def worker(self, name: str) -> psutil.Process:
        """The process of a worker."""
        [process] = [child for child in self.children() if child.environ().get("WORKER_ID") == name]
        return process


@contextlib.contextmanager
def started(
    folder: Path,
    output: int | None = None,
    options: Sequence[str] = (),
    under: Sequence[str] = (),
    **settings: str,
) -> Iterator[Up]:
    """`roomcast up --workers 2` in `folder`, on free ports, with the given settings and no others.

    Its output goes to the log, or to the file descriptor `output`. `under`: a command that runs it.
    """
    port = free_port()
    known = {name.upper() for name in Settings.model_fields}
    environment = {name: value for name, value in os.environ.items() if name not in known} | {
        "HTTP_ADDR": f"127.0.0.1:{port}",
        "MEDIA_ADDR": "127.0.0.1:0",
        "WORKER_HTTP_ADDR": "127.0.0.1:0",
        "ADMIN_TOKEN": ADMIN,
        **settings,
    }
    log = folder / "up.log"
    as_admin = {"Authorization": f"Bearer {ADMIN}"}
    with log.open("wb") as file:
        process = subprocess.Popen(
            tethered([*under, sys.executable, "-P", "-m", "deploy.cli", "up", "--workers", "2", *options]),
            cwd=folder,
            env=environment,
            stdout=file if output is None else output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Up(process, log, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=as_admin))
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


@contextlib.asynccontextmanager
async def ready(folder: Path) -> AsyncIterator[Up]:
    """One that is ready; at the end SIGTERM ends what the test has not."""
    with started(folder) as running:
        async with running.api:
            await running.ready()
            yield running
        running.process.terminate()
        assert running.process.wait(STOP_SECONDS) in (0, -signal.SIGKILL)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lasting(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Up]:
    """One for all tests that leave it as they found it."""
    folder = tmp_path_factory.mktemp("lasting")
    plant(folder)
    async with ready(folder) as running:
        yield running


@pytest.fixture
async def up(tmp_path: Path) -> AsyncIterator[Up]:
    """One for a test that ends it."""
    async with ready(tmp_path) as running:
        yield running


@pytest.mark.asyncio(loop_scope="module")
async def test_says_where_to_publish_and_watch(lasting: Up) -> None:
    url = f"{lasting.api.base_url}/api/whip/publish/demo".replace("127.0.0.1", "localhost")
    assert url in lasting.output
    assert (await lasting.api.get("/readyz")).status_code == 200
    assert len(lasting.children()) == 4  # valkey, control and two workers


@pytest.mark.asyncio(loop_scope="module")
async def test_no_process_takes_modules_from_the_folder_in_which_it_runs(lasting: Up) -> None:
    folder = lasting.log.parent
    assert Path(lasting.worker("w1").cwd()).samefile(folder)
    assert not was_run(folder)


@pytest.mark.asyncio(loop_scope="module")
async def test_ctrl_c_in_a_terminal_is_for_up_alone(lasting: Up) -> None:
    assert os.getpgid(lasting.process.pid) not in {os.getpgid(child.pid) for child in lasting.children()}


@pytest.mark.asyncio(loop_scope="module")
async def test_everything_comes_back_when_valkey_died(lasting: Up) -> None:
    [valkey] = [child for child in lasting.children() if "valkey" in child.name()]
    valkey.kill()
    await eventually("it is restarted", lambda: '"valkey"' in lasting.output, READY_SECONDS)
    await lasting.ready()


@pytest.mark.alone
async def test_ctrl_c_ends_everything(up: Up) -> None:
    children = up.children()
    begin = time.monotonic()
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(PROMISED_STOP_SECONDS) == 0
    assert time.monotonic() - begin < PROMISED_STOP_SECONDS
    assert not any(child.is_running() for child in children)
    assert "Traceback" not in up.output


def _tcp() -> socket.socket:
    return socket.create_server(("127.0.0.1", free_port()))


def _udp() -> socket.socket:
    taken = socket.socket(type=socket.SOCK_DGRAM)
    taken.bind(("127.0.0.1", free_port(kind=socket.SOCK_DGRAM)))
    return taken


@pytest.mark.parametrize(("setting", "take"), [("HTTP_ADDR", _tcp), ("MEDIA_ADDR", _udp)])
def test_a_port_in_use_stops_the_start_in_one_line(
    setting: str, take: Callable[[], socket.socket], tmp_path: Path
) -> None:
    with take() as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        # one worker: a second one wants the next port, and might be the first to say that it is in use
        with started(tmp_path, options=["--workers", "1"], **{setting: address}) as up:
            assert up.process.wait(READY_SECONDS) == 2
    reasons = [line for line in up.output.splitlines() if line.startswith("roomcast: ")]
    assert [reason for reason in reasons if setting in reason and address in reason], up.output
    assert "Traceback" not in up.output


@pytest.fixture
def hearing_hang_ups() -> Iterator[None]:
    """Processes that are started here end by SIGHUP, also where the tests themselves run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hearing_hang_ups")
async def test_a_terminal_gets_a_certificate_a_code_and_what_the_doctor_finds_until_it_hangs_up(
    tmp_path: Path,
) -> None:
    controller, terminal = os.openpty()
    os.set_blocking(controller, False)
    port, shown = free_port(), b""
    settings = {
        "HTTP_ADDR": f":{port}",
        "PUBLIC_URL": "https://live.example",
        "XDG_STATE_HOME": str(tmp_path),
    }
    with started(tmp_path, output=terminal, options=["--tls"], **settings) as up:
        os.close(terminal)

        def complete() -> bool:
            nonlocal shown
            with contextlib.suppress(BlockingIOError):
                shown += os.read(controller, 65_536)
            return b"  doctor " in shown

        await eventually("the doctor has told", complete, READY_SECONDS)
        assert "▄▄▄▄▄" in shown.decode()
        trusting = ssl.create_default_context(cafile=str(tmp_path / "roomcast" / "tls-cert.pem"))
        async with httpx.AsyncClient(verify=trusting, trust_env=False) as http:
            assert (await http.get(f"https://localhost:{port}/readyz")).status_code == 200
        settings_of_others = load_settings(http_addr=HostPort("", port))
        assert await asyncio.to_thread(url_here, settings_of_others) == f"https://localhost:{port}"
        up.process.send_signal(signal.SIGHUP)
        assert up.process.wait(STOP_SECONDS) == 0
    os.close(controller)
