"""What `media.rtp.libsrtp` uses of pylibsrtp's internals; fails loudly when those change."""

import pylibsrtp
import pytest
from pylibsrtp import _binding

from media.rtp.libsrtp import _LONGEST, SrtpError, SrtpSession
from media.rtp.srtp import inbound_session, outbound_session
from tests.support.far_end import far_receiver, far_sender, new_keys, rtp


def test_pylibsrtp_is_made_as_the_adapter_expects() -> None:
    session = pylibsrtp.Session()
    assert _binding.ffi.typeof(session._srtp[0]).cname == "struct srtp_ctx_t_ *"
    assert {"_cdata", "_buffer"} <= vars(session).keys()
    for call in ("srtp_protect", "srtp_protect_rtcp", "srtp_unprotect", "srtp_unprotect_rtcp"):
        signature = _binding.ffi.typeof(getattr(_binding.lib, call))
        assert [kind.cname for kind in signature.args[1:]] == ["void *", "int *"], call
    assert pylibsrtp.ERRORS[_binding.lib.srtp_err_status_ok] == "nothing to report"


def test_nothing_of_pylibsrtps_own_calls_is_left() -> None:
    """Each would go on with the packet buffer that the adapter takes away."""
    own = {name for name in vars(pylibsrtp.Session) if "protect" in name and not name.startswith("_")}
    assert own == {name for name in vars(SrtpSession) if "protect" in name}
    assert not {"_cdata", "_buffer"} & vars(outbound_session(new_keys())).keys()


def test_one_session_does_not_leave_its_packet_in_anothers() -> None:
    """All of them work in the same memory."""
    keys, others = new_keys(), new_keys()
    first, second = outbound_session(keys), outbound_session(others)
    datagrams = [
        (far_receiver(keys), first.protect(rtp(1, b"a long payload"))),
        (far_receiver(others), second.protect(rtp(1, b"short"))),
        (far_receiver(keys), first.protect(rtp(2, b""))),
    ]
    assert [end.unprotect(datagram)[12:] for end, datagram in datagrams[:2]] == [b"a long payload", b"short"]
    assert len(datagrams[2][1]) == 12 + 16


def test_what_is_longer_than_any_packet_is_an_srtp_error() -> None:
    keys = new_keys()
    for call in (outbound_session(keys).protect, inbound_session(keys).unprotect):
        with pytest.raises(SrtpError, match="too long"):
            call(bytes(_LONGEST + 1))
    assert len(outbound_session(keys).protect(rtp(1, bytes(_LONGEST - 12)))) == _LONGEST + 16


def test_a_refusal_tells_its_cause() -> None:
    keys = new_keys()
    ours, theirs = inbound_session(keys), far_sender(keys)
    datagram = theirs.protect(rtp(1))
    ours.unprotect(datagram)
    with pytest.raises(SrtpError, match="replay"):
        ours.unprotect(datagram)
