"""What happened in a simulated world, in plain words, for whoever looks for a fault."""

from collections.abc import MutableMapping
from typing import Any

import structlog

from tests.world.clock import START, clock
from tests.world.loop import present_process

_HEARD_ANYWAY = ("request", "audit")  # from who asked


class Story:
    """`lines` is the timeline."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.lost_webhooks = 0
        self.faults: list[str] = []  # exceptions that were logged

    def tell(self, who: str, what: str) -> None:
        self.lines.append(f"{clock.now - START:8.3f} s  {who:<10} {what}")

    def listen(self) -> None:
        """Take the logs of all processes."""
        structlog.configure(
            processors=[self._take],
            wrapper_class=structlog.make_filtering_bound_logger("warning"),
            cache_logger_on_first_use=False,
        )

    def _take(self, _: object, level: str, event: MutableMapping[str, Any]) -> str:
        process = present_process()
        if process is not None and process.is_alive and event["event"] not in _HEARD_ANYWAY:
            words = {name: value for name, value in event.items() if name not in ("event", "exc_info")}
            self.tell(process.name, f"logs: {event['event']} {words or ''}".rstrip())
            if event["event"].startswith("webhooks are lost"):
                self.lost_webhooks += event["events"]
            if event.get("exc_info"):
                self.faults.append(f"{process.name}: {event['event']}")
        raise structlog.DropEvent
