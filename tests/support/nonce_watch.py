"""Sees what senders encrypt, where they encrypt it: whether a key, SSRC and index ever serve two packets."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from media.rtp import cipher, srtp_sender
from media.rtp.srtp import SrtpKeys
from media.rtp.srtp_sender import SrtpSender
from tests.support.native_loop import observers
from tests.support.sequence_unwrapper import SequenceUnwrapper

Place = tuple[str, bytes, int, int]  # RTP or RTCP, master key, SSRC, index


class NonceWatch:
    """`sealed` are all datagrams by key, SSRC and index; `twice` are the places of more than one.

    `callers` are the modules that had something encrypted.
    """

    def __init__(self) -> None:
        self.sealed: dict[Place, bytes] = {}
        self.twice: list[Place] = []
        self.repeated = 0  # datagrams that were made once more
        self.callers: set[str] = set()
        self._watched: list[tuple[Any, SrtpKeys]] = []
        observers.add(self)

    @contextmanager
    def everything(self) -> Iterator["NonceWatch"]:
        """Watch all senders that are made meanwhile."""
        make: Any = SrtpSender.__init__

        def made(sender: SrtpSender, keys: SrtpKeys) -> None:
            make(sender, keys)
            self.watch(sender, keys)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(SrtpSender, "__init__", made)
            yield self

    def watch(self, sender: Any, keys: SrtpKeys) -> None:
        """Watch one sender."""
        sender._libsrtp = _Libsrtp(sender._libsrtp, keys, self)
        if not sender.in_place:
            sender._cipher._session = sender._libsrtp
            return
        self._watched.append((sender, keys))
        encrypt_into, salt = sender._cipher._encrypt_into, sender._cipher._salt

        def watched(nonce: bytes, payload: bytes, header: bytes, out: memoryview) -> None:
            encrypt_into(nonce, payload, header, out)
            iv = int.from_bytes(nonce) ^ salt
            self.saw(("RTP", keys.local, iv >> 48, iv & (1 << 48) - 1), bytes(header) + bytes(out))

        sender._cipher._encrypt_into = watched

    def saw_native(self, lent: object, index: int, datagram: bytes) -> None:
        """The native step has sent that, under a key that one of the senders lent."""
        for sender, keys in self._watched:
            if sender._lent is lent:
                self.saw(("RTP", keys.local, int.from_bytes(datagram[8:12]), index), datagram)

    def saw(self, place: Place, datagram: bytes) -> None:
        if place not in self.sealed:
            self.sealed[place] = datagram
        elif self.sealed[place] == datagram:
            self.repeated += 1
        else:
            self.twice.append(place)
        frame = sys._getframe(1)
        while frame.f_globals["__name__"] in (__name__, srtp_sender.__name__, cipher.__name__):
            assert frame.f_back is not None
            frame = frame.f_back
        self.callers.add(frame.f_globals["__name__"])


class _Libsrtp:
    """libsrtp lets one index serve two packets. It numbers RTP by the sequence numbers that it sees."""

    def __init__(self, session: Any, keys: SrtpKeys, watch: NonceWatch) -> None:
        self._session = session
        self._keys = keys
        self._watch = watch
        self._numbers: dict[int, SequenceUnwrapper] = {}

    def protect(self, plain: bytes) -> bytes:
        datagram: bytes = self._session.protect(plain)
        ssrc, sequence = int.from_bytes(plain[8:12]), int.from_bytes(plain[2:4])
        index = self._numbers.setdefault(ssrc, SequenceUnwrapper(sequence)).unwrap(sequence)
        self._watch.saw(("RTP", self._keys.local, ssrc, index), datagram)
        return datagram

    def protect_rtcp(self, compound: bytes) -> bytes:
        datagram: bytes = self._session.protect_rtcp(compound)
        index = int.from_bytes(datagram[self._keys.profile.srtcp_index]) & 0x7FFFFFFF
        self._watch.saw(("RTCP", self._keys.local, int.from_bytes(compound[4:8]), index), datagram)
        return datagram
