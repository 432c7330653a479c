"""What the environment may say: a wrong value is reported in one line, without secrets."""

from pathlib import Path
from typing import get_args

import pytest

from deploy.settings_table import as_markdown
from shared.settings.host_port import HostPort
from shared.settings.ranges import RANGES
from shared.settings.settings import Settings, SettingsError, load_settings


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def plain(value: object) -> object:
    return getattr(value, "get_secret_value", lambda: value)()


@pytest.mark.parametrize("name", [name for name in Settings.model_fields if name != "media_tcp_addr"])
def test_empty_counts_as_not_set(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name.upper(), "")
    assert load_settings() == Settings.model_construct()


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("HTTP_ADDR", ":80", HostPort("", 80)),
        ("HTTP_ADDR", "[::1]:80", HostPort("::1", 80)),
        ("METRICS_ADDR", ":8081", HostPort("", 8081)),
        ("MEDIA_ADDR", "10.0.0.1:7000", HostPort("10.0.0.1", 7000)),
        ("WORKER_HTTP_ADDR", "worker.example:0", HostPort("worker.example", 0)),
        ("MEDIA_PUBLIC_IPS", "203.0.113.7, 2001:db8::7", ("203.0.113.7", "2001:db8::7")),
        ("MEDIA_PUBLIC_IPS", "auto, 10.0.0.5", ("auto", "10.0.0.5")),
        (
            "MEDIA_STUN_SERVERS",
            "stun.example:3478,[2001:db8::1]:1",
            (HostPort("stun.example", 3478), HostPort("2001:db8::1", 1)),
        ),
        ("MEDIA_STUN_SERVERS", ",", ()),
        ("TRUSTED_PROXIES", "10.0.0.0/8,::1", ("10.0.0.0/8", "::1")),
        ("STUN_URLS", "stun:a.example", ("stun:a.example",)),
        ("STUN_URLS", ",", ()),
        (
            "TURN_URLS",
            "turn:b.example:3478?transport=tcp,turns:b.example,turn:[::1],stun:[::1]:1",
            ("turn:b.example:3478?transport=tcp", "turns:b.example", "turn:[::1]", "stun:[::1]:1"),
        ),
        ("PUBLIC_URL", "https://live.example/tv/", "https://live.example/tv"),
        ("ALLOWED_ORIGIN", "capacitor://localhost", "capacitor://localhost"),
        ("ALLOWED_ORIGIN", "https://[::1]:8443", "https://[::1]:8443"),
        ("RATE_LIMIT_RPS", "0.5", 0.5),
        ("RECORD_ENABLED", "1", True),
        *(
            ("S3_ENDPOINT", text, text)
            for text in ("minio:9000", "https://s3.example.com./a", "10.0.0.1:9000", "http://[::1]:9000", "")
        ),
        ("S3_USE_SSL", "false", False),
        ("LOG_LEVEL", "debug", "DEBUG"),
        ("REDIS_URL", "rediss://:pw@redis.example:6380/1", "rediss://:pw@redis.example:6380/1"),
        ("REDIS_URL", "unix:///run/valkey.sock", "unix:///run/valkey.sock"),
    ],
)
def test_value(name: str, text: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, text)
    assert plain(getattr(load_settings(), name.lower())) == value


