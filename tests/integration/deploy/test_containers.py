"""The Dockerfile and the compose file, as far as they can be checked without Docker."""

import re
import shlex
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from media.recording.recorder import FINISH_SECONDS, REST_SECONDS
from shared.settings.settings import Settings, load_settings
from tests.integration.deploy.files import DEPLOY, PROMETHEUS, ROOT, checked, read_yaml
from tests.integration.deploy.test_systemd import NEEDED_BY_SLATES, NEEDED_BY_WORKERS, SECRETS

DOCKERFILE = DEPLOY / "docker" / "Dockerfile"
COMPOSE = DEPLOY / "compose" / "compose.yaml"
CADDYFILE = DEPLOY / "caddy" / "Caddyfile"
RTMP = "1935:1935"  # of the bridge
SETTINGS = {name.upper() for name in Settings.model_fields}


def instructions() -> list[tuple[str, str]]:
    """Instructions of the Dockerfile with their arguments, continued lines joined."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n", " ", text).splitlines()
    return [(word, rest) for word, _, rest in (line.strip().partition(" ") for line in lines) if word]


def copied() -> Iterator[str]:
    """Paths of the repository that the image is built from."""
    for word, rest in instructions():
        if word == "COPY" and not rest.startswith("--from"):
            yield from shlex.split(rest)[:-1]


# --- Dockerfile


def test_every_instruction_is_one() -> None:
    known = {"ARG", "FROM", "ENV", "RUN", "WORKDIR", "COPY", "USER", "VOLUME", "EXPOSE"}
    known |= {"STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD", "LABEL"}
    assert {word for word, _ in instructions()} <= known


def in_context(path: str) -> bool:
    """Whether Docker sends that file: the last pattern that matches it, or its folder, decides."""
    sent = True
    for line in (DEPLOY / "docker" / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            pattern = re.escape(line.lstrip("!").rstrip("/"))
            pattern = pattern.replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")  # it stays in its folder
            if re.fullmatch(f"{pattern}(/.*)?", path):
                sent = line.startswith("!")
    return sent


def test_what_is_copied_is_there_and_not_ignored() -> None:
    for path in copied():
        assert (ROOT / path).exists(), path
        files = [ROOT / path] if (ROOT / path).is_file() else (ROOT / path).rglob("*.py")
        assert [str(one) for one in files if not in_context(str(one.relative_to(ROOT)))] == []


def test_the_last_stage_runs_as_nobody_in_particular_and_installs_nothing() -> None:
    last = instructions()
    last = last[max(at for at, (word, _) in enumerate(last) if word == "FROM") :]
    users = [rest for word, rest in last if word == "USER"]
    assert users
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1]), (
        "a number: Kubernetes cannot tell whether a name is root"
    )
    assert not [
        rest for word, rest in last if word == "RUN" and re.search(r"\b(pip|apt|apt-get|curl)\b", rest)
    ]


def test_every_library_is_checked_by_its_hash() -> None:
    (libraries,) = (
        rest for word, rest in instructions() if word == "RUN" and "-r requirements/run.txt" in rest
    )
    assert "--require-hashes" in libraries
    assert "--only-binary :all:" in libraries


def test_the_health_check_is_in_the_image() -> None:
    (check,) = (rest for word, rest in instructions() if word == "HEALTHCHECK")
    (program,) = re.findall(r'CMD \["python", "-P", "-m", "([a-z.]+)"\]', check)
    assert (ROOT / f"{program.replace('.', '/')}.py").exists()
    # compose uses it, and has no other
    assert not [name for name, one in ours().items() if "healthcheck" in one]


def test_the_image_takes_no_modules_from_its_recordings() -> None:
    assert any("PYTHONSAFEPATH=1" in rest for word, rest in instructions() if word == "ENV")


def test_the_images_settings_exist() -> None:
    ours = {
        "PATH",
        "PYTHONUNBUFFERED",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONSAFEPATH",
        "PIP_DISABLE_PIP_VERSION_CHECK",
        "PIP_NO_CACHE_DIR",
    }
    names = {
        part.partition("=")[0] for word, rest in instructions() if word == "ENV" for part in shlex.split(rest)
    }
    assert names <= SETTINGS | ours
    exposed = next(rest for word, rest in instructions() if word == "EXPOSE").split()
    default = Settings.model_construct()
    assert exposed == [
        f"{default.http_addr.port}/tcp",
        f"{default.worker_http_addr.port}/tcp",
        f"{default.media_addr.port}/udp",
        f"{default.media_addr.port}/tcp",
    ]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, installed as in the image: from the copied files only."""
    folder = tmp_path_factory.mktemp("image")
    for path in copied():
        target = folder / "src" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        checked("cp", "-r", ROOT / path, target)
    venv.create(folder / "venv", symlinks=True)
    commands = [rest for word, rest in instructions() if word == "RUN"]
    assert any(command.endswith("pip install --no-deps --no-build-isolation .") for command in commands)
    checked(
        sys.executable,
        "-m",
        "pip",
        "--python",
        folder / "venv",
        "install",
        "--quiet",
        "--no-deps",
        folder / "src",
    )
    return folder


