"""What a publisher sends under one SRTP master key: authentic packets, each once.

RTP under AEAD_AES_128_GCM implements RFC 7714 with `AESGCM.decrypt`, and runs of it with an `Opener`, as
`SrtpSender` does: a process that wakes up for a burst finds cold caches, and then one library costs less than
two. RTCP and the SHA1 profile go through libsrtp.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from media.rtp.joined import Joined
from media.rtp.libsrtp import SrtpError
from media.rtp.nonces import NONCE, iv
from media.rtp.packet import FIXED_SIZE
from media.rtp.run import MakeOpener, Opener, Run
from media.rtp.spent_indexes import SpentIndexes
from media.rtp.srtp import GCM_TAG, MAX_SSRCS, REPLAY_WINDOW, Profile, SrtpKeys, inbound_session
from media.rtp.srtp_sender import derive_key

_HALF_RANGE = 0x8000
_ROLL_OVER = 0x10000
# By how many roll-over counters a sender may be ahead of what its number seems to say: it may go on sending
# through an outage until consent ends, 30 s later (RFC 7675). With two that may be 163,839 packets, which are
# 52 Mbit/s of 1,200 bytes each.
_MOST_ROLL_OVERS = 2
_PLAIN = b"\x80"  # the first byte of a packet without CSRCs and extensions


class SrtpReceiver:
    """Unprotects what the peer sends under the remote key of `keys`; raises `SrtpError` for all else.

    Of each SSRC it keeps which indexes have come (RFC 3711 3.3.2): an authentic packet spends its own. What
    `make_opener` makes opens runs, and keeps nothing.
    """

    __slots__ = ("_decrypt", "_libsrtp", "_opener", "_salt", "_streams", "unprotect_rtcp")

    def __init__(self, keys: SrtpKeys, make_opener: MakeOpener) -> None:
        self._libsrtp = inbound_session(keys)
        self.unprotect_rtcp = self._libsrtp.unprotect_rtcp
        self._streams: dict[int, SpentIndexes] = {}  # by SSRC; empty where libsrtp has them
        self._decrypt = None
        self._opener: Opener | None = None
        if keys.profile is Profile.AEAD_AES_128_GCM:
            master, master_salt = keys.remote[:16], keys.remote[16:]
            key, salt = (
                derive_key(master, master_salt, 0x00, 16),
                derive_key(master, master_salt, 0x02, NONCE),
            )
            self._decrypt = AESGCM(key).decrypt
            self._salt = int.from_bytes(salt)
            self._opener = make_opener(key, salt)

    def open(self, ssrc: int, sequence: int, datagrams: list[bytes] | Joined) -> Run | None:
        """The run that goes on where the stream of `ssrc` is, whose next number is `sequence`.

        None if it does not go on there, or if one packet is not authentic or unusual: then `unprotect` each
        by itself.
        """
        stream = self._streams.get(ssrc)
        if stream is None or self._opener is None or stream.next_index & 0xFFFF != sequence:
            return None
        first = stream.next_index
        run = self._opener.open(datagrams, first)
        return run if run is not None and stream.spend(first, first + len(datagrams)) else None

    def unprotect(self, packet: bytes) -> bytes:
        """The RTP packet in an SRTP packet."""
        if self._decrypt is None:
            return self._libsrtp.unprotect(packet)
        body = FIXED_SIZE if packet[:1] == _PLAIN else header_size(packet)
        if body + GCM_TAG > len(packet):
            raise SrtpError("packet is cut")
        ssrc, sequence = int.from_bytes(packet[8:12]), packet[2] << 8 | packet[3]
        stream, roll_overs = self._streams.get(ssrc), _MOST_ROLL_OVERS
        if stream is None:
            if len(self._streams) >= MAX_SSRCS:
                raise SrtpError("too many SSRCs")
            stream, index, roll_overs = SpentIndexes(), sequence, 0
        elif (index := stream.next_index) & 0xFFFF != sequence:
            index = _guess(index, sequence)
            if index < stream.next_index - REPLAY_WINDOW:  # it is too late, or far ahead
                index, roll_overs = index + _ROLL_OVER, roll_overs - 1
            elif index in stream:  # before it costs a decryption, as RFC 3711 3.3 has it
                raise SrtpError("packet came before")
        header, sealed = packet[:body], packet[body:]
        last = index + roll_overs * _ROLL_OVER
        while (payload := self._opened(ssrc, index, sealed, header)) is None:
            if index == last:
                raise SrtpError("packet is not authentic, or too late")
            index += _ROLL_OVER
        if not stream.spend(index, index + 1):
            raise SrtpError("packet is too old")
        self._streams[ssrc] = stream
        return header + payload

    def _opened(self, ssrc: int, index: int, sealed: bytes, header: bytes) -> bytes | None:
        """The payload of the packet, if it was sent under that index."""
        assert self._decrypt is not None
        try:
            return self._decrypt((iv(ssrc, index) ^ self._salt).to_bytes(NONCE), sealed, header)
        except InvalidTag:
            return None


def _guess(following: int, sequence: int) -> int:
    """The index nearest to the highest one that has come, which is before `following` (RFC 3711 3.3.1)."""
    ahead = sequence - following & 0xFFFF
    index = following + (ahead if ahead < _HALF_RANGE - 1 else ahead - 0x10000)
    return index if index >= 0 else index + 0x10000


def header_size(packet: bytes) -> int:
    """Of an SRTP packet, with CSRCs and extensions: what is not encrypted. Raises `SrtpError`."""
    if len(packet) < FIXED_SIZE:
        raise SrtpError("packet is cut")
    size = FIXED_SIZE + 4 * (packet[0] & 0x0F)
    if packet[0] & 0x10:
        if len(packet) < size + 4:
            raise SrtpError("header extension is cut")
        size += 4 + 4 * (packet[size + 2] << 8 | packet[size + 3])
    return size
