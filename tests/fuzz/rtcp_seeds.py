"""RTCP of every kind, for the fuzzer to damage."""

from media.relay.messages import (
    LayerFigures,
    layer_figures,
    leaves,
    starved_layers,
    takes_edges,
    wanted_layers,
)
from media.rtp import rtcp
from media.rtp.rtcp import ReportBlock
from media.tracks.transport_feedback import TransportFeedback
from tests.support.world import SSRCS

BLOCK = ReportBlock(SSRCS[0], 2, 3, 4, 5, 6, 7)


def _arrivals() -> bytes:
    """When packets came, some of them late and some not at all."""
    told = TransportFeedback(1, 5)
    for number, at in ((7, 1.0), (8, 1.001), (10, 1.5), (11, 1.4), (40, 1.6), (41, 1.601)):
        told.received(number, at)
    return b"".join(told.build(2.0, SSRCS[0]))


RTCP = [
    _arrivals(),
    rtcp.sender_report(0x51, 2, 3, 4, 5) + rtcp.sdes(1, b"name"),
    rtcp.receiver_report(1, [BLOCK, BLOCK]) + rtcp.nack(1, SSRCS[0], [1, 2, 500]),
    rtcp.receiver_report(1, []) + rtcp.nack(1, SSRCS[1], range(1, 40)),
    rtcp.pli(1, SSRCS[0]) + rtcp.fir(1, SSRCS[0], 3) + rtcp.bye([1, 2]),
    rtcp.remb(1, 5_000_000, [SSRCS[0]]),
    rtcp.receiver_report(1, []) + wanted_layers(1, SSRCS) + layer_figures(1, [LayerFigures(2, 3, 4, 5)]),
    rtcp.receiver_report(1, []) + takes_edges(1, 100) + leaves(1) + starved_layers(1, SSRCS),
]
