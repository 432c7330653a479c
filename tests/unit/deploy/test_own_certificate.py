"""The certificate of `roomcast up --tls`: for this host's names and addresses, and made anew in time."""

import stat
from pathlib import Path

import pytest

from deploy import own_certificate
from deploy.doctor.certificate import look
from deploy.doctor.finding import Verdict
from deploy.doctor.part import Part
from deploy.own_certificate import for_local_network
from shared.settings.settings import SettingsError, load_settings

ADDRESS = "192.0.2.7"


@pytest.mark.parametrize("host", ["localhost", ADDRESS, "[::1]"])
def test_a_client_that_trusts_it_takes_it_at_each_address(host: str, tmp_path: Path) -> None:
    cert, key = map(str, for_local_network([ADDRESS], tmp_path))
    settings = load_settings(tls_cert_file=cert, tls_key_file=key, public_url=f"https://{host}")
    assert [one.found for one in look(settings, Part.UP) if one.verdict is Verdict.FAIL] == []


def test_nobody_else_reads_its_key(tmp_path: Path) -> None:
    _, key = for_local_network([ADDRESS], tmp_path / "new")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_it_is_kept_while_it_fits(tmp_path: Path) -> None:
    first = for_local_network([ADDRESS], tmp_path)[0].read_bytes()
    assert for_local_network([ADDRESS], tmp_path)[0].read_bytes() == first
    assert for_local_network([ADDRESS, "192.0.2.8"], tmp_path)[0].read_bytes() != first


def test_it_is_made_anew_before_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = for_local_network([ADDRESS], tmp_path)[0].read_bytes()
    monkeypatch.setattr(own_certificate, "RENEWED_BEFORE", own_certificate.LASTS)
    assert for_local_network([ADDRESS], tmp_path)[0].read_bytes() != first


def test_a_damaged_one_is_made_anew(tmp_path: Path) -> None:
    cert, _ = for_local_network([ADDRESS], tmp_path)
    cert.write_bytes(b"nothing")
    assert for_local_network([ADDRESS], tmp_path)[0].read_bytes() != b"nothing"


def test_a_folder_that_takes_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="--tls: "):
        for_local_network([ADDRESS], tmp_path / "file" / "below")
