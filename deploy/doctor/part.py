"""The parts of Roomcast that a host may run, by the commands that start them."""

from enum import StrEnum


class Part(StrEnum):
    UP = "up"
    CONTROL = "control"
    WORKER = "worker"

    @property
    def has_control(self) -> bool:
        return self is not Part.WORKER

    @property
    def has_workers(self) -> bool:
        return self is not Part.CONTROL
