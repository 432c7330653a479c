"""Why a DTLS handshake fails: a closed set for the metrics, and plain words for the log."""

from enum import StrEnum

from OpenSSL import SSL


class HandshakeFailure(StrEnum):
    """Values are for people who read the log."""

    SILENT = "the peer sent no DTLS: is UDP open in both directions?"
    STALLED = "the peer stopped in the middle of it"
    UNSUPPORTED_CURVE = (
        "OpenSSL does not take the curve of the peer's certificate: P-224, if it is FFmpeg with GnuTLS, "
        "for which docs/clients.md has an option"
    )
    NO_CERTIFICATE = "the peer sent no certificate"
    WRONG_FINGERPRINT = "the peer's certificate is not the one of its offer"
    NO_SRTP_PROFILE = "the peer takes none of our SRTP profiles"
    NO_COMMON_CIPHER = "the peer takes none of our cipher suites, curves or signatures"
    NO_COMMON_VERSION = "the peer does not speak DTLS 1.2"
    REFUSED_BY_PEER = "the peer refused it with an alert"
    CLOSED_BY_PEER = "the peer closed it"
    BROKEN = "OpenSSL refused what the peer sent"
    FAULT = "a bug in this server"


# By OpenSSL's words for the reason (ERR_reason_error_string). The first that they contain counts.
_BY_WORDS = {
    "wrong curve": HandshakeFailure.UNSUPPORTED_CURVE,
    "unsupported elliptic curve": HandshakeFailure.UNSUPPORTED_CURVE,
    "did not return a certificate": HandshakeFailure.NO_CERTIFICATE,
    " alert ": HandshakeFailure.REFUSED_BY_PEER,
    "no shared": HandshakeFailure.NO_COMMON_CIPHER,
    "no suitable": HandshakeFailure.NO_COMMON_CIPHER,
    "protocol": HandshakeFailure.NO_COMMON_VERSION,
    "version": HandshakeFailure.NO_COMMON_VERSION,
}


def failure_of(error: SSL.Error) -> tuple[HandshakeFailure, str]:
    """What `error` of OpenSSL means, and its own words for it ("" if it has none)."""
    if isinstance(error, SSL.ZeroReturnError):
        return HandshakeFailure.CLOSED_BY_PEER, ""
    queue = error.args[0] if error.args and isinstance(error.args[0], list) else []
    words = "; ".join(reason for _library, _function, reason in queue)
    for part, failure in _BY_WORDS.items():
        if part in words:
            return failure, words
    return HandshakeFailure.BROKEN, words
