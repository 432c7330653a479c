"""A bug that one room's packets lay bare is no other room's: theirs of the same batch go on."""

import pytest

from media.switch.switch import PacketSwitch
from media.switch.wire import Wire
from media.tracks.keyframe_gate import KeyframeGate
from media.transport.address import Address
from tests.support.far_end import far_receiver, far_sender, new_keys, rtp
from tests.support.relay import TYPES, VIDEO, new_feed

WIRES = (Wire(96, {}), None)
KEYS = [new_keys() for _ in range(4)]  # of two publishers, then of their viewers


class Stage:
    """Two rooms of one viewer each, in one switch; `broken` is the feed to break."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Address]] = []
        self.switch = PacketSwitch(self._transmit)
        self.feeds = self.broken, self.whole = new_feed(), new_feed()
        self._senders = [far_sender(keys) for keys in KEYS[:2]]
        for number, feed in enumerate(self.feeds):
            self.switch.open_source(feed, KEYS[number])
            self.switch.add_viewer(feed, KEYS[2 + number], WIRES, ("192.0.2.1", number))

    def _transmit(self, run: bytes | memoryview, _size: int, address: Address) -> None:
        self.sent.append((bytes(run), address))

    def receive(self, sequence: int) -> list[bytes]:
        """A packet of each publisher in one batch; what the viewer of the whole room can read of it."""
        self.sent.clear()
        packet = rtp(sequence, b"x", payload_type=TYPES[VIDEO])
        batch = [
            (feed, sender.protect(packet)) for feed, sender in zip(self.feeds, self._senders, strict=True)
        ]
        self.switch.receive(batch, 1.0)
        reader = far_receiver(KEYS[3])
        return [reader.unprotect(data)[12:] for data, address in self.sent if address[1] == 1]


class BrokenGate(KeyframeGate):
    def lets_pass(self, payload: bytes, now: float) -> bool:
        raise ZeroDivisionError


class BrokenTap:
    def packets(self, packets: object) -> None:
        raise ZeroDivisionError


def break_packet(stage: Stage) -> None:
    gate = stage.broken.sources[VIDEO].gate = BrokenGate("VP8")
    gate.close()


def break_burst(stage: Stage) -> None:
    stage.broken.tap = BrokenTap()


@pytest.mark.parametrize("spoil", [break_packet, break_burst])
def test_the_other_room_goes_on_and_the_broken_one_stops(spoil: object) -> None:
    stage = Stage()
    assert callable(spoil)
    assert stage.receive(1) == [b"x"]
    assert len(stage.sent) == 2
    spoil(stage)
    assert stage.receive(2) == [b"x"]
    assert isinstance(stage.broken.fault, ZeroDivisionError)
    assert stage.whole.fault is None
    assert stage.receive(3) == [b"x"]
    assert len(stage.sent) == 1
