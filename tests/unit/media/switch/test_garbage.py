"""What a room remembers is nothing to Python's garbage collector, which stops all media while it looks."""

import gc

from media.rtp.sequence import SequenceTranslator
from media.rtp.srtp import SrtpKeys
from media.switch.feed import Feed
from media.switch.switch import PacketSwitch
from media.switch.wire import Wire
from media.tracks.keyframe_gate import KeyframeGate
from media.tracks.sent_track import SentTrack
from media.tracks.source_track import SourceTrack
from tests.support.far_end import far_sender, new_keys, rtp

PACKETS = 1000
KEYFRAME = b"\x10\x10\x00\x00"  # VP8


def test_a_thousand_packets_leave_the_collector_nothing_to_do() -> None:
    switch = PacketSwitch(lambda *_: None)
    sent = SentTrack(ssrc=1, codec="VP8", join_burst="on")  # which holds its pictures, too
    source = SourceTrack(96, 90_000, SequenceTranslator(1, 0), KeyframeGate())
    feed = Feed([sent], [source])
    keys: SrtpKeys = new_keys()
    switch.open_source(feed, keys)
    switch.add_viewer(feed, new_keys(), [Wire(96, {})], ("192.0.2.1", 1))
    far = far_sender(keys)
    datagrams = [far.protect(rtp(n, KEYFRAME + bytes(100), payload_type=96)) for n in range(PACKETS)]
    before = len(gc.get_objects())
    switch.receive([(feed, datagram) for datagram in datagrams], 1.0)
    gc.collect()  # plain tuples are tracked until it has seen them once
    assert len(sent.group()) == PACKETS
    assert len(gc.get_objects()) - before < PACKETS / 10
