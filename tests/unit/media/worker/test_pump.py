"""One turn of the socket: media goes out, RTCP goes both ways, and a fault ends one room only."""

from media.rtp.rtcp import sender_report
from media.sessions.demux import Demux
from media.switch.feed import Feed
from media.transport.address import Address
from media.worker.pump import Pump
from tests.support.far_publisher import FarPublisher
from tests.support.published import VIDEO
from tests.support.waiting import eventually
from tests.support.world import WITHOUT_KEYFRAMES, World

NOW = 7.0


class Publisher:
    """What a feed tells its publisher. It breaks when it is to."""

    def __init__(self) -> None:
        self.heard: list[tuple[bytes, float]] = []
        self.sent_at: list[float] = []
        self.breaks = False
        self.again: list[float] = []  # when the next is due, after each time that it has sent

    def receive(self, compound: bytes, now: float) -> None:
        self.heard.append((compound, now))
        self._break()

    def send_due_rtcp(self, now: float) -> float | None:
        self.sent_at.append(now)
        self._break()
        return self.again.pop(0) if self.again else None

    def _break(self) -> None:
        if self.breaks:
            raise ZeroDivisionError


class Relayed(World):
    """A room with one viewer, whose publisher's datagrams the demux knows by this SSRC."""

    def __init__(self, demux: Demux, ssrc: int, beside: World | None = None) -> None:
        publisher = FarPublisher(WITHOUT_KEYFRAMES, ssrcs=(ssrc, ssrc + 100))
        super().__init__(publisher=publisher, beside=beside)
        self.told = self.feed.publisher = Publisher()
        self.viewer = self.join()
        self.report = sender_report(ssrc, 1, 2, 3, 4)
        demux.add_relay((ssrc,), self)

    def receive_media(self, _datagram: bytes, _source: Address, _now: float) -> Feed:
        return self.feed

    def packet(self) -> bytes:
        return self.publisher.packet(VIDEO)

    def protected_report(self) -> bytes:
        return self.publisher.protect_rtcp(self.report)


class Stage:
    """Two rooms behind one pump."""

    def __init__(self) -> None:
        demux = Demux(lambda *_: None, lambda *_: False)
        self.one = Relayed(demux, 1)
        self.other = Relayed(demux, 2, beside=self.one)
        self._pump = Pump(demux, self.one.switch, lambda: NOW)

    def turn(self, *datagrams: bytes) -> bool:
        return self._pump.turn([(datagram, ("192.0.2.1", 5000)) for datagram in datagrams])

    def arrived(self) -> list[int]:
        """How many packets each room's viewer got since the last call."""
        return [len(room.viewer.packets()) for room in (self.one, self.other)]


def test_media_goes_out_and_the_publisher_is_told_what_is_due() -> None:
    stage = Stage()
    assert stage.turn(stage.one.packet())
    assert stage.arrived() == [1, 0]
    assert stage.one.told.sent_at == [NOW]
    assert stage.other.told.sent_at == []


def test_nothing_is_due_before_its_time() -> None:
    stage = Stage()
    stage.one.feed.rtcp_due_at = NOW + 1
    assert stage.turn(stage.one.packet())
    assert stage.one.told.sent_at == []
    stage.one.feed.rtcp_due_at = NOW
    stage.turn(stage.one.packet())
    assert stage.one.told.sent_at == [NOW]


def test_rtcp_reaches_the_publisher_decrypted() -> None:
    stage = Stage()
    assert stage.turn(stage.one.protected_report())
    assert stage.one.told.heard == [(stage.one.report, NOW)]


def test_a_batch_without_media_is_reported_as_such() -> None:
    assert not Stage().turn(b"", b"\x00", bytes(40))


def test_a_fault_ends_the_room_that_it_shows_in_and_no_other() -> None:
    for sending in (True, False):
        stage = Stage()
        stage.one.told.breaks = True
        broken, whole = (
            (room.packet() if sending else room.protected_report()) for room in (stage.one, stage.other)
        )
        stage.turn(broken, whole)
        assert isinstance(stage.one.feed.fault, ZeroDivisionError)
        assert stage.other.feed.fault is None
        stage.arrived()
        stage.turn(stage.one.packet(), stage.other.packet())
        assert stage.arrived() == [0, 1]


def test_a_room_that_has_ended_is_told_nothing() -> None:
    stage = Stage()
    stage.one.feed.publisher = None
    stage.turn(stage.one.packet(), stage.one.protected_report())
    assert stage.one.told.sent_at == []
    assert stage.one.told.heard == []
    assert stage.one.feed.fault is None


async def test_what_is_due_is_told_without_media_once_and_at_its_newest_time() -> None:
    stage = Stage()
    told = stage.one.told
    told.again = [NOW + 60, NOW + 0.01, NOW + 0.01]
    stage.turn(stage.one.packet())
    stage.one.feed.rtcp_due_at = NOW
    stage.turn(stage.one.packet())
    await eventually(
        "it was told again, and once more", lambda: len(told.sent_at) == 4, within=5, every=0.005
    )
    assert stage._pump._timers == {}


async def test_a_room_that_has_ended_is_told_nothing_by_a_timer() -> None:
    stage = Stage()
    stage.one.told.again = [NOW]
    stage.turn(stage.one.packet())
    stage.one.feed.publisher = None
    await eventually("the timer is over", lambda: not stage._pump._timers, within=5, every=0.005)
    assert stage.one.told.sent_at == [NOW]