def test_the_installed_program_has_all_its_files(installed: Path) -> None:
    """Templates, scripts and pages must be package data: otherwise they are missing in the image only."""
    (packages,) = (installed / "venv").glob("lib/python*/site-packages")
    for package in ("control", "media", "shared"):
        wanted = {
            str(path.relative_to(ROOT))
            for path in (ROOT / package).rglob("*")
            if path.is_file()
            and "__pycache__" not in path.parts
            and path.suffix not in (".so", ".new")  # built in place
        }
        found = {
            str(path.relative_to(packages)) for path in (packages / package).rglob("*") if path.is_file()
        }
        assert wanted <= found


def test_the_installed_program_runs(installed: Path, tmp_path: Path) -> None:
    """Runs in its own folder, with the tests' libraries in place of the pinned ones."""
    (packages,) = (installed / "venv").glob("lib/python*/site-packages")
    libraries = next(path for path in sys.path if path.endswith("site-packages"))
    result = subprocess.run(
        [installed / "venv/bin/python", installed / "venv/bin/roomcast", "config"],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{packages}:{libraries}"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert "HTTP_ADDR=:8080" in result.stdout


# --- compose


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = read_yaml(COMPOSE)["services"]
    return found


def ours() -> dict[str, dict[str, Any]]:
    return {name: one for name, one in services().items() if one["image"] == "roomcast:latest"}


def workers() -> list[dict[str, Any]]:
    return [one for one in ours().values() if one["command"] == ["worker"]]


def test_the_cluster_is_two_controls_and_three_workers() -> None:
    assert services()["control"]["deploy"]["replicas"] == 2
    assert len(workers()) == 3


def test_every_variable_of_ours_is_a_setting() -> None:
    for name, one in ours().items():
        assert set(one["environment"]) <= SETTINGS, name


def test_every_substitution_is_in_the_example() -> None:
    example = (DEPLOY / "compose" / ".env.example").read_text(encoding="utf-8")
    offered = set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))
    used = set(re.findall(r"\$\{([A-Z_]+)[:}]", COMPOSE.read_text(encoding="utf-8")))
    assert used - offered <= {"STUN_URLS"}
    assert offered <= used


def test_every_worker_has_a_media_port_of_its_own_that_is_published() -> None:
    ports = set()
    for worker in workers():
        port = worker["environment"]["MEDIA_ADDR"].rpartition(":")[2]
        # clients get the port that it listens on
        assert worker["ports"] == [f"{port}:{port}/udp", f"{port}:{port}/tcp"]
        ports.add(port)
    assert len(ports) == len({worker["environment"]["WORKER_ID"] for worker in workers()}) == 3


def test_a_worker_has_time_to_drain_and_to_upload() -> None:
    for worker in workers():
        drain = int(worker["environment"]["DRAIN_SECONDS"])
        grace = int(worker["stop_grace_period"].rstrip("s"))
        assert grace > drain + REST_SECONDS + FINISH_SECONDS


def test_workers_reach_each_other_without_leaving_the_cluster() -> None:
    """The addresses that clients get may not work inside the containers: 127.0.0.1 on a laptop."""
    for worker in workers():
        address = worker["networks"]["default"]["ipv4_address"]
        assert worker["environment"]["MEDIA_RELAY_IPS"] == address
    fixed = [one["networks"]["default"]["ipv4_address"] for one in services().values() if "networks" in one]
    assert len(set(fixed)) == len(fixed)


def test_any_setting_reaches_the_planes() -> None:
    """By a file that need not be there, which is never committed; git and Docker leave it out."""
    for one in (services()["control"], *workers()):
        assert one["env_file"] == [{"path": "roomcast.env", "required": False}]
    assert "deploy/compose/roomcast.env" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert not in_context("deploy/compose/roomcast.env")


