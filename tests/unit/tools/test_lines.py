"""The history of a line, as one writes it."""

from tests.support.line_shape import OPEN, Shape
from tools.lines import History, read_shape


def test_a_history_is_read() -> None:
    history = History.read(["0:open", "5:500k", "20.5:2m/40ms/1%", "30"])
    assert history.end == 30
    narrow = Shape(rate=2_000_000, delay=0.04, loss=0.01)
    assert history.shapes == ((0, OPEN), (5, Shape(rate=500_000)), (20.5, narrow))


def test_a_line_without_a_limit_may_lose() -> None:
    assert read_shape("open/5%") == Shape(loss=0.05)
