"""Which clients share a bucket."""

import pytest

from control.http.ratelimit import bucket_name


@pytest.mark.parametrize(
    ("client", "bucket"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
    ],
)
def test_bucket_name(client: str, bucket: str) -> None:
    assert bucket_name(client) == bucket
