"""Redundant sound through a whole worker: from a publisher that sends it, to a viewer that loses packets."""

from media.rtp.packet import parse
from media.rtp.red import Earlier, build
from media.rtp.red import parse as parse_red
from media.rtp.rtcp import ReportBlock, receiver_report
from tests.support.far_end import rtp
from tests.support.peer import IN_TIME, SSRCS, Peer
from tests.support.plane import Plane
from tests.support.waiting import eventually

OPUS, RED = 111, 63
PLAIN_LINES = ("a=rtpmap:111 opus/48000/2",)
RED_LINES = (*PLAIN_LINES, "a=rtpmap:63 red/48000/2", "a=fmtp:63 111/111")
TICK = 960


def sound(number: int) -> bytes:
    return number.to_bytes(2) * 20


async def test_who_loses_sound_gets_earlier_packets_and_others_get_each_as_it_is(plane: Plane) -> None:
    publisher, plain, lossy = plane.peers[:] = [
        Peer(publishes=number == 0, sound=lines, picture=())
        for number, lines in enumerate((RED_LINES, PLAIN_LINES, RED_LINES))
    ]
    for peer in (publisher, plain, lossy):
        await plane.connect(peer, await plane.ask(peer, publishes=peer is publisher))
    numbers = iter(range(1, 10_000))

    def send() -> None:
        """One packet with the one before it; of five, one is lost on its way to us."""
        number = next(numbers)
        whole = build(OPUS, sound(number), [Earlier(TICK, sound(number - 1))])
        packet = rtp(number, whole, payload_type=RED, timestamp=TICK * number, ssrc=SSRCS[OPUS])
        if number % 5 != 3:
            publisher.send_rtp(packet)

    def earlier() -> list[tuple[int, Earlier]]:
        reds = [packet for packet in map(parse, lossy.rtp) if packet.payload_type == RED]
        read = [parse_red(packet.payload, OPUS) for packet in reds]
        return [(int.from_bytes(red.primary[:2]), each) for red in read for each in red.earlier]

    def heard() -> bool:
        send()
        if lossy.rtp:
            first, newest = parse(lossy.rtp[0]), parse(lossy.rtp[-1])
            lost = (newest.sequence - first.sequence & 0xFFFF) // 3
            lossy.send_rtcp(receiver_report(9, [ReportBlock(newest.ssrc, 0, lost, newest.sequence, 0, 0, 0)]))
        plane.tick(0.0)
        return len(earlier()) > 10

    await eventually("earlier packets come", heard, IN_TIME, every=0.01)
    assert all(each.payload == sound(number - each.offset // TICK) for number, each in earlier())
    packets = [parse(packet) for packet in plain.rtp]
    begins = int.from_bytes(packets[0].payload[:2])
    assert [packet.payload for packet in packets] == [sound(begins + n) for n in range(len(packets))]
    assert {packet.payload_type for packet in packets} == {OPUS}
