"""A certificate that this host signs itself: for `roomcast up --tls`, and the media of `roomcast demo`."""

import datetime
import ipaddress
import os
import socket
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from shared.settings.settings import SettingsError

LASTS = datetime.timedelta(days=365)
RENEWED_BEFORE = datetime.timedelta(days=30)


def for_local_network(addresses: Iterable[str], folder: Path | None = None) -> tuple[Path, Path]:
    """The files of a certificate for this host's names and `addresses`, and of its key.

    It is that of the last start while it fits: a browser that has accepted it once does not ask again. In
    `folder`, or where programs of this user keep what they remember. Raises `SettingsError`.
    """
    folder = folder or Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "roomcast"
    name = socket.gethostname()
    names = ["localhost", name, f"{name.partition('.')[0]}.local"]
    wanted = [*dict.fromkeys(names), "127.0.0.1", "::1", *addresses]
    cert_file, key_file = folder / "tls-cert.pem", folder / "tls-key.pem"
    try:
        if not (key_file.exists() and _fits(cert_file, wanted)):
            cert, key = new_certificate(wanted)
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            key_file.unlink(missing_ok=True)
            with open(os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(key)
            cert_file.write_bytes(cert)
    except OSError as error:
        raise SettingsError(f"--tls: {error.strerror} in {folder}") from None
    return cert_file, key_file


def new_certificate(names: Iterable[str]) -> tuple[bytes, bytes]:
    """A certificate for these host names and IP addresses, and its key on the curve P-256, both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Roomcast")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # clocks differ
        .not_valid_after(now + LASTS)
        .add_extension(x509.SubjectAlternativeName(list(map(_general, names))), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, *form),
    )


def _fits(file: Path, wanted: Iterable[str]) -> bool:
    """Whether it is there, names all of `wanted`, and lasts."""
    try:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
        named = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (FileNotFoundError, ValueError, x509.ExtensionNotFound):
        return False
    ends = certificate.not_valid_after_utc - RENEWED_BEFORE
    return datetime.datetime.now(datetime.UTC) < ends and set(map(_general, wanted)) <= set(named)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
