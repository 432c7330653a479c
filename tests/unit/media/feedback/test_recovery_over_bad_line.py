"""Two peers in memory over a bad line: lost packets come again, in time, over plain RTP and over RTX."""

import pytest

from media.feedback.retransmit_budget import RetransmitBudget
from media.rtp.packet import RtpPacket, build_header, parse
from media.rtp.rtcp import Nack, parse_compound
from media.rtp.rtx import RtxStream, unwrap
from media.tracks.history import PacketHistory
from tests.support.line_nacks import LineNacks
from tests.support.simulated_line import Line

STARTS = [0, 1, 32767, 32768, 60000, 63000, 64000, 65000, 65500, *range(65529, 65536)]
PACKETS = 4000
SPACING = 0.002
IN_TIME = 0.500
MEDIA, RTX = (96, 0xCAFE), (97, 0xBEEF)


class Sender:
    def __init__(self, line: Line, first: int, with_rtx: bool) -> None:
        self.line = line
        self.first = first
        self.rtx = RtxStream(RTX[1], RTX[0], first=65530) if with_rtx else None
        self.history: PacketHistory[RtpPacket] = PacketHistory()
        self.budget = RetransmitBudget(0.0)
        self.media = self.resent = 0

    def send(self, n: int, receiver: "Receiver") -> None:
        extended = self.first + n
        payload = n.to_bytes(4) * 100
        packet = RtpPacket(False, n % 10 == 9, 96, extended & 0xFFFF, n * 180, MEDIA[1], (), payload)
        self.history.append(extended, self.line.now, packet)
        self.media += len(payload)
        wire = build_header(packet, MEDIA[0], packet.sequence, packet.timestamp, MEDIA[1], b"") + payload
        self.line.send(lambda: receiver.receive(wire))

    def receive(self, compound: bytes, receiver: "Receiver") -> None:
        (asked,) = parse_compound(compound)
        assert isinstance(asked, Nack)
        for sequence in asked.sequences():
            newest = self.first + PACKETS
            extended = newest - (newest - sequence & 0xFFFF)
            packet = self.history.get(extended, self.line.now)
            assert packet is not None
            assert packet.sequence == sequence
            if self.budget.take(0, extended, len(packet.payload), self.media, self.line.now):
                self.resend(packet, receiver)

    def resend(self, packet: RtpPacket, receiver: "Receiver") -> None:
        self.resent += len(packet.payload)
        if self.rtx is not None:
            _, header, payload = self.rtx.wrap(packet, packet.sequence, packet.timestamp, b"")
        else:
            header = build_header(packet, MEDIA[0], packet.sequence, packet.timestamp, MEDIA[1], b"")
            payload = packet.payload
        self.line.send(lambda: receiver.receive(header + payload))


class Receiver:
    def __init__(self, line: Line, sender: Sender, with_nack: bool) -> None:
        self.line = line
        self.sender = sender
        self.nacks = LineNacks(line, MEDIA[1], self.ask) if with_nack else None
        self.arrived: dict[int, float] = {}  # by timestamp, when it came first

    def receive(self, wire: bytes) -> None:
        packet = parse(wire)
        if packet.payload_type == RTX[0]:
            packet = unwrap(packet, *MEDIA)
        assert packet.payload == (packet.timestamp // 180).to_bytes(4) * 100
        self.arrived.setdefault(packet.timestamp, self.line.now)
        if self.nacks is not None:
            self.nacks.received(packet.sequence)

    def ask(self, compound: bytes) -> None:
        self.sender.receive(compound, self)


def play(first: int, loss: float, with_rtx: bool = False, with_nack: bool = True) -> tuple[float, Sender]:
    """The share of packets that came in time."""
    line = Line(seed=first, loss=loss)
    sender = Sender(line, first, with_rtx)
    receiver = Receiver(line, sender, with_nack)
    for n in range(PACKETS):
        line.at(n * SPACING, lambda n=n: sender.send(n, receiver))  # type: ignore[misc]
    line.run()
    # nobody knows what was lost before the first arrival
    in_time = sum(receiver.arrived.get(n * 180, 1e9) - n * SPACING <= IN_TIME for n in range(1, PACKETS))
    return in_time / (PACKETS - 1), sender


@pytest.mark.parametrize("with_rtx", [False, True], ids=["plain", "rtx"])
@pytest.mark.parametrize("first", STARTS)
def test_with_nack_nearly_nothing_is_lost(first: int, with_rtx: bool) -> None:
    in_time, sender = play(first, loss=0.05, with_rtx=with_rtx)
    assert in_time >= 0.999
    assert sender.resent <= 0.08 * sender.media


@pytest.mark.parametrize("first", STARTS)
def test_without_nack_it_is_lost(first: int) -> None:
    in_time, _ = play(first, loss=0.05, with_nack=False)
    assert 0.93 <= in_time <= 0.97


def test_on_a_clean_line_reordering_costs_little() -> None:
    in_time, sender = play(0, loss=0.0)
    assert in_time == 1.0
    assert sender.resent <= 0.01 * sender.media


def test_on_a_hopeless_line_the_budget_holds() -> None:
    _, sender = play(0, loss=0.5)
    assert sender.resent <= 0.25 * sender.media + 128 * 1024
