"""TLS: whether certificate and key match, for how long, and whether clients would accept them."""

import contextlib
import datetime
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from deploy.doctor.finding import About, Finding
from deploy.doctor.part import Part
from shared.settings.settings import Settings

ABOUT = About("TLS")
SOON = datetime.timedelta(days=14)
RENEW = "renew it, then restart the control processes one by one"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
# X509_V_ERR_ of openssl/x509_vfy.h
_OTHER_NAMES = (62, 64)  # HOSTNAME_MISMATCH, IP_ADDRESS_MISMATCH
_NOBODY_VOUCHES = (18, 19, 20, 21)  # self-signed: it, or its root; no issuer: none known, or it alone


def look(settings: Settings, part: Part) -> list[Finding]:
    if not part.has_control:
        return []
    if not settings.tls_cert_file:
        return [without(settings)]
    try:
        text = Path(settings.tls_cert_file).read_bytes()
        certificate = x509.load_pem_x509_certificate(text)
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # without a password, a key that has one would ask for it on the terminal
        server.load_cert_chain(settings.tls_cert_file, settings.tls_key_file, password="")
    except ssl.SSLError:
        return [
            ABOUT.fail(
                f"{settings.tls_key_file} is not the key of {settings.tls_cert_file}, or has a password",
                "set TLS_CERT_FILE and TLS_KEY_FILE to one pair, the key without a password",
            )
        ]
    except OSError as error:
        return [
            ABOUT.fail(f"{_unread(settings)}: {error.strerror}", "let the user that runs control read both")
        ]
    except ValueError:
        return [
            ABOUT.fail(f"{settings.tls_cert_file} holds no certificate", "a PEM file, the server's own first")
        ]
    host = urlsplit(settings.public_url).hostname
    now = datetime.datetime.now(datetime.UTC)
    return [lasts(certificate, now), *names(certificate, server, host), *trust(server)]


def without(settings: Settings) -> Finding:
    if settings.public_url.startswith("https://"):
        return ABOUT.ok(f"ends in front of control, at {urlsplit(settings.public_url).hostname}")
    if settings.http_addr.host in LOOPBACK:
        return ABOUT.ok("none: HTTP_ADDR is for this host alone")
    return ABOUT.warn(
        "none: tokens travel in the clear, and browsers let pages use the camera on localhost alone",
        "TLS_CERT_FILE and TLS_KEY_FILE; or a balancer that ends TLS, and PUBLIC_URL",
    )


def lasts(certificate: x509.Certificate, now: datetime.datetime) -> Finding:
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now >= ends:
        return ABOUT.fail(f"the certificate has ended on {ends:%d %B %Y %H:%M} UTC", RENEW)
    if now < begins:
        return ABOUT.fail(
            f"the certificate begins on {begins:%d %B %Y %H:%M} UTC", "wait, or mend this host's clock"
        )
    if ends - now < min(SOON, (ends - begins) / 3):
        return ABOUT.warn(f"the certificate ends on {ends:%d %B %Y %H:%M} UTC", RENEW)
    return ABOUT.ok(f"certificate and key match, until {ends:%d %B %Y}")


def names(certificate: x509.Certificate, server: ssl.SSLContext, host: str | None) -> Iterator[Finding]:
    """Whether a client that trusts the certificate accepts it from the host in PUBLIC_URL."""
    if not host:
        return
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(cadata=certificate.public_bytes(Encoding.DER))
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it is not signed by itself: trust it all the same
    if _refusal(client, server, host) in _OTHER_NAMES:
        yield ABOUT.fail(
            f"the certificate is not for {host}, the host in PUBLIC_URL",
            "one that names it, or another PUBLIC_URL",
        )


def trust(server: ssl.SSLContext) -> Iterator[Finding]:
    """Whether a client that knows the public authorities accepts it; silent where this host knows none."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.load_default_certs()
    if _knows_authorities() and _refusal(client, server, "") in _NOBODY_VOUCHES:
        yield ABOUT.warn(
            "no authority that this host knows vouches for the certificate",
            "in TLS_CERT_FILE, put the intermediate certificates behind the server's own (fullchain.pem)",
        )


def _refusal(client: ssl.SSLContext, server: ssl.SSLContext, host: str) -> int:
    """The code of X509_V_ERR_ for which a client refuses a server; 0: it accepts. They meet in memory."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=host or None),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    try:
        for _ in range(2):  # hello, and the answer with the certificate
            for end in ends:
                with contextlib.suppress(ssl.SSLWantReadError):
                    end.do_handshake()
    except ssl.SSLCertVerificationError as error:
        return error.verify_code
    return 0


def _knows_authorities() -> bool:
    """Whether this host has certificates of public authorities; slim containers have none."""
    known = ssl.get_default_verify_paths()
    return bool(known.cafile) or bool(known.capath and any(Path(known.capath).iterdir()))


def _unread(settings: Settings) -> str:
    for file in (settings.tls_cert_file, settings.tls_key_file):
        try:
            Path(file).read_bytes()
        except OSError:
            return file
    return settings.tls_key_file
