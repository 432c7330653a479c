"""What `roomcast up` runs: the whole system on one machine."""

import signal
import sys

from deploy.launcher import Launch
from deploy.supervisor import Program
from deploy.valkey import EmbeddedValkey
from deploy.welcome import welcome
from shared.settings.host_port import HostPort
from shared.settings.setting_types import secret
from shared.settings.settings import Settings, SettingsError


def launch_of(settings: Settings, *, in_terminal: bool) -> Launch:
    """A control process, `WORKERS` media workers and, without `REDIS_URL`, a Valkey.

    In a terminal somebody reads what the doctor finds. Raises `SettingsError` when the settings are wrong.
    """
    valkey = None if secret(settings.redis_url) else EmbeddedValkey()
    return Launch(
        log_level=settings.log_level,
        log_format=settings.log_format,
        bus=[Program("valkey", valkey.command, stdin=valkey.config, trusted=False)] if valkey else [],
        bus_url=valkey.url if valkey else "",
        planes=plane_programs(settings, valkey.url if valkey else None),
        address=settings.http_addr,
        tls=bool(settings.tls_cert_file),
        announcement=welcome(settings),
        checkup=_roomcast("doctor", "--brief") if in_terminal else (),
    )


def plane_programs(settings: Settings, embedded_url: str | None) -> list[Program]:
    """The control process and the workers, with `embedded_url` as their bus if it is given.

    The first worker has the ports of `MEDIA_ADDR`, `MEDIA_TCP_ADDR` and `WORKER_HTTP_ADDR`, each further
    worker the next ones. Raises `SettingsError`.
    """
    if settings.http_addr.port == 0:
        raise SettingsError("HTTP_ADDR: `roomcast up` requires a port other than 0")
    bus = {"REDIS_URL": embedded_url} if embedded_url else {}
    return [
        Program("control", _roomcast("control"), bus),
        *(
            Program(
                f"worker {number}",
                _roomcast("worker"),
                bus
                | _worker_id(settings, number)
                | {
                    "MEDIA_ADDR": _counted("MEDIA_ADDR", settings.media_addr, number),
                    "WORKER_HTTP_ADDR": _counted("WORKER_HTTP_ADDR", settings.worker_http_addr, number),
                }
                | _tcp_address(settings, number),
                stop_signal=signal.SIGINT,  # SIGTERM would let it drain
            )
            for number in range(1, settings.workers + 1)
        ),
    ]


def _roomcast(*command: str) -> tuple[str, ...]:
    # -P: modules are not those of the working directory, which may be the folder of recordings
    return (sys.executable, "-P", "-m", "deploy.cli", *command)


def _worker_id(settings: Settings, number: int) -> dict[str, str]:
    if settings.worker_id:
        return {"WORKER_ID": f"{settings.worker_id}{number}" if settings.workers > 1 else settings.worker_id}
    if secret(settings.redis_url):
        return {}  # other hosts may use this bus: the worker's own default is unique there
    return {"WORKER_ID": f"w{number}"}


def _tcp_address(settings: Settings, number: int) -> dict[str, str]:
    if not isinstance(settings.media_tcp_addr, HostPort):
        return {}
    return {"MEDIA_TCP_ADDR": _counted("MEDIA_TCP_ADDR", settings.media_tcp_addr, number)}


def _counted(name: str, first: HostPort, number: int) -> str:
    if first.port == 0:  # any free port
        return str(first)
    address = first.plus(number - 1)
    if address.port > 65535:
        raise SettingsError(f"{name}: no port left for worker {number}")
    return str(address)
