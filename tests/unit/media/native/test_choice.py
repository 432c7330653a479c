"""Whether the native step is used, with and without one."""

import sys

import pytest

from media.native.choice import NotBuiltError, chosen, in_words
from media.transport.udp import UdpPort
from tests.support.native_loop import NATIVE


def test_without_it_python_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "media.native.fan_out", None)  # as if it was not built
    monkeypatch.delattr("media.native.fan_out", raising=False)
    assert chosen("auto") is None
    assert chosen("off") is None
    with pytest.raises(NotBuiltError, match=r"build it: python -m deploy\.native_build"):
        chosen("on")
    assert in_words("auto").startswith("Media is sent in Python: there is no native step (")
    assert in_words("off") == "Media is sent in Python: NATIVE is off."


def test_it_is_used_where_it_was_built_unless_it_is_off() -> None:
    assert chosen("off") is None
    if NATIVE is not None:
        assert chosen("auto") is chosen("on") is NATIVE
        assert in_words("auto") == "Media is sent by the native step."


@pytest.mark.skipif(NATIVE is None, reason="the native step is not built")
def test_one_of_another_version_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media.native.fan_out.INTERFACE", 0)
    assert chosen("auto") is None
    with pytest.raises(NotBuiltError, match="another version"):
        chosen("on")


def test_a_port_that_cannot_split_runs_does_not_fan_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UdpPort, "_supports", lambda *_: False)
    port = UdpPort("127.0.0.1", 0, NATIVE)
    assert port.fan_out is None
    port.close()
