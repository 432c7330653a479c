"""Certificates, as OpenSSL and clients see them."""

import datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.doctor import certificate
from deploy.doctor.finding import Finding, Verdict
from deploy.doctor.part import Part
from shared.settings.settings import load_settings
from tests.support.certificate import DAY, new_certificate

YEAR = 365 * DAY


def look(cert_file: Path, key_file: Path, public_url: str = "") -> list[Finding]:
    settings = load_settings(tls_cert_file=str(cert_file), tls_key_file=str(key_file), public_url=public_url)
    return certificate.look(settings, Part.CONTROL)


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A certificate of live.example for a year that this host trusts."""
    files = new_certificate(tmp_path, "live.example", ends=YEAR)
    monkeypatch.setenv("SSL_CERT_FILE", str(files[0]))
    return files


def test_a_good_certificate_is_told_with_its_end(trusted: tuple[Path, Path]) -> None:
    [finding] = look(*trusted, "https://live.example")
    assert finding.verdict is Verdict.OK
    assert f"{datetime.datetime.now(datetime.UTC) + YEAR:%d %B %Y}" in finding.found


@pytest.mark.parametrize(
    ("begins", "ends", "verdict", "words"),
    [
        (-2 * DAY, -DAY, Verdict.FAIL, "has ended on"),
        (DAY, 2 * DAY, Verdict.FAIL, "begins on"),
        (-80 * DAY, 10 * DAY, Verdict.WARN, "ends on"),
        (-3 * DAY, 3 * DAY, Verdict.OK, "until"),  # one that is made for six days
    ],
)
def test_the_dates_are_looked_at(
    tmp_path: Path, begins: datetime.timedelta, ends: datetime.timedelta, verdict: Verdict, words: str
) -> None:
    finding = look(*new_certificate(tmp_path, begins=begins, ends=ends))[0]
    assert finding.verdict is verdict
    assert words in finding.found


def test_the_name_in_public_url_must_be_in_it(trusted: tuple[Path, Path]) -> None:
    findings = look(*trusted, "https://other.example/live")
    assert [finding.verdict for finding in findings] == [Verdict.OK, Verdict.FAIL]
    assert "not for other.example" in findings[1].found


def test_one_that_nobody_vouches_for_is_told(trusted: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    findings = look(*new_certificate(tmp_path / "own", ends=YEAR))
    assert [finding.verdict for finding in findings] == [Verdict.OK, Verdict.WARN]
    assert "intermediate" in findings[1].mend


def test_the_key_of_another_certificate_is_a_failure(trusted: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    _, key_file = new_certificate(tmp_path / "other")
    [finding] = look(trusted[0], key_file)
    assert finding.verdict is Verdict.FAIL
    assert "is not the key of" in finding.found


def test_a_key_with_a_password_asks_nobody(trusted: tuple[Path, Path], tmp_path: Path) -> None:
    locked = tmp_path / "locked.pem"
    form = serialization.BestAvailableEncryption(b"hush")
    pkcs8 = serialization.PrivateFormat.PKCS8
    key = ec.generate_private_key(ec.SECP256R1())
    locked.write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, form))
    [finding] = look(trusted[0], locked)
    assert finding.verdict is Verdict.FAIL
    assert "has a password" in finding.found


@pytest.mark.parametrize("missing", [0, 1])
def test_a_missing_file_is_named(trusted: tuple[Path, Path], missing: int) -> None:
    trusted[missing].unlink()
    [finding] = look(*trusted)
    assert finding.verdict is Verdict.FAIL
    assert finding.found == f"{trusted[missing]}: No such file or directory"


def test_a_file_without_a_certificate_is_named(trusted: tuple[Path, Path]) -> None:
    [finding] = look(trusted[1], trusted[1])
    assert finding.found == f"{trusted[1]} holds no certificate"


@pytest.mark.parametrize(
    ("settings", "verdict"),
    [
        ({}, Verdict.WARN),
        ({"public_url": "http://live.example"}, Verdict.WARN),
        ({"public_url": "https://live.example"}, Verdict.OK),
        ({"http_addr": "127.0.0.1:8080"}, Verdict.OK),
    ],
)
def test_without_tls_it_matters_who_connects(settings: dict[str, str], verdict: Verdict) -> None:
    assert certificate.without(load_settings(**settings)).verdict is verdict
