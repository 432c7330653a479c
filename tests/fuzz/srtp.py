"""Runs of SRTP, in Python and by the native step where it was built: both say the same of each."""

from collections.abc import Iterator
from contextlib import contextmanager

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from media.payload.keyframes import starts_keyframe
from media.pure.run import Opener
from media.rtp.libsrtp import SrtpError
from media.rtp.nonces import NONCE, iv
from media.rtp.packet import RtpError, RtpPacket, parse
from media.rtp.run import NOT_KEPT, Form, MakeOpener
from media.rtp.spent_indexes import SpentIndexes
from media.rtp.srtp import Profile, SrtpKeys
from media.rtp.srtp_receiver import SrtpReceiver, header_size
from media.rtp.srtp_sender import derive_key
from tests.fuzz.network import LAYERS, RTP
from tests.fuzz.target import Take, Target
from tests.support.native_loop import NATIVE

_ALL_KEPT = bytes(number or 255 for number in range(256))
_KEYS = SrtpKeys(Profile.AEAD_AES_128_GCM, bytes(28), bytes(range(28)))
_OPENERS: list[MakeOpener] = [Opener] if NATIVE is None else [Opener, NATIVE.Opener]


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
                assert opened[0][0] == _opened_singly(run, index)

    yield take


def _receiver(data: bytes, index: int, *, native: int) -> SrtpReceiver:
    """Which expects that packet."""
    receiver, stream = SrtpReceiver(_KEYS, _OPENERS[native]), SpentIndexes()
    stream.spend(0, index)
    receiver._streams[int.from_bytes(data[8:12])] = stream
    return receiver


def _opened(run: list[bytes], index: int, *, native: int) -> list[object] | None:
    """All that is asked of the run that it becomes."""
    opened = _receiver(run[0], index, native=native).open(int.from_bytes(run[0][8:12]), index & 0xFFFF, run)
    if opened is None:
        return None
    said: list[object] = [[*opened.packets()], [*opened.numbers(3)]]
    for codec in ("VP8", "VP9", "H264", "H265", "AV1"):
        suspects = opened.suspects(codec)
        said.append([place for place, payload in suspects if starts_keyframe(codec, payload)])
    for form in (Form(96, 0, NOT_KEPT, 0, b""), Form(127, 7, _ALL_KEPT, 9, b"abc")):
        said += map(list, opened.lay(form, 65_000))
    ids = {number for packet in opened.packets() for number, _ in packet.extensions}
    for descriptor in (0, *sorted(ids)):
        for codec in ("VP8", "VP9", "AV1"):
            said.append([tuple(part) for part in opened.pictures(codec, descriptor)])
            opened.renumber(0, len(run), codec, descriptor, 3, 0x7FFF)
            said.append([*opened.packets()])
    return said


def _opened_singly(run: list[bytes], index: int) -> list[RtpPacket] | None:
    receiver = _receiver(run[0], index, native=0)
    try:
        return [parse(receiver.unprotect(datagram)) for datagram in run]
    except (SrtpError, RtpError):
        return None


def targets() -> list[Target]:
    return [Target("runs of SRTP", RTP + LAYERS, _runs)]
