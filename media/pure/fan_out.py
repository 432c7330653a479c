"""Encrypts a run for many viewers and sends it to them, one after the other.

It is laid out once. For each viewer only the ciphertext is written anew, in place: `transmit` must copy it
before it returns.
"""

from collections.abc import Sequence

from media.rtp.cipher import GcmCipher, LibsrtpCipher
from media.rtp.libsrtp import MAX_PACKET, SrtpError
from media.rtp.nonces import joined_ivs
from media.rtp.run import MOST_PACKETS, Form, Run
from media.rtp.srtp import GCM_TAG
from media.transport.address import INDEX, MAX_RUN_BYTES, FanOut, Target, Transmit

_buffer = memoryview(bytearray(MOST_PACKETS * MAX_PACKET))  # one run at a time, in the event loop's thread


def fan_out_by(transmit: Transmit) -> FanOut:
    """Sends each run with `transmit`."""
    return FanOut(None, lambda run, form, targets: _send(transmit, run, form, targets))


def _send(transmit: Transmit, run: Run, form: Form, targets: Sequence[Target]) -> None:
    headers, payloads, sends = run.lay(form, MAX_RUN_BYTES)
    places = _places(headers, payloads)
    ciphertexts = [_buffer[body:end] for _, body, end in places]
    datagrams, at = [], 0
    for length, size in sends:
        datagrams.append((_buffer[at : at + length], size))
        at += length
    count, ssrc, latest, first, ivs = len(run), form.ssrc or run.ssrc, b"", 0, 0
    own = headers  # of the viewers with the latest numbers; nearly all have the same
    for cipher, address, numbers in targets:
        if numbers is not latest:
            latest, first = numbers, int.from_bytes(numbers[:INDEX])
            own = _numbered(headers, first - run.first, int.from_bytes(numbers[INDEX:]))
            ivs = joined_ivs(ssrc, first, count)
            for (begin, body, _), header in zip(places, own, strict=True):
                _buffer[begin:body] = header
        if isinstance(cipher, GcmCipher):
            cipher.seal_run(ivs, count, payloads, own, ciphertexts)
            for run_of_datagrams, size in datagrams:
                transmit(run_of_datagrams, size, address)
            continue
        assert isinstance(cipher, LibsrtpCipher)
        for index, header, payload in zip(range(first, first + count), own, payloads, strict=True):
            try:
                datagram = cipher.seal(ssrc, index, header, payload)
            except SrtpError:  # it lost the rollover count
                continue
            transmit(datagram, len(datagram), address)


def _places(headers: Sequence[bytes], payloads: Sequence[bytes]) -> list[tuple[int, int, int]]:
    """Where in the buffer a datagram begins, its ciphertext does, and its tag ends."""
    places, at = [], 0
    for header, payload in zip(headers, payloads, strict=True):
        body = at + len(header)
        end = body + len(payload) + GCM_TAG
        places.append((at, body, end))
        at = end
    return places


def _numbered(headers: Sequence[bytes], more: int, shift: int) -> Sequence[bytes]:
    """The headers with later numbers and timestamps."""
    if not (more & 0xFFFF or shift):
        return headers
    return [
        header[:2]
        + (int.from_bytes(header[2:4]) + more & 0xFFFF).to_bytes(2)
        + (int.from_bytes(header[4:8]) + shift & 0xFFFFFFFF).to_bytes(4)
        + header[8:]
        for header in headers
    ]
