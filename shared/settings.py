"""Every setting, once: its name in the environment, type, default and meaning.

Settings come from the environment only and do not change while a process runs.
"""

import ipaddress
import platform
import re
from typing import Annotated, Any, Literal, NamedTuple, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.names import WorkerId, parse_room_name, parse_worker_id


class SettingsError(ValueError):
    """One line that names the wrong setting."""


class HostPort(NamedTuple):
    """`host:port`; an empty host means every address."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def plus(self, count: int) -> "HostPort":
        """The address `count` ports further on."""
        return HostPort(self.host, self.port + count)


def _host_port(value: object) -> object:
    if isinstance(value, HostPort) or not isinstance(value, str):
        return value
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([^:\[\]]*)):(\d{1,5})", value.strip())
    if not match or not 0 <= int(match[3]) <= 65535:
        raise ValueError("want host:port or :port")
    return HostPort(match[1] or match[2] or "", int(match[3]))


def _comma_list(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _room_tokens(value: object) -> object:
    if not isinstance(value, str):
        return value
    tokens: dict[str, SecretStr] = {}
    for number, pair in enumerate((p for p in value.split(";") if p.strip()), 1):
        room, colon, token = pair.strip().partition(":")
        if not (colon and token and parse_room_name(room)):
            # the pair itself holds a secret: say which, not what
            raise ValueError(f"entry {number} is not room:token")
        tokens[room] = SecretStr(token)
    return tokens


def _networks(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        ipaddress.ip_network(value, strict=False)
    return values


def _addresses(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        ipaddress.ip_address(value)
    return values


def _ice_urls(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not re.fullmatch(r"(stun|stuns|turn|turns):[A-Za-z0-9.:\[\]_-]+(\?transport=(udp|tcp))?", value):
            raise ValueError("want stun:host:port or turn:host:port")
    return values


def _worker_id(value: str) -> str:
    if value and not parse_worker_id(value):
        raise ValueError("want 1 to 48 letters, digits, - or _")
    return value


def _public_url(value: str) -> str:
    if value and not re.fullmatch(r"https?://[^\s?#]+", value):
        raise ValueError("want http://host or https://host, with an optional path")
    return value.rstrip("/")


def _redis_url(value: SecretStr) -> SecretStr:
    try:
        url = urlsplit(secret(value))
        good = not secret(value) or (url.scheme in ("redis", "rediss", "unix") and url.port != 0)
    except ValueError:  # of `port`
        good = False
    if not good:  # the value may hold a password: it is not repeated
        raise ValueError("want redis://host:port, rediss://host:port or unix://path")
    return value


def _record_formats(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values or not set(values) <= {"tracks", "mux"}:
        raise ValueError("want tracks, mux or both")
    return values


Address = Annotated[HostPort, NoDecode, BeforeValidator(_host_port)]
CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_list)]
RecordFormats = Annotated[CommaList, AfterValidator(_record_formats)]
IceUrls = Annotated[CommaList, AfterValidator(_ice_urls)]
RoomTokens = Annotated[dict[str, SecretStr], NoDecode, BeforeValidator(_room_tokens)]


def _field(default: Any, meaning: str, **limits: Any) -> Any:
    return Field(default=default, description=meaning, **limits)


class Settings(BaseSettings):
    """All settings of both planes; `roomcast config` prints them."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    # --- who may do what
    auth_token: SecretStr = _field(
        SecretStr(""), "Global token; opens every room that has no token of its own"
    )
    room_tokens: RoomTokens = _field({}, "Tokens of single rooms: room1:token1;room2:token2")
    jwt_secret: SecretStr = _field(SecretStr(""), "Secret of HS256/384/512 JWTs")
    jwt_audience: str = _field("", "Audience that a JWT must name; empty: any")
    admin_token: SecretStr = _field(SecretStr(""), "Token of the admin endpoints")
    max_subs_per_room: int = _field(0, "Viewers allowed in one room; 0: no limit", ge=0)
    rate_limit_rps: float = _field(0.0, "Requests a second allowed to one client address; 0: off", ge=0)
    rate_limit_burst: int = _field(
        0, "Requests that a client may send at once; 0: as many as RATE_LIMIT_RPS allows in a second", ge=0
    )

    # --- HTTP
    http_addr: Address = _field(HostPort("", 8080), "Address of the control plane's HTTP server")
    public_url: Annotated[str, AfterValidator(_public_url)] = _field(
        "", "URL under which clients reach the control plane; goes into Location"
    )
    allowed_origin: str = _field("*", "Access-Control-Allow-Origin of the API")
    trusted_proxies: Annotated[CommaList, AfterValidator(_networks)] = _field(
        (), "Addresses or networks whose X-Forwarded-* headers are believed"
    )
    tls_cert_file: str = _field("", "Certificate chain (PEM); with TLS_KEY_FILE turns HTTPS on")
    tls_key_file: str = _field("", "Private key (PEM) of TLS_CERT_FILE")

    # --- ICE servers that clients are told
    stun_urls: IceUrls = _field(("stun:stun.l.google.com:19302",), "STUN servers handed to clients")
    turn_urls: IceUrls = _field((), "TURN servers handed to authorised clients")
    turn_username: str = _field("", "User name at the TURN servers")
    turn_password: SecretStr = _field(SecretStr(""), "Password at the TURN servers")
    turn_secret: SecretStr = _field(
        SecretStr(""), "Shared secret of coturn's REST scheme; makes short-lived TURN credentials"
    )

    # --- the bus
    redis_url: Annotated[SecretStr, AfterValidator(_redis_url)] = _field(
        SecretStr(""), "Redis or Valkey; `roomcast up` starts its own when empty"
    )

    # --- media workers
    workers: int = _field(1, "Media workers that `roomcast up` starts", ge=1, le=64)
    worker_id: Annotated[str, AfterValidator(_worker_id)] = _field(
        "", "Name of this worker in the cluster; empty: made of host name and media port"
    )
    media_addr: Address = _field(
        HostPort("0.0.0.0", 7100),  # noqa: S104  # media comes from anywhere
        "UDP address of a worker; `roomcast up` counts on from its port",
    )
    media_public_ips: Annotated[CommaList, AfterValidator(_addresses)] = _field(
        (), "Addresses told to clients; empty: this host's own, routable ones first, loopback last"
    )
    media_relay_ips: Annotated[CommaList, AfterValidator(_addresses)] = _field(
        (), "Addresses at which other workers reach this one; empty: those told to clients"
    )
    publisher_grace: float = _field(
        15.0, "Seconds for which viewers are kept while their publisher is away", ge=0
    )
    worker_http_addr: Address = _field(
        HostPort("127.0.0.1", 9100), "Health and metrics of a worker; `roomcast up` counts on from its port"
    )
    drain_seconds: float = _field(
        30.0, "Time for the sessions of a worker to move or to end, once it is told to drain or to stop", ge=0
    )
    worker_max_load: float = _field(
        0.8, "Share of a core in use at which a worker refuses new publishers and viewers", gt=0
    )
    worker_max_viewers: int = _field(
        0, "Viewers at which a worker refuses more, and other workers take them; 0: no limit", ge=0
    )

    join_burst: Literal["auto", "off", "on"] = _field(
        "auto",
        "Send a viewer that joins the pictures since the last keyframe; auto: when the publisher does not"
        " answer keyframe requests",
    )

    # --- recording
    record_enabled: bool = _field(False, "Record every room")
    record_dir: str = _field("records", "Folder of the recordings")
    record_formats: RecordFormats = _field(
        ("tracks", "mux"), "tracks: a file of each track; mux: one file with sound and picture"
    )
    record_max_seconds: float = _field(
        0.0, "Length at which a recording goes on in a new file; 0: none", ge=0
    )
    record_max_bytes: int = _field(0, "Size at which a recording goes on in a new file; 0: none", ge=0)
    record_keep_days: float = _field(
        0.0, "Days after which a local recording is deleted, unless it waits for its upload; 0: never", ge=0
    )
    upload_recordings: bool = _field(False, "Upload finished recordings to S3")
    delete_recording_after_upload: bool = _field(
        False, "Delete a local recording once the store confirmed it"
    )
    s3_endpoint: str = _field("", "Endpoint of the S3 store; empty: AWS")
    s3_region: str = _field("", "Region of the S3 store")
    s3_bucket: str = _field("", "Bucket of the recordings")
    s3_access_key: SecretStr = _field(SecretStr(""), "Access key of the S3 store")
    s3_secret_key: SecretStr = _field(SecretStr(""), "Secret key of the S3 store")
    s3_use_ssl: bool = _field(True, "Speak TLS to the S3 store")
    s3_path_style: bool = _field(False, "Address buckets by path, as MinIO wants")
    s3_prefix: str = _field("", "Prefix of the objects' names")

    # --- logs
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"],
        BeforeValidator(lambda v: v.strip().upper() if isinstance(v, str) else v),
    ] = _field("INFO", "DEBUG, INFO, WARNING or ERROR")
    log_format: Literal["auto", "console", "json"] = _field(
        "auto", "console for people, json for machines; auto: console on a terminal"
    )

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if bool(self.tls_cert_file) != bool(self.tls_key_file):
            raise ValueError("TLS_CERT_FILE and TLS_KEY_FILE go together")
        if self.upload_recordings and not self.s3_bucket:
            raise ValueError("UPLOAD_RECORDINGS wants S3_BUCKET")
        return self

    @property
    def own_worker_id(self) -> WorkerId:
        """`WORKER_ID`, or one that is stable over restarts and unique as long as host and port are."""
        host = re.sub(r"[^A-Za-z0-9_-]", "-", platform.node())[:40] or "worker"
        return WorkerId(self.worker_id or f"{host}-{self.media_addr.port}")

    @property
    def auth_configured(self) -> bool:
        """Whether publishing and playing ask for credentials."""
        return bool(self.room_tokens or secret(self.auth_token) or secret(self.jwt_secret))


def secret(value: SecretStr) -> str:
    """The text of a secret, for the one place that compares or sends it."""
    return value.get_secret_value()


def load_settings(**overrides: Any) -> Settings:
    """The settings of the environment, with `overrides` by field name; raises `SettingsError`."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"][:1]).upper()
        reason = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{name}: {reason}" if name else reason) from None
