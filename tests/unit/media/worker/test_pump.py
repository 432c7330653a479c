"""One turn of the socket: media goes out, the publisher is heard and told, and a fault ends one room."""

from collections.abc import Sequence

from media.rtp.rtcp import sender_report
from media.sessions.demux import Demux
from media.switch.feed import Feed
from media.switch.switch import PacketSwitch
from media.switch.wire import Wire
from media.transport.address import Address
from media.worker.pump import Pump
from tests.support.far_end import far_sender, new_keys, rtp
from tests.support.relay import TYPES, VIDEO, new_feed

NOW = 7.0


class Publisher:
    """What a feed tells its publisher; it breaks when it is to."""

    def __init__(self) -> None:
        self.heard: list[tuple[bytes, float]] = []
        self.spoke: list[float] = []
        self.breaks = False

    def receive(self, compound: bytes, now: float) -> None:
        self.heard.append((compound, now))
        self._break()

    def speak(self, now: float) -> float | None:
        self.spoke.append(now)
        self._break()
        return None

    def _break(self) -> None:
        if self.breaks:
            raise ZeroDivisionError


class Relay:
    """Where the demux sends a publisher's datagrams: a feed with one viewer."""

    def __init__(self, demux: Demux, switch: PacketSwitch, ssrc: int) -> None:
        self.feed = new_feed()
        self.publisher = self.feed.publisher = Publisher()
        keys = new_keys()
        switch.open_source(self.feed, keys)
        switch.add_viewer(self.feed, new_keys(), (Wire(96, {}), None), ("192.0.2.9", ssrc))
        demux.add_relay((ssrc,), self)
        self._sender = far_sender(keys)
        self._ssrc = ssrc
        self._sequence = 0

    def receive_media(self, _datagram: bytes, _source: Address, _now: float) -> Feed:
        return self.feed

    def packet(self) -> bytes:
        self._sequence += 1
        return self._sender.protect(rtp(self._sequence, b"x", payload_type=TYPES[VIDEO], ssrc=self._ssrc))

    def report(self) -> bytes:
        return self._sender.protect_rtcp(sender_report(self._ssrc, 1, 2, 3, 4))


class Stage:
    """Two rooms behind one pump; `sent` are the viewers' ports that got something."""

    def __init__(self) -> None:
        self.sent: list[int] = []
        switch = PacketSwitch(lambda _run, _size, address: self.sent.append(address[1]))
        demux = Demux(lambda *_: None)
        self.one, self.other = (Relay(demux, switch, ssrc) for ssrc in (1, 2))
        self._pump = Pump(demux, switch, lambda: NOW)

    def turn(self, *datagrams: bytes) -> bool:
        batch: Sequence[tuple[bytes, Address]] = [(datagram, ("192.0.2.1", 5000)) for datagram in datagrams]
        return self._pump.turn(list(batch))


def test_media_goes_out_and_the_publisher_is_told_what_is_due() -> None:
    stage = Stage()
    assert stage.turn(stage.one.packet())
    assert stage.sent == [1]
    assert stage.one.publisher.spoke == [NOW]
    assert stage.other.publisher.spoke == []


def test_nothing_is_due_before_its_time() -> None:
    stage = Stage()
    stage.one.feed.speak_again(NOW + 1)
    assert stage.turn(stage.one.packet())
    assert stage.one.publisher.spoke == []
    stage.one.feed.speak_again(NOW)
    stage.turn(stage.one.packet())
    assert stage.one.publisher.spoke == [NOW]


def test_rtcp_reaches_the_publisher_decrypted() -> None:
    stage = Stage()
    assert stage.turn(stage.one.report())
    assert stage.one.publisher.heard == [(sender_report(1, 1, 2, 3, 4), NOW)]


def test_what_is_no_media_is_said_so() -> None:
    assert not Stage().turn(b"", b"\x00", bytes(40))


def test_a_fault_ends_the_room_that_it_shows_in_and_no_other() -> None:
    for speaking in (True, False):
        stage = Stage()
        stage.one.publisher.breaks = True
        broken, whole = ((room.packet() if speaking else room.report()) for room in (stage.one, stage.other))
        stage.turn(broken, whole)
        assert isinstance(stage.one.feed.fault, ZeroDivisionError)
        assert stage.other.feed.fault is None
        stage.sent.clear()
        stage.turn(stage.one.packet(), stage.other.packet())
        assert stage.sent == [2]


def test_a_room_that_has_ended_is_told_nothing() -> None:
    stage = Stage()
    stage.one.feed.publisher = None
    stage.turn(stage.one.packet(), stage.one.report())
    assert stage.one.publisher.spoke == []
    assert stage.one.publisher.heard == []
    assert stage.one.feed.fault is None
