"""Runs of SRTP, in Python and by the native step where it was built: both say the same of each."""

from collections.abc import Iterator
from contextlib import contextmanager

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from media.payload.keyframes import starts_keyframe
from media.rtp.libsrtp import SrtpError
from media.rtp.nonces import NONCE, iv
from media.rtp.opener import NativeRun
from media.rtp.packet import RtpError, RtpPacket, parse
from media.rtp.spent_indexes import SpentIndexes
from media.rtp.srtp import Profile, SrtpKeys
from media.rtp.srtp_receiver import SrtpReceiver, header_size
from media.rtp.srtp_sender import derive_key
from tests.fuzz.network import LAYERS, RTP
from tests.fuzz.target import Take, Target
from tests.support.native_loop import NATIVE
from tests.support.picture_numbers import expected_pictures, expected_renumbered

_KEYS = SrtpKeys(Profile.AEAD_AES_128_GCM, bytes(28), bytes(range(28)))
_OPENERS = [None] if NATIVE is None else [None, NATIVE.Opener]


@contextmanager
def _runs() -> Iterator[Take]:
    """What nobody encrypted, and what was damaged before it was encrypted, alone and before another."""
    key, salt = _KEYS.remote[:16], _KEYS.remote[16:]
    cipher = AESGCM(derive_key(key, salt, 0x00, 16))
    session_salt = int.from_bytes(derive_key(key, salt, 0x02, NONCE))

    def sealed(data: bytes, index: int) -> bytes:
        body = header_size(data)
        nonce = (iv(int.from_bytes(data[8:12]), index) ^ session_salt).to_bytes(NONCE)
        return data[:body] + cipher.encrypt(nonce, data[body:], data[:body])

    def take(data: bytes) -> None:
        if len(data) < 12:
            return
        index = 0x1_0000 | data[2] << 8 | data[3]
        runs = [[data], [data, data]]
        try:
            own = sealed(data, index)
        except SrtpError:
            pass
        else:
            following = data[:2] + (index + 1 & 0xFFFF).to_bytes(2) + data[4:]
            runs += [[own], [own, own], [own, sealed(following, index + 1)]]
        for run in runs:
            opened = [_opened(run, index, native=native) for native in range(len(_OPENERS))]
            assert opened == [opened[0]] * len(_OPENERS)
            if opened[0] is not None:
                assert opened[0] == _opened_singly(run, index)

    yield take


def _receiver(data: bytes, index: int, *, native: int) -> SrtpReceiver:
    """Which expects that packet."""
    receiver, stream = SrtpReceiver(_KEYS, _OPENERS[native]), SpentIndexes()
    stream.spend(0, index)
    receiver._streams[int.from_bytes(data[8:12])] = stream
    return receiver


def _opened(run: list[bytes], index: int, *, native: int) -> list[RtpPacket] | None:
    receiver = _receiver(run[0], index, native=native)
    opened = receiver.open_run(int.from_bytes(run[0][8:12]), index & 0xFFFF, run)
    if opened is None or isinstance(opened, list):
        return opened
    packets = opened.packets()
    for codec in ("VP8", "VP9", "H264", "H265", "AV1"):  # what it rules out starts no keyframe
        starting = [each.payload for each in packets if starts_keyframe(codec, each.payload)]
        assert [each for each in opened.suspects(codec) if starts_keyframe(codec, each)] == starting
    _check_pictures(opened, packets)
    return packets


def _check_pictures(run: NativeRun, packets: list[RtpPacket]) -> None:
    """Their numbers are found, and written, as Python does it; each codec's on top of the one before."""
    for descriptor in (-1, *sorted({number for packet in packets for number, _ in packet.extensions})):
        for codec in ("VP8", "VP9", "AV1"):
            assert run.pictures(codec, descriptor) == expected_pictures(packets, codec, descriptor)
            run.renumber(codec, descriptor, 3, 0x7FFF)
            packets = [expected_renumbered(each, codec, descriptor, 3, 0x7FFF) for each in packets]
            assert run.packets() == packets


def _opened_singly(run: list[bytes], index: int) -> list[RtpPacket] | None:
    receiver = _receiver(run[0], index, native=0)
    try:
        return [parse(receiver.unprotect(datagram)) for datagram in run]
    except (SrtpError, RtpError):
        return None


def targets() -> list[Target]:
    return [Target("runs of SRTP", RTP + LAYERS, _runs)]
