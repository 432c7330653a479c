"""libsrtp without the overhead of pylibsrtp, which is more than half of the cost.

pylibsrtp creates and frees the contexts; the calls for each packet go directly to the library. No other
module uses pylibsrtp's underscore names, as tests/unit/media/rtp/test_srtp_sender.py checks.
"""

from collections.abc import Callable

from pylibsrtp import ERRORS, Error, Policy, Session
from pylibsrtp._binding import ffi, lib

SrtpError = Error

# The longest possible packet: a datagram of `UdpPort` whose header extensions grew to the two-byte form.
MAX_PACKET = 3072
_LONGEST_TRAILER = 4 + 16 + 128  # SRTCP's index, tag and MKI

# libsrtp works in place. All contexts share one buffer, since all calls come from the event loop's thread.
_LONGEST = MAX_PACKET + _LONGEST_TRAILER
_scratch = ffi.new("char[]", _LONGEST + _LONGEST_TRAILER)
_bytes = ffi.buffer(_scratch)
_length = ffi.new("int *")

# Takes the context, the packet, which it changes in place, and its length, which it changes, too.
_Call = Callable[[object, object, object], int]


class SrtpSession(Session):
    """One direction of SRTP and SRTCP. Raises `SrtpError` if libsrtp refuses a packet or it is too long."""

    def __init__(self, policy: Policy) -> None:
        super().__init__(policy)
        del self._cdata, self._buffer  # pylibsrtp's packet buffer, which only its own calls use
        self._context = self._srtp[0]

    def protect(self, packet: bytes) -> bytes:
        return _process(lib.srtp_protect, self._context, packet)

    def protect_rtcp(self, packet: bytes) -> bytes:
        return _process(lib.srtp_protect_rtcp, self._context, packet)

    def unprotect(self, packet: bytes) -> bytes:
        return _process(lib.srtp_unprotect, self._context, packet)

    def unprotect_rtcp(self, packet: bytes) -> bytes:
        return _process(lib.srtp_unprotect_rtcp, self._context, packet)


def _process(call: _Call, context: object, packet: bytes) -> bytes:
    size = len(packet)
    if size > _LONGEST:
        raise SrtpError("packet is too long")
    _bytes[0:size] = packet
    _length[0] = size
    if status := call(context, _scratch, _length):
        raise SrtpError(ERRORS[status])
    changed: bytes = _bytes[0 : _length[0]]
    return changed