@pytest.mark.parametrize(
    "text", ["x", "whsec_", "whsec_AAAA", "whsec_" + "?" * 32, "A" * 32, "whsec_" + "A" * 99]
)
def test_a_webhook_secret_that_is_none_is_refused_and_not_shown(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEBHOOK_SECRETS", text)
    with pytest.raises(SettingsError, match=r"^WEBHOOK_SECRETS: must be whsec_ and 24 to 64 bytes") as error:
        load_settings()
    assert text in ("x", "whsec_") or text not in str(error.value)


def test_room_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOM_TOKENS", "one:a:b; two:c;")
    tokens = load_settings().room_tokens
    assert {room: plain(token) for room, token in tokens.items()} == {"one": "a:b", "two": "c"}


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (None, HostPort("10.0.0.1", 7300)),
        ("same", HostPort("10.0.0.1", 7300)),
        ("", None),
        (":443", HostPort("", 443)),
        ("10.0.0.2:7200", HostPort("10.0.0.2", 7200)),
    ],
)
def test_media_over_tcp_is_where_udp_is_unless_something_else_is_said(
    text: str | None, address: HostPort | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDIA_ADDR", "10.0.0.1:7300")
    if text is not None:
        monkeypatch.setenv("MEDIA_TCP_ADDR", text)
    assert load_settings().own_media_tcp_addr == address


ADDRESSES = ("HTTP_ADDR", "METRICS_ADDR", "MEDIA_ADDR", "MEDIA_TCP_ADDR", "WORKER_HTTP_ADDR")
NO_HOSTS = ("a b", "a..b", f"{'a' * 64}.example", f"{'ż' * 60}.example")
WRONG = [
    *((name, text) for name in ADDRESSES for text in ("80", ":99999", "a b", "[::::]:80")),
    *((name, f"{host}:80") for name in (*ADDRESSES, "MEDIA_STUN_SERVERS") for host in NO_HOSTS),
    *(
        (name, f"{scheme}://{host}:80")
        for name, scheme in (
            ("REDIS_URL", "redis"),
            ("JWT_JWKS_URL", "https"),
            ("AUTH_URL", "https"),
            ("WEBHOOK_URLS", "https"),
            ("TRACES_URL", "https"),
            ("PUBLIC_URL", "https"),
        )
        for host in NO_HOSTS
    ),
    *(
        (name, ip)
        for name in ("MEDIA_PUBLIC_IPS", "MEDIA_RELAY_IPS")
        for ip in (
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "ff02::1",
            "255.255.255.255",
            "fe80::1",
            "fe80::1%eth0",
            "2001:db8::1%eth0",
            "::ffff:192.0.2.1",
        )
    ),
    *(
        (f"{name}_{kind}", text)
        for name in ("RATE_LIMIT", "RATE_LIMIT_OFFERS")
        for kind, text in (("RPS", "1e-300"), ("RPS", "1e300"), ("BURST", "1" + "0" * 30))
    ),
    ("AUTH_URL_SECONDS", "1e-9"),
    ("WORKER_CUT_OFF_SECONDS", "0.5"),
    *(
        (name, f"hush{blank}")
        for name in ("AUTH_TOKEN", "PUBLISH_TOKEN", "PLAY_TOKEN", "ADMIN_TOKEN")
        for blank in (" ", "\n")
    ),
    ("ROOM_TOKENS", "demo: hush"),
    *(("STUN_URLS", f"stun:{text}") for text in ("a:0", "a:99999", "a:b", "::1", "a..b", "a?transport=udp")),
    ("STUN_URLS", "turn:b.example"),
    ("TURN_URLS", "turn:b.example:99999"),
    *(("PUBLIC_URL", f"http://x{text}") for text in (":abc", ":99999", "?a", "#a")),
    *(
        ("ALLOWED_ORIGIN", f"https://{text}")
        for text in ("a:x", "a:443", "A.example", "*.example", "u@a", "a:")
    ),
    ("ROOM_TOKENS", "hush"),
    ("ROOM_TOKENS", "demo:fine;no room:hush"),
    ("ROOM_TOKENS", "demo:"),
    ("STUN_URLS", "http://stun.example"),
    ("TURN_URLS", "turn:b.example?transport=sctp"),
    ("RECORD_ENABLED", "perhaps"),
    ("MAX_SUBS_PER_ROOM", "-1"),
    ("MAX_SUBS_PER_ROOM", "many"),
    ("RATE_LIMIT_RPS", "-0.1"),
    ("RATE_LIMIT_BURST", "1.5"),
    ("LOG_LEVEL", "LOUD"),
    ("LOG_FORMAT", "xml"),
    ("REDIS_URL", "http://:hush@redis.example"),
    ("MEDIA_PUBLIC_IPS", "media.example"),
    ("MEDIA_PUBLIC_IPS", "auto,10.0.0.5,auto"),
    *(("MEDIA_STUN_SERVERS", text) for text in ("stun:a.example", "a.example", ":3478", "a.example:0")),
    ("TRUSTED_PROXIES", "10.0.0.0/33"),
    ("WORKER_ID", "a.b"),
    ("WORKERS", "0"),
    ("DRAIN_SECONDS", "1e308"),
    *((name.upper(), "inf") for name, field in Settings.model_fields.items() if field.annotation is float),
    *(
        ("JWT_JWKS_URL", text)
        for text in (
            "id.example/keys",
            "ftp://id.example/keys",
            "file:///keys",
            "https://",
            "https://ann:hush@id.example/keys",
            "https://id.example:0/keys",
            "https://[id.example/keys",
            "https://id.example/a b",
            "https://id.example/\n",
        )
    ),
    ("PUBLIC_URL", "live.example"),
    ("PUBLIC_URL", "https://żółw.example"),
    ("ALLOWED_ORIGIN", "https://żółw.example"),
    ("TURN_USERNAME", "żółw"),
    ("TURN_PASSWORD", "żółw"),
    *(("ALLOWED_ORIGIN", text) for text in ("a.example", "https://a.example/", "https://a,https://b")),
    *(
        ("S3_ENDPOINT", text)
        for text in (
            "minio_store:9000",
            "http://minio_store:9000",
            "-minio:9000",
            "minio..local",
            f"{'a' * 64}:9000",
            "minio:99999",
            "ftp://minio",
            "https://u:hush@minio",
            "https://",
        )
    ),
    *(("JWT_REQUIRED_CLAIMS", text) for text in ("room role", "room;role", "é", "a" * 65)),
    *(
        ("WEBHOOK_URLS", text)
        for text in ("ftp://a.example", "https://u:hush@a.example/", "https://a/hush,https://a/hush")
    ),
]


@pytest.mark.parametrize(("name", "text"), WRONG)
def test_a_wrong_value_is_named_in_one_line(name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(SettingsError) as error:
        load_settings()
    line = str(error.value)
    assert line.startswith(f"{name}: ")
    assert "\n" not in line
    assert "hush" not in line
    assert error.value.__cause__ is None  # no traceback below it shows the value


NUMERIC = [
    name
    for name, field in Settings.model_fields.items()
    if {int, float} & {field.annotation, *get_args(field.annotation)}
]


@pytest.mark.parametrize("name", NUMERIC)
def test_a_number_outside_of_its_range_is_refused_with_name_value_and_range(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = RANGES[name]
    for wrong in ("-1", f"{allowed.high + 1:.0f}", "1e300", "nan", "10 s"):
        monkeypatch.setenv(name.upper(), wrong)
        with pytest.raises(SettingsError) as refused:
            load_settings()
        assert str(refused.value).startswith(f"{name.upper()}: must be a ")
        assert str(refused.value).endswith(f"number from {allowed}, not '{wrong}'")
    for right in (allowed.low, allowed.high, *allowed.others):
        monkeypatch.setenv(
            name.upper(), f"{right:.10f}".rstrip("0").rstrip(".") if right != "auto" else "auto"
        )
        assert getattr(load_settings(), name) == right


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("WORKER_MAX_LOAD", "80"),
        ("WORKER_MAX_LOAD", "1.5"),
        ("WORKER_MAX_LOAD", "0"),
        ("WORKER_MAX_EGRESS", "1000"),
        ("RECORD_MAX_BYTES", "500"),
        ("DRAIN_SECONDS", "1e6"),
        ("PUBLISHER_GRACE", "100000"),
    ],
)
def test_a_number_that_was_meant_in_another_unit_is_refused(
    name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(SettingsError, match=f"^{name}: .* from .* to .*, not '{text}'$"):
        load_settings()


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://id.example/keys", True),
        ("http://localhost:8080/keys", True),
        ("http://127.0.0.1/keys", True),
        ("http://[::1]:8080/keys", True),
        ("http://id.example/keys", False),
        ("http://10.0.0.1/keys", False),
        ("http://localhost.id.example/keys", False),
        ("http://127.0.0.1.id.example/keys", False),
        ("HTTP://id.example/keys", False),
    ],
)
def test_keys_come_over_tls_unless_it_is_allowed(url: str, safe: bool) -> None:
    if safe:
        assert load_settings(jwt_jwks_url=url).takes_jwts
    else:
        with pytest.raises(SettingsError, match=r"^JWT_JWKS_URL is without TLS"):
            load_settings(jwt_jwks_url=url)
        assert load_settings(jwt_jwks_url=url, jwt_jwks_allow_http=True).takes_jwts


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"tls_cert_file": "cert.pem"}, "TLS_CERT_FILE and TLS_KEY_FILE go together"),
        ({"upload_recordings": "1"}, "UPLOAD_RECORDINGS requires S3_BUCKET"),
        (
            {"media_public_ips": "auto", "media_stun_servers": ","},
            "MEDIA_PUBLIC_IPS has auto, and MEDIA_STUN",
        ),
        ({"webhook_urls": "https://a.example/hush"}, "WEBHOOK_URLS requires WEBHOOK_SECRETS"),
        ({"jwt_secret": "-----BEGIN PUBLIC KEY-----"}, "JWT_SECRET has a PEM key"),
        ({"jwt_more_secrets": "hush"}, "JWT_MORE_SECRETS requires JWT_SECRET"),
        ({"jwt_secret": "hush", "jwt_more_secrets": "hush,hush,hush,hush"}, "JWT_MORE_SECRETS: .* at most 3"),
        ({"auth_url": "http://example.com/"}, "AUTH_URL is without TLS"),
        ({"auth_url": "ftp://example.com/"}, "AUTH_URL: must be https"),
        ({"auth_url": "https://a/", "auth_token": "t"}, "AUTH_URL decides in the place of tokens"),
        ({"auth_url": "https://a/", "room_tokens": "r:t"}, "AUTH_URL decides in the place of tokens"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings: dict[str, str], reason: str) -> None:
    with pytest.raises(SettingsError, match=f"^{reason}") as refused:
        load_settings(**settings)
    assert "hush" not in str(refused.value)


def test_a_worker_names_itself_by_host_and_port() -> None:
    first = load_settings().own_worker_id
    second = load_settings(media_addr=HostPort("", 7101)).own_worker_id
    assert first.endswith("-7100")
    assert first != second
    assert load_settings(worker_id="w1").own_worker_id == "w1"


def test_the_documentation_is_current() -> None:
    text = Path("docs/settings.md").read_text(encoding="utf-8")
    assert text == as_markdown(), "renew it: make docs/settings.md"
