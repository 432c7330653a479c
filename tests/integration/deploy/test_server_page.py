"""docs/server.md: the files, units and settings that its commands name exist."""

import re

from shared.settings.settings import Settings
from tests.integration.deploy.files import DEPLOY

PAGE = (DEPLOY.parent / "docs/server.md").read_text(encoding="utf-8")
BY_SYSTEMD, BY_COMPOSE = (
    "\n".join(re.findall(r"```\n(.*?)```", part, re.DOTALL))
    for part in PAGE.split("## The other way: Compose")
)


def assigned(commands: str, file: str) -> set[str]:
    """Names in the here-document that becomes `file`."""
    (text,) = re.findall(rf"cat > {re.escape(file)} <<END\n(.*?)\nEND", commands, re.DOTALL)
    return {line.partition("=")[0] for line in text.splitlines()}


def test_each_file_that_a_command_names_exists() -> None:
    paths = re.findall(r"(?<!/)\b(?:deploy|requirements)/\S+", BY_SYSTEMD + BY_COMPOSE)
    assert len(paths) >= 5
    assert not [path for path in paths if not list(DEPLOY.parent.glob(path))]


def test_each_unit_that_is_started_exists() -> None:
    (units,) = re.findall(r"systemctl enable --now (.*)", BY_SYSTEMD)
    names = {re.sub(r"@\d+$", "@.service", unit) for unit in units.split()}
    assert names <= {path.name for path in (DEPLOY / "systemd").iterdir()}


def test_the_variables_for_systemd_are_settings() -> None:
    assert assigned(BY_SYSTEMD, "/etc/roomcast/roomcast.env") <= {
        name.upper() for name in Settings.model_fields
    }


def test_the_variables_for_compose_are_those_of_its_example() -> None:
    example = (DEPLOY / "compose/.env.example").read_text(encoding="utf-8")
    known = set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))
    assert assigned(BY_COMPOSE, ".env") <= known
    required = set(re.findall(r"\$\{(\w+):\?", (DEPLOY / "compose/compose.yaml").read_text(encoding="utf-8")))
    assert required <= assigned(BY_COMPOSE, ".env")


def test_the_caddyfile_has_the_name_that_the_page_replaces() -> None:
    assert r'sed "s/{\$DOMAIN:localhost}/' in BY_SYSTEMD
    assert "\n{$DOMAIN:localhost} {\n" in (DEPLOY / "caddy/Caddyfile").read_text(encoding="utf-8")
