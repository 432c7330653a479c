"""Whether a peer is the one of its offer: by the digest of its certificate, whatever else that says."""

import hashlib
from collections.abc import Iterable

from OpenSSL import SSL, crypto


def is_of_offer(ssl: SSL.Connection, fingerprints: Iterable[tuple[str, str]]) -> bool:
    """Whether the peer's certificate has one of the digests, `(hash, "AB:CD:…")` pairs.

    RFC 8122 5: with several digests of one hash function, any may match.
    """
    # Do not parse: python-cryptography refuses the version field of OBS's certificate.
    certificate = ssl.get_peer_certificate()
    der = crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate) if certificate else b""
    return any(
        value.upper() == hashlib.new(name.replace("-", ""), der).digest().hex(":").upper()
        for name, value in fingerprints
    )
