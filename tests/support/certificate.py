"""Certificates that their holder has signed, for localhost and a day; and a Chromium that trusts one."""

import datetime
import subprocess
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def self_signed(
    key: Key, host: str = "localhost", begins: datetime.timedelta = -DAY, ends: datetime.timedelta = DAY
) -> x509.Certificate:
    """For `host`; `begins` and `ends` count from now."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )


def new_certificate(folder: Path, host: str = "localhost", **how: datetime.timedelta) -> tuple[Path, Path]:
    """The files of a certificate and of its key, both PEM, in `folder`; `how` is for `self_signed`."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = self_signed(key, host, **how)
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return cert_file, key_file


def home_that_trusts(certificate: Path, folder: Path) -> Path:
    """A home in `folder`, for a Chromium that takes this certificate as an authority's (libnss3-tools)."""
    store = folder / "home" / ".pki" / "nssdb"
    store.mkdir(parents=True)
    certutil = ["certutil", "-d", f"sql:{store}"]
    subprocess.run([*certutil, "-N", "--empty-password"], check=True)
    subprocess.run([*certutil, "-A", "-n", "test", "-t", "C,,", "-i", str(certificate)], check=True)
    return folder / "home"
