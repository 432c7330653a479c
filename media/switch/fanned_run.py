"""A burst that is one run on its way to the viewers that are sent to in one call: see `FanOut`."""

from collections.abc import Iterable

from media.rtp.srtp_sender import SpentError
from media.switch.viewer import Viewer
from media.switch.wire import Wire
from media.tracks.held_run import HeldRun
from media.tracks.outgoing import Outgoing
from media.transport.address import FanOut, Target

_NUMBERS = 10  # bytes: the index of the first packet, and what is added to the timestamps


def fan_run(run: HeldRun[Outgoing], wire: Wire, block: bytes, viewers: Iterable[Viewer]) -> list[Viewer]:
    """Send a run to viewers with that wire, `block` being its extensions; returns those without `fan_out`.

    What `FannedBurst` does, without a step for each packet. A viewer of which an index would serve twice is
    left out, and its sender counts that.
    """
    track, packets, ssrc = run.track, run.packets, wire.ssrc or run.ssrc
    count = len(packets)
    others: list[Viewer] = []
    targets: dict[FanOut, list[Target]] = {}
    latest: FanOut | None = None
    of_latest: list[Target] = []
    offset = shift = first = -1
    numbers = b""
    for viewer in viewers:
        fan_out = viewer.fan_out
        if fan_out is None:
            others.append(viewer)
            continue
        if viewer.offsets[track] != offset or viewer.shifts[track] != shift or not numbers:
            offset, shift = viewer.offsets[track], viewer.shifts[track]
            first = run.first - offset
            numbers = (first << 32 | shift & 0xFFFFFFFF).to_bytes(_NUMBERS)
        try:
            cipher = viewer.sender.lend_run(fan_out.cipher, ssrc, first, first + count)
        except SpentError:
            continue
        if fan_out is not latest:
            latest, of_latest = fan_out, targets.setdefault(fan_out, [])
        of_latest.append((cipher, viewer.address, numbers))
    for fan_out, those in targets.items():
        fan_out.send_run(packets, wire.payload_type, ssrc, block, those)
    return others