def test_only_the_proxies_may_say_where_a_request_comes_from() -> None:
    addresses = [services()[name]["networks"]["default"]["ipv4_address"] for name in ("haproxy", "caddy")]
    assert services()["control"]["environment"]["TRUSTED_PROXIES"].split(",") == addresses


def test_https_takes_one_line_more() -> None:
    """Caddy's file is tried with the others, in test_proxies.py."""
    caddy = services()["caddy"]
    assert caddy["profiles"] == ["tls"]
    assert set(re.findall(r"\{\$([A-Z_]+)", CADDYFILE.read_text(encoding="utf-8"))) == set(
        caddy["environment"]
    )
    assert {port.partition(":")[0] for port in caddy["ports"]} == {"80", "443"}
    upstream = re.search(r"name (\w+)\s+port (\d+)", CADDYFILE.read_text(encoding="utf-8"))
    assert upstream
    assert upstream[1] in services()
    assert int(upstream[2]) == Settings.model_construct().http_addr.port
    # without its volume each start would ask for a new certificate, and soon be refused
    assert "certificates:/data" in caddy["volumes"]


def test_what_is_mounted_from_the_repository_is_there() -> None:
    for one in services().values():
        for volume in one.get("volumes", ()):
            source = volume.partition(":")[0]
            if source.startswith("."):
                assert (COMPOSE.parent / source).exists(), source
            else:
                assert source == "/srv/slates" or source in read_yaml(COMPOSE)["volumes"]


def test_no_container_holds_a_privilege() -> None:
    for name, one in services().items():
        assert one["cap_drop"] == ["ALL"], name
        assert one.get("cap_add", []) == (["NET_BIND_SERVICE"] if name in ("coturn", "caddy") else [])
        assert "no-new-privileges:true" in one["security_opt"]
        assert "privileged" not in one
    for one in ours().values():
        assert one["read_only"] is True


def test_slates_reach_media_and_api_as_clients_do() -> None:
    slates = services()["slates"]
    assert slates["network_mode"] == "host"
    assert (
        f"${{HTTP_PORT:-{slates['environment']['HTTP_ADDR'].rpartition(':')[2]}}}:8080"
        in (services()["haproxy"]["ports"])
    )
    assert slates["command"][1:] == [volume.split(":")[1] for volume in slates["volumes"]]


@pytest.mark.parametrize(
    ("name", "needed"),
    [*((f"worker{n}", NEEDED_BY_WORKERS) for n in (1, 2, 3)), ("slates", NEEDED_BY_SLATES)],
)
def test_who_is_not_control_gets_no_secret_that_it_does_not_need(name: str, needed: set[str]) -> None:
    """Not from roomcast.env either, which `environment` goes before; the empty ones are as if not set."""
    given = services()[name]["environment"]
    empty = {setting: value for setting, value in given.items() if value == ""}
    assert set(empty) == SECRETS - needed
    unset = load_settings().model_dump()
    assert load_settings(**{setting.lower(): "" for setting in empty}).model_dump() == unset


def test_what_reaches_the_outside_is_the_proxy_and_what_carries_media() -> None:
    """Docker publishes a port on every interface, past a firewall of the host, unless an address is named."""
    for name, one in services().items():
        for port in one.get("ports", ()):
            is_media = name.startswith("worker") and f"{one['environment']['MEDIA_ADDR']}/" in port
            is_public = (
                name in ("haproxy", "caddy", "coturn") or port == RTMP or port.endswith("/udp") or is_media
            )
            assert is_public or port.startswith("127.0.0.1:"), (name, port)


def test_the_port_of_the_metrics_is_not_the_one_behind_the_proxy() -> None:
    settings = load_settings(metrics_addr=services()["control"]["environment"]["METRICS_ADDR"])
    assert settings.metrics_addr is not None
    scraped = (PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8")
    assert f"http://control:{settings.metrics_addr.port}/api/metrics/targets" in scraped
    assert f"port: {settings.metrics_addr.port}\n" in scraped
    haproxy = (DEPLOY / "haproxy" / "haproxy.cfg").read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{CONTROL_NAME\}:(\d+)", haproxy)) == {str(settings.http_addr.port)}
    assert services()["haproxy"]["environment"] == {"CONTROL_NAME": "control"}
