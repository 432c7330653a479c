"""A process that sends bursts to viewers as a worker's switch does, and nothing else; stdin has their ports.

Prints its CPU a packet in us: `python -m tools.bench.fan_out_sender python|native BURSTS PACKETS SIZE RATE`.
"""

import os
import sys
import time

from media.native.choice import chosen
from media.pure.fan_out import fan_out_by
from media.pure.run import Run as PureRun
from media.rtp.packet import RtpPacket
from media.rtp.run import Run, datagrams_of
from media.rtp.srtp import Profile, SrtpKeys
from media.switch.sent_at import SentAt
from media.switch.viewer import Viewer
from media.switch.wire import Wire
from media.switch.wire_profile import WireProfile
from media.transport.udp import UdpPort

_WARM_UP = 5  # bursts


def main(sender: str, bursts: int, packets: int, size: int, rate: float) -> None:
    port = UdpPort("127.0.0.1", 0, chosen("on" if sender == "native" else "off"))
    fan_out = port.fan_out or fan_out_by(port.transmit)
    wire = Wire(96, {})
    profile = WireProfile(0, wire)
    for number in map(int, sys.stdin.read().split()):
        keys = SrtpKeys(Profile.AEAD_AES_128_GCM, os.urandom(28), os.urandom(28))
        address = ("127.0.0.1", number)
        viewer = Viewer(keys, address, port.transmit, fan_out, [wire], [1])
        profile.add(viewer)
    packet = RtpPacket(False, False, 96, 0, 0, 7, (), bytes(size))
    viewers, index, used, began = len(profile.viewers), 5000, 0.0, time.perf_counter()
    for number in range(bursts + _WARM_UP):
        run: Run = PureRun.of([packet] * packets)
        if port.native is not None:
            run = port.native.copy(datagrams_of(run))
        run.number(0, 7, index, 0)
        index += packets
        before = time.process_time()
        profile.send(run, SentAt(0.0))
        if number >= _WARM_UP:
            used += time.process_time() - before
        time.sleep(max(0.0, began + (number + 1) / rate - time.perf_counter()))
    assert port.tx_packets == viewers * (bursts + _WARM_UP) * packets
    assert not port.tx_dropped
    print(used / bursts / viewers / packets * 1e6)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]), float(sys.argv[5]))
