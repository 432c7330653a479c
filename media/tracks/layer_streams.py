"""Which layer of a picture a packet belongs to: they share payload types, and have SSRCs of their own.

An offer may declare the SSRCs. Otherwise a layer's first packets tell its name in a header extension
(RFC 8852); later ones need not. Only authentic packets may be shown to this.
"""

from collections.abc import Mapping

from media.rtp.packet import RtpPacket
from media.tracks.source_track import SourceTrack


class LayerStreams:
    """The layers of one picture of one publisher, by their numbers among the room's tracks.

    It remembers two SSRCs of media and one of RTX for each layer, however many the publisher makes up.
    """

    __slots__ = (
        "_by_rid",
        "_extension",
        "_left_out_rids",
        "_left_out_ssrcs",
        "_media",
        "_payload_type",
        "_repaired_extension",
        "_repairs",
        "_rtx",
        "_sources",
        "_transport",
    )

    def __init__(self, sources: Mapping[int, SourceTrack]) -> None:
        """`sources` are two or more tracks that have the same payload types."""
        first = next(iter(sources.values()))
        self._sources = sources
        self._payload_type = first.payload_type
        self._transport = first.transport
        self._extension, self._repaired_extension = first.rid_extension, first.repaired_rid_extension
        self._left_out_rids = {rid.encode() for rid in first.left_out.rids}
        self._left_out_ssrcs = first.left_out.ssrcs
        self._by_rid = {source.rid: number for number, source in sources.items() if source.rid}
        self._repairs = {rtx: ssrc for source in sources.values() for rtx, ssrc in source.repairs.items()}
        self._media = {
            source.declared: number for number, source in sources.items() if source.declared is not None
        }
        self._rtx: dict[int, int] = {}

    def __len__(self) -> int:
        """How many SSRCs it remembers."""
        return len(self._media) + len(self._rtx)

    def find(self, packet: RtpPacket, now: float) -> int | None:
        """The number of the track that `packet` belongs to; None: of no accepted layer, or it does not tell.

        What is left out counts for transport-wide feedback all the same: the line has carried it.
        """
        if packet.payload_type == self._payload_type:
            number = self._media.get(packet.ssrc)
            if number is None:
                number = self._learn(packet)
        else:
            number = self._rtx.get(packet.ssrc)
            if number is None:
                number = self._learn_rtx(packet)
        if number is None and self._transport is not None:
            self._transport.arrived(packet.extensions, now)
        return number

    def go_on(self, former: "LayerStreams") -> None:
        """Know the layers of the same publisher as `former` did: it does not name them again."""
        rids = {number: rid for rid, number in former._by_rid.items()}
        for known, before in ((self._media, former._media), (self._rtx, former._rtx)):
            for ssrc, number in before.items():
                if (own := self._by_rid.get(rids.get(number, b""))) is not None:
                    known[ssrc] = own

    def known(self, ssrc: int) -> int | None:
        """The number of the track of media that `find` has found, or that was declared."""
        return self._media.get(ssrc)

    def leaves_out(self, packet: RtpPacket) -> bool:
        """Whether `packet`, which was not found, says that it is of a layer that the room does not take.

        Nothing is remembered of such layers: a sender names a layer until its first receiver report at least,
        and these get none.
        """
        is_media = packet.payload_type == self._payload_type
        name = _name(packet, self._extension if is_media else self._repaired_extension)
        return name in self._left_out_rids or packet.ssrc in self._left_out_ssrcs

    def _learn(self, packet: RtpPacket) -> int | None:
        number = self._named(packet, self._extension)
        if number is not None:
            stats = self._sources[number].stats
            followed = None if stats is None else stats.ssrc
            for ssrc in [s for s, known in self._media.items() if known == number and s != followed]:
                del self._media[ssrc]
            self._media[packet.ssrc] = number
        return number

    def _learn_rtx(self, packet: RtpPacket) -> int | None:
        number = self._named(packet, self._repaired_extension)
        if number is None:
            return self._media.get(self._repairs.get(packet.ssrc, -1))
        for ssrc in [s for s, known in self._rtx.items() if known == number]:
            del self._rtx[ssrc]
        self._rtx[packet.ssrc] = number
        return number

    def _named(self, packet: RtpPacket, extension: int) -> int | None:
        """The layer that the header extension of that id names."""
        return self._by_rid.get(_name(packet, extension))


def _name(packet: RtpPacket, extension: int) -> bytes:
    return next((value for element, value in packet.extensions if element == extension), b"")
