"""Whether the native step is used: as `NATIVE` says, and if it was built."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any, Literal, Protocol

Native = Literal["auto", "off", "on"]
Source = tuple[str, int] | tuple[str, int, int, int]  # an address of UDP
INTERFACE = 5  # of the module that this version calls: one that an older version left behind has another


class NativeSending(Protocol):
    """The module `media.native.fan_out`: see its stub."""

    @property
    def Cipher(self) -> Callable[[bytes, bytes], object]: ...  # noqa: N802

    @property
    def Opener(self) -> Callable[[bytes, bytes], Any]: ...  # noqa: N802

    @property
    def Run(self) -> type: ...  # noqa: N802

    @property
    def receive(self) -> Callable[[int, int, int, bool], tuple[list[tuple[Any, Source]], int, float]]: ...

    @property
    def copy(self) -> Callable[[list[bytes]], Any]: ...

    @property
    def send(
        self,
    ) -> Callable[
        [int, Any, tuple[int, int, bytes, int, bytes], int, Sequence[tuple[object, Any, bytes]]],
        tuple[int, int, int],
    ]: ...


class NotBuiltError(Exception):
    """The native step cannot be loaded; says why, or what would mend it."""


def chosen(native: Native) -> NativeSending | None:
    """None: everything is done in Python. Raises `NotBuiltError` if it is to be on, and cannot be."""
    try:
        return None if native == "off" else _loaded()
    except NotBuiltError:
        if native == "on":
            raise
        return None


def in_words(native: Native) -> str:
    """Which one a worker with that setting would use, in a sentence."""
    if native == "off":
        return "Media is sent in Python: NATIVE is off."
    try:
        _loaded()
    except NotBuiltError as error:
        return f"Media is sent in Python: there is no native step ({error})."
    return "Media is sent by the native step."


def _loaded() -> NativeSending:
    try:
        from media.native import fan_out
    except ImportError as error:
        built = find_spec("media.native.fan_out") is not None
        raise NotBuiltError(str(error) if built else "build it: python -m deploy.native_build") from None
    if getattr(fan_out, "INTERFACE", 0) != INTERFACE:
        raise NotBuiltError("that of another version is there, build it anew: python -m deploy.native_build")
    return fan_out
