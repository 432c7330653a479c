"""A store that boto3 does not even open."""

import pytest

from shared.records.store import Store, StoreError
from shared.settings.settings import load_settings


@pytest.mark.parametrize(
    ("variable", "text", "reason"),
    [
        ("AWS_ENDPOINT_URL", "http://minio_store:9000", "Invalid endpoint: http://minio_store:9000"),
        ("S3_REGION", "us_east", "InvalidRegionError"),
    ],
)
def test_what_boto3_does_not_open_is_named(
    variable: str, text: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"UPLOAD_RECORDINGS": "1", "S3_BUCKET": "b", "S3_ACCESS_KEY": "a", "S3_SECRET_KEY": "s"}
    for name, value in (settings | {variable: text}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StoreError, match=f"^{reason}$"):
        Store(load_settings())
