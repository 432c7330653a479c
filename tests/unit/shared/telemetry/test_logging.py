"""Logs are one JSON object a line, name their process, and contain no secrets."""

import json
import subprocess
import sys
from typing import Any

import pytest


def logged(script: str, *, level: str = "INFO", form: str = "json") -> str:
    """What a process of its own writes to stderr; logging is set up once in a process."""
    setup = (
        "import logging\nfrom shared.telemetry.logging import configure_logging, get_logger\n"
        f"configure_logging({level!r}, {form!r}, plane='media', worker='w1')\nlog = get_logger()\n"
    )
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", setup + script], capture_output=True, text=True, timeout=30
    )
    assert result.stdout == ""
    return result.stderr


def events(script: str, **how: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in logged(script, **how).splitlines()]


def test_a_line_tells_what_who_and_when() -> None:
    [event] = events("log.info('room closed', room='demo', sessions=3)")
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "room closed",
        "level": "info",
        "plane": "media",
        "worker": "w1",
        "room": "demo",
        "sessions": 3,
    }


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_session_is_cut(form: str) -> None:
    text = logged("log.info('session ended', session='w1.SecretSecretSecret12')", form=form)
    assert "w1.Secr…" in text
    assert "Secre" not in text


def test_below_the_level_nothing_is_said() -> None:
    quiet = events("log.info('no'); log.warning('yes')", level="WARNING")
    assert [event["event"] for event in quiet] == ["yes"]


def test_what_operators_do_is_told_at_every_level() -> None:
    script = "from shared.telemetry.logging import write_audit\nwrite_audit(act='room.block')"
    [line] = events(script, level="ERROR")
    assert (line["event"], line["level"], line["act"]) == ("audit", "info", "room.block")


def test_every_line_is_laid_out_alike() -> None:
    """Operators search for `"event": "audit"`."""
    text = logged("log.info('short', room='demo', of=3); log.info('long', rooms=['demo', 'x'])")
    short, long = text.splitlines()
    assert short.startswith('{"room": "demo", "of": 3, "event": "short", "plane": "media", ')
    assert long.startswith('{"rooms": ["demo", "x"], "event": "long", "plane": "media", ')


def test_a_line_is_written_at_once() -> None:
    """Other processes write into the same pipe, and a line that is dropped must not leave its end there."""
    script = "from shared.telemetry.line_writer import LineWriter\n"
    script += "written = []\nLineWriter.write = written.append\n"
    script += "log.info('x')\nlogging.getLogger('lib').warning('x')\nassert len(written) == 2, written\n"
    script += "assert all(text.endswith('}\\n') for text in written), written"
    assert logged(script) == ""


ODD = {
    "[1]": [1],
    "SecretStr('hush')": "SecretStr('**********')",
    "2**70": 2**70,
    "Why.LEFT": "left",
    "type('Name', (str,), {})('demo')": "demo",
    "'\\ud800'": "\ud800",
    "b'raw'": "b'raw'",
    "None": None,
}


def test_whatever_a_field_holds_is_told() -> None:
    setup = "from pydantic import SecretStr\nimport enum\n"
    setup += "class Why(enum.StrEnum): LEFT = 'left'\n"
    found = events(setup + "".join(f"log.info('x', odd={value})\n" for value in ODD))
    assert dict(zip(ODD, (event["odd"] for event in found), strict=True)) == ODD


def test_a_line_of_a_request_has_its_id() -> None:
    setup = "from structlog.contextvars import bind_contextvars\nbind_contextvars(request_id='r1')\n"
    found = events(setup + "log.info('a'); log.info('b', request_id='r2')")
    assert [event["request_id"] for event in found] == ["r1", "r2"]


def test_libraries_log_in_the_same_form_from_warning_up() -> None:
    [event] = events("lib = logging.getLogger('lib'); lib.info('no'); lib.warning('took %d s', 3)")
    assert event["event"] == "took 3 s"
    assert (event["logger"], event["level"], event["worker"]) == ("lib", "warning", "w1")


RAISE = """
def authenticate(token):
    raise RuntimeError('broken')
try:
    authenticate('hush'.upper())
except RuntimeError:
    log.exception('request failed')
    logging.getLogger('lib').exception('failed')
"""


def test_a_traceback_is_part_of_its_line() -> None:
    for event in events(RAISE, level="ERROR"):
        assert event["level"] == "error"
        [error] = event["exception"]
        assert error["exc_type"] == "RuntimeError"
        assert [frame["name"] for frame in error["frames"]] == ["<module>", "authenticate"]


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_shows_no_local_variables(form: str) -> None:
    text = logged(RAISE, form=form)
    assert "authenticate" in text
    assert "HUSH" not in text


def test_auto_is_json_where_no_terminal_is() -> None:
    [event] = events("log.info('up')", form="auto")
    assert event["event"] == "up"
