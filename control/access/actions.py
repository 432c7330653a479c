"""What `actions` of a JWT may name."""

from enum import StrEnum


class Action(StrEnum):
    PUBLISH = "publish"
    STANDBY = "standby"
    PLAY = "play"
    MESSAGE = "message"
    RECORD = "record"
