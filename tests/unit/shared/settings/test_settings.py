"""Settings have the documented defaults, and a wrong value is reported in one line, without secrets."""

from pathlib import Path

import pytest

from deploy.settings_table import as_markdown
from shared.settings.host_port import HostPort
from shared.settings.settings import Settings, SettingsError, load_settings

DEFAULTS = {
    "HTTP_ADDR": HostPort("", 8080),
    "METRICS_ADDR": None,
    "ALLOWED_ORIGIN": "*",
    "AUTH_TOKEN": "",
    "ROOM_TOKENS": {},
    "JWT_SECRET": "",
    "JWT_AUDIENCE": "",
    "ADMIN_TOKEN": "",
    "STUN_URLS": ("stun:stun.l.google.com:19302",),
    "TURN_URLS": (),
    "TURN_USERNAME": "",
    "TURN_PASSWORD": "",
    "RECORD_ENABLED": False,
    "RECORD_DIR": "records",
    "UPLOAD_RECORDINGS": False,
    "DELETE_RECORDING_AFTER_UPLOAD": False,
    "S3_ENDPOINT": "",
    "S3_REGION": "",
    "S3_BUCKET": "",
    "S3_ACCESS_KEY": "",
    "S3_SECRET_KEY": "",
    "S3_USE_SSL": True,
    "S3_PATH_STYLE": False,
    "S3_PREFIX": "",
    "MAX_SUBS_PER_ROOM": 0,
    "RATE_LIMIT_RPS": 0,
    "RATE_LIMIT_BURST": 0,
    "TLS_CERT_FILE": "",
    "TLS_KEY_FILE": "",
    "LOG_LEVEL": "INFO",
    "REDIS_URL": "",
    "MEDIA_ADDR": HostPort("", 7100),
    "MEDIA_TCP_ADDR": "same",
    "MEDIA_PUBLIC_IPS": (),
    "WORKER_ID": "",
    "WORKERS": 1,
    "TRUSTED_PROXIES": (),
    "PUBLIC_URL": "",
}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def plain(value: object) -> object:
    return getattr(value, "get_secret_value", lambda: value)()


@pytest.mark.parametrize(("name", "default"), DEFAULTS.items())
def test_default(name: str, default: object) -> None:
    assert plain(getattr(load_settings(), name.lower())) == default


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
            "turn:b.example:3478?transport=tcp,turns:b.example",
            ("turn:b.example:3478?transport=tcp", "turns:b.example"),
        ),
        ("PUBLIC_URL", "https://live.example/tv/", "https://live.example/tv"),
        ("RATE_LIMIT_RPS", "0.5", 0.5),
        ("RECORD_ENABLED", "1", True),
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


def test_webhooks_require_a_secret_and_hide_their_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_URLS", "https://a.example/hush, https://b.example/")
    with pytest.raises(SettingsError, match=r"^WEBHOOK_URLS requires WEBHOOK_SECRETS$"):
        load_settings()
    monkeypatch.setenv("WEBHOOK_SECRETS", "whsec_" + "A" * 32)
    settings = load_settings()
    assert [plain(url) for url in settings.webhook_urls] == ["https://a.example/hush", "https://b.example/"]
    assert "hush" not in repr(settings)


