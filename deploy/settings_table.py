"""The settings as text, for `roomcast config` and for docs/settings.md."""

from pydantic import SecretStr

from shared.settings.ranges import RANGES
from shared.settings.settings import Settings

HIDDEN = "(hidden)"

_MARKDOWN_HEAD = """\
# Settings

Environment variables, read once at the start. A wrong value prevents the start, with one line that names it;
an empty value counts as not set, except that of `MEDIA_TCP_ADDR`. Lists are separated by commas, switches are
`1` or `0`, an address is `host:port` or `:port`. `roomcast config` prints the settings that a process would
use, without the secrets.

Generated from `shared/settings/settings.py` by `make docs/settings.md`.

| name | default | range | meaning |
|---|---|---|---|
"""


def as_text(settings: Settings) -> str:
    """Two lines for each setting: `NAME=value`, then its meaning and default."""
    return "".join(
        f"{name.upper()}={_text(getattr(settings, name))}\n"
        f"    {field.description}. Default: {_text(field.default) or 'empty'}{_range(name)}\n"
        for name, field in Settings.model_fields.items()
    )


def as_markdown() -> str:
    """The whole of docs/settings.md."""
    return _MARKDOWN_HEAD + "".join(
        f"| `{name.upper()}` | {default and f'`{default}`'} | {RANGES.get(name, '')} "
        f"| {field.description} |\n"
        for name, field in Settings.model_fields.items()
        for default in (_text(field.default),)
    )


def _range(name: str) -> str:
    return f". Range: {RANGES[name]}" if name in RANGES else ""


def _text(value: object) -> str:
    """The value as in the environment, without secrets."""
    if isinstance(value, SecretStr):
        return HIDDEN if value.get_secret_value() else ""
    if value is None:
        return ""
    if isinstance(value, dict):  # ROOM_TOKENS
        return ";".join(f"{room}:{_text(token)}" for room, token in value.items())
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return f"{value:g}"
    if type(value) is tuple:
        return ",".join(map(_text, value))
    return str(value)
