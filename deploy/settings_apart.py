"""Settings that are read by a process of its own, so that what reads them ends with it.

pydantic holds 15 MB, which a process of a plane would keep for as long as it runs, for what it does once.
"""

import io
import os
import pickle
import sys
import traceback
from typing import TYPE_CHECKING, Any, cast

from shared.settings.setting_values import Secret, SettingsError, SettingValues

if TYPE_CHECKING:
    from shared.settings.settings import Settings


def settings_apart() -> "Settings":
    """The settings of the environment: a `SettingValues`, which has all that a `Settings` has.

    Raises `SettingsError`. This process must not have threads yet.
    """
    reading, writing = os.pipe()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    reader = os.fork()
    if reader == 0:
        _read(writing)
    os.close(writing)
    with open(reading, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(reader, 0)
    if not answer:
        raise SettingsError("the settings cannot be read: see above")
    found = pickle.loads(answer)  # noqa: S301  # of our own child
    if isinstance(found, str):
        raise SettingsError(found)
    return cast("Settings", SettingValues(found))


def _read(writing: int) -> None:
    """Write what `settings_apart` reads, and end."""
    try:
        answer = _answer()
        with open(writing, "wb") as pipe:
            pipe.write(answer)
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(0)


def _answer() -> bytes:
    """Pickled: the values, or what is wrong with them."""
    from shared.settings.settings import load_settings, values_of

    try:
        found: dict[str, Any] | str = values_of(load_settings())
    except SettingsError as error:
        found = str(error)
    answer = io.BytesIO()
    _Pickler(answer).dump(found)
    return answer.getvalue()


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        if type(value).__name__ == "SecretStr":
            return Secret, (value.get_secret_value(),)
        return NotImplemented