@pytest.mark.parametrize("text", ["ftp://a.example", "https://u:p@a.example/", "https://a/,https://a/"])
def test_a_webhook_url_that_is_none_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_URLS", text)
    with pytest.raises(SettingsError, match=r"^WEBHOOK_URLS: "):
        load_settings()


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
WRONG = [
    *((name, text) for name in ADDRESSES for text in ("80", ":99999", "a b")),
    ("ROOM_TOKENS", "hush"),
    ("ROOM_TOKENS", "demo:fine;no room:hush"),
    ("ROOM_TOKENS", "demo:"),
    ("STUN_URLS", "http://stun.example"),
    ("TURN_URLS", "turn:b.example?transport=sctp"),
    ("RECORD_ENABLED", "perhaps"),
    ("UPLOAD_RECORDINGS", "2"),
    ("DELETE_RECORDING_AFTER_UPLOAD", "x"),
    ("S3_USE_SSL", "x"),
    ("S3_PATH_STYLE", "x"),
    ("MAX_SUBS_PER_ROOM", "-1"),
    ("MAX_SUBS_PER_ROOM", "many"),
    ("RATE_LIMIT_RPS", "-0.1"),
    ("RATE_LIMIT_BURST", "1.5"),
    ("LOG_LEVEL", "LOUD"),
    ("LOG_FORMAT", "xml"),
    ("REDIS_URL", "http://:hush@redis.example"),
    ("REDIS_URL", "redis://:hush@redis.example:port"),
    ("MEDIA_PUBLIC_IPS", "media.example"),
    ("MEDIA_PUBLIC_IPS", "auto,10.0.0.5,auto"),
    *(("MEDIA_STUN_SERVERS", text) for text in ("stun:a.example", "a.example", ":3478", "a.example:0")),
    ("TRUSTED_PROXIES", "10.0.0.0/33"),
    ("WORKER_ID", "a.b"),
    ("WORKERS", "0"),
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


def test_certificate_and_key_go_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLS_CERT_FILE", "cert.pem")
    with pytest.raises(SettingsError, match="TLS_CERT_FILE and TLS_KEY_FILE go together"):
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
        ({"auth_url": "http://example.com/"}, "AUTH_URL is without TLS"),
        ({"auth_url": "ftp://example.com/"}, "AUTH_URL: must be https"),
        ({"auth_url": "https://a/", "auth_token": "t"}, "AUTH_URL decides in the place of tokens"),
        ({"auth_url": "https://a/", "room_tokens": "r:t"}, "AUTH_URL decides in the place of tokens"),
    ],
)
def test_who_decides_is_one_and_is_asked_over_tls(settings: dict[str, str], reason: str) -> None:
    with pytest.raises(SettingsError, match=f"^{reason}"):
        load_settings(**settings)


def test_a_public_key_is_not_taken_for_a_secret() -> None:
    with pytest.raises(SettingsError, match=r"^JWT_SECRET has a PEM key"):
        load_settings(jwt_secret="-----BEGIN PUBLIC KEY-----")


def test_secrets_are_not_endless() -> None:
    with pytest.raises(SettingsError, match=r"^JWT_MORE_SECRETS: .* at most 3") as caught:
        load_settings(jwt_secret="hush", jwt_more_secrets="hush,hush,hush,hush")
    assert "hush" not in str(caught.value)


def test_more_secrets_go_with_the_one_that_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_MORE_SECRETS", "hush")
    with pytest.raises(SettingsError, match=r"^JWT_MORE_SECRETS requires JWT_SECRET$"):
        load_settings()


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "AUTH_TOKEN",
        "PUBLISH_TOKEN",
        "PLAY_TOKEN",
        "JWT_SECRET",
        "ADMIN_TOKEN",
        "TURN_PASSWORD",
        "TURN_SECRET",
    ):
        monkeypatch.setenv(name, "hush")
    monkeypatch.setenv("S3_ACCESS_KEY", "hush")
    monkeypatch.setenv("S3_SECRET_KEY", "hush")
    for name in ("ROOM_TOKENS", "ROOM_PUBLISH_TOKENS", "ROOM_PLAY_TOKENS"):
        monkeypatch.setenv(name, "demo:hush")
    monkeypatch.setenv("JWT_MORE_SECRETS", "hush,hush-hush")
    monkeypatch.setenv("REDIS_URL", "redis://:hush@redis.example")
    assert "hush" not in repr(load_settings())


def test_a_worker_names_itself_by_host_and_port() -> None:
    first = load_settings().own_worker_id
    second = load_settings(media_addr=HostPort("", 7101)).own_worker_id
    assert first.endswith("-7100")
    assert first != second
    assert load_settings(worker_id="w1").own_worker_id == "w1"


def test_the_documentation_is_current() -> None:
    text = Path("docs/settings.md").read_text(encoding="utf-8")
    assert text == as_markdown(), "renew it: make docs/settings.md"
