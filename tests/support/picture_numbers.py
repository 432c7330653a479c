"""The numbers of pictures in packets as Python reads and writes them: what the native step must do, too."""

from collections.abc import Iterable

from msgspec.structs import replace

from media.payload.picture_id import PictureId, frame_number, picture_id, with_value
from media.rtp.packet import RtpPacket


def read_numbers(packet: RtpPacket, codec: str, descriptor: int) -> tuple[PictureId | None, PictureId | None]:
    """The picture id, and the frame number in the first element with the id `descriptor`."""
    element = next((value for number, value in packet.extensions if number == descriptor), b"")
    return picture_id(codec, packet.payload), frame_number(element)


def expected_pictures(
    packets: Iterable[RtpPacket], codec: str, descriptor: int
) -> list[tuple[int, int, int, int]]:
    """What `Run.pictures` says of these packets."""
    found: list[tuple[int, int, int, int]] = []
    for packet in packets:
        own, frame = read_numbers(packet, codec, descriptor)
        bits, value = (0, -1) if own is None else (own.bits, own.value)
        picture = packet.timestamp, bits, value, -1 if frame is None else frame.value
        if (own or frame) and found[-1:] != [picture]:
            found.append(picture)
    return found


def expected_renumbered(
    packet: RtpPacket, codec: str, descriptor: int, pictures: int, frames: int
) -> RtpPacket:
    """What `Run.renumber` makes of this packet."""
    own, frame = read_numbers(packet, codec, descriptor)
    payload = packet.payload if own is None else with_value(packet.payload, own, own.value + pictures)
    extensions = list(packet.extensions)
    if frame is not None:
        place = [number for number, _ in extensions].index(descriptor)
        extensions[place] = descriptor, with_value(extensions[place][1], frame, frame.value + frames)
    return replace(packet, payload=payload, extensions=tuple(extensions))
