"""`roomcast up` gives each process its own ports and name."""

import pytest

from deploy.up import plane_programs
from shared.settings.host_port import HostPort
from shared.settings.settings import Settings, SettingsError, load_settings

BUS = "redis://127.0.0.1:1/0"


@pytest.fixture(autouse=True)
def _no_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_ports_of_workers_count_on() -> None:
    control, *workers = plane_programs(load_settings(workers=3, worker_http_addr=HostPort("::1", 9100)), BUS)
    assert control.environment == {"REDIS_URL": BUS}
    assert [worker.environment for worker in workers] == [
        {
            "REDIS_URL": BUS,
            "WORKER_ID": f"w{number}",
            "MEDIA_ADDR": f":{7099 + number}",
            "WORKER_HTTP_ADDR": f"[::1]:{9099 + number}",
        }
        for number in (1, 2, 3)
    ]


@pytest.mark.parametrize(
    ("setting", "told"),
    [(HostPort("", 7200), [":7200", ":7201"]), ("same", [None, None]), ("", [None, None])],
)
def test_a_tcp_port_of_its_own_counts_on_and_the_others_are_each_workers_matter(
    setting: object, told: list[str | None]
) -> None:
    _, *workers = plane_programs(load_settings(workers=2, media_tcp_addr=setting), BUS)
    assert [worker.environment.get("MEDIA_TCP_ADDR") for worker in workers] == told


def test_port_0_stays_for_every_worker() -> None:
    _, *workers = plane_programs(load_settings(workers=2, media_addr=HostPort("127.0.0.1", 0)), BUS)
    assert {worker.environment["MEDIA_ADDR"] for worker in workers} == {"127.0.0.1:0"}


def test_on_a_shared_bus_workers_name_themselves() -> None:
    control, worker = plane_programs(load_settings(redis_url=BUS), None)
    assert control.environment == {}
    assert "WORKER_ID" not in worker.environment


@pytest.mark.parametrize(("workers", "names"), [(1, ["eu"]), (2, ["eu1", "eu2"])])
def test_a_given_name_is_kept_apart(workers: int, names: list[str]) -> None:
    _, *programs = plane_programs(load_settings(workers=workers, worker_id="eu"), BUS)
    assert [program.environment["WORKER_ID"] for program in programs] == names


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"http_addr": HostPort("", 0)}, "HTTP_ADDR: "),
        ({"workers": 2, "media_addr": HostPort("", 65535)}, "MEDIA_ADDR: no port left for worker 2"),
        ({"workers": 2, "media_tcp_addr": HostPort("", 65535)}, "MEDIA_TCP_ADDR: no port left for worker 2"),
        ({"workers": 2, "worker_http_addr": HostPort("", 65535)}, "WORKER_HTTP_ADDR: no port left"),
    ],
)
def test_ports_that_cannot_be_are_refused(settings: dict[str, object], reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        plane_programs(load_settings(**settings), BUS)
