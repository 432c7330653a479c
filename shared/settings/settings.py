"""Every setting, once: its name in the environment, type, default and meaning.

Settings come from the environment only and do not change while a process runs.
"""

import platform
import re
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    SecretStr,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)
from pydantic_settings import SettingsConfigDict

from shared.names import WorkerId
from shared.settings.access_settings import AccessSettings
from shared.settings.host_port import HostPort
from shared.settings.ranges import RANGES
from shared.settings.setting_types import (
    AUTO,
    Address,
    AllowedOrigin,
    HeaderText,
    IpAddresses,
    Networks,
    OptionalAddress,
    PublicAddresses,
    PublicUrl,
    RecordFormats,
    RedisUrl,
    SecretHeaderText,
    SecretUrls,
    Servers,
    StoreEndpoint,
    StunUrls,
    TcpAddress,
    TurnUrls,
    WebhookSecrets,
    WebUrl,
    WorkerName,
)
from shared.settings.setting_types import (
    setting as _field,
)

CounterOffers = Literal["asked", "always"]
WithoutPublisher = Literal["404", "409", "wait"]
_MAY_BE_EMPTY = ("media_tcp_addr",)
_MAX_SHOWN = 40  # characters of a wrong number


class SettingsError(ValueError):
    """One line that names the wrong setting."""


class Settings(AccessSettings):
    """All settings of both planes; `roomcast config` prints them."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, values: dict[str, Any]) -> dict[str, Any]:
        """An empty value counts as not set, but where it means something."""
        return {name: value for name, value in values.items() if value != "" or name in _MAY_BE_EMPTY}

    @field_validator(*RANGES, mode="wrap")
    @classmethod
    def _check_range(cls, value: Any, parse: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        """The error repeats the value, since no numeric setting is a secret."""
        name = str(info.field_name)
        try:
            number = parse(value)
        except ValidationError:
            number = None
        if number is None or number not in RANGES[name]:
            kind = "number" if cls.model_fields[name].annotation is float else "whole number"
            raise ValueError(f"must be a {kind} from {RANGES[name]}, not {repr(value)[:_MAX_SHOWN]}")
        return number

    # --- how much
    max_rooms: int = _field(1000, "Rooms that exist at once in the whole cluster; 0: no limit")
    max_publishers_per_client: int = _field(
        0,
        "Rooms in which one client address (of IPv6, one /64) publishes at once in the whole cluster; 0: no"
        " limit",
    )
    max_viewers_per_client: int = _field(
        0,
        "Viewers that one client address (of IPv6, one /64) may have at once on one worker; 0: no limit",
    )
    whep_without_publisher: WithoutPublisher = _field(
        "404",
        "What a viewer gets of a room in which nobody publishes. 404: that status. 409: the status of WHEP's"
        " draft. wait: the request waits for somebody to publish, for 25 s, before it is 409. All say in"
        " Retry-After when to ask again",
    )
    whep_counter_offers: CounterOffers = _field(
        "asked",
        "Who gets 406 with an offer of the server's, where their own cannot be answered. asked: players that"
        " name application/sdp in Accept. always: all that take it, as WHEP's draft has it. Others get 406"
        " with JSON",
    )
    viewer_reports: bool = _field(
        False,
        "Have players tell, each half minute and at the end, what their viewers saw and heard: time to the"
        " first picture, stills, lost sound, size, latency. Our own pages do, and others that ask for it"
        " (docs/embedding.md). The sums of a room are metrics, and in the webhook room.ended",
    )
    max_subs_per_room: int = _field(0, "Viewers allowed in one room; 0: no limit")
    rate_limit_rps: float = _field(0.0, "Requests a second allowed to one client address; 0: off")
    rate_limit_burst: int = _field(
        0, "Requests that a client address may send at once; 0: as many as RATE_LIMIT_RPS allows in a second"
    )
    rate_limit_offers_rps: float = _field(
        0.0, "As RATE_LIMIT_RPS, for offers (POST of WHIP and WHEP), which are counted apart; 0: the same"
    )
    rate_limit_offers_burst: int = _field(
        0,
        "As RATE_LIMIT_BURST, for offers; 0: as RATE_LIMIT_BURST, or with RATE_LIMIT_OFFERS_RPS as many as"
        " that allows in a second",
    )

    # --- HTTP
    http_addr: Address = _field(
        HostPort("", 8080),
        "Address of the control plane's HTTP server; without a host: every IPv4 and IPv6 address",
    )
    metrics_addr: OptionalAddress = _field(
        None,
        "Address at which the control plane serves /metrics and /api/metrics/targets, over HTTP and then only"
        " there; empty: on HTTP_ADDR",
    )
    public_url: PublicUrl = _field("", "URL under which clients reach the control plane; used in Location")
    allowed_origin: AllowedOrigin = _field("*", "Access-Control-Allow-Origin of the API: any, or one origin")
    trusted_proxies: Networks = _field(
        (), "Addresses or networks of proxies whose X-Forwarded-* headers are trusted"
    )
    tls_cert_file: str = _field("", "Certificate chain (PEM); together with TLS_KEY_FILE it turns HTTPS on")
    tls_key_file: str = _field("", "Private key (PEM) of TLS_CERT_FILE")

    # --- ICE servers that clients are given
    stun_urls: StunUrls = _field(("stun:stun.l.google.com:19302",), "STUN servers that clients are given")
    turn_urls: TurnUrls = _field((), "TURN servers that authorised clients are given")
    turn_username: HeaderText = _field("", "User name at the TURN servers; leave it empty with TURN_SECRET")
    turn_password: SecretHeaderText = _field(SecretStr(""), "Password at the TURN servers")
    turn_secret: SecretStr = _field(
        SecretStr(""), "Shared secret of coturn's REST API, for TURN credentials that expire"
    )

    # --- the bus
    redis_url: RedisUrl = _field(
        SecretStr(""),
        "Redis or Valkey: redis://user:password@host:port/0, redis+sentinel://…@host:port,host:port/name or"
        " redis+cluster://…@host:port,host:port; rediss is TLS; `roomcast up` starts its own when empty",
    )

    # --- media workers
    workers: int = _field(1, "Media workers that `roomcast up` starts")
    worker_id: WorkerName = _field(
        "", "Name of this worker, which no other one in the cluster may have; empty: host name and media port"
    )
    media_addr: Address = _field(
        HostPort("", 7100),
        "UDP address of a worker; without a host, or with [::]: every IPv4 and IPv6 address; 0.0.0.0: every"
        " IPv4 address. The workers of `roomcast up` take this port and those after it",
    )
    media_tcp_addr: TcpAddress = _field(
        "same",
        "TCP address of a worker, for clients whose network drops UDP; same: as MEDIA_ADDR; empty: none. The"
        " workers of `roomcast up` take this port and those after it",
    )
    media_public_ips: PublicAddresses = _field(
        (),
        "Addresses that clients are given; empty: this host's own, routable ones first, loopback last; auto:"
        " public ones, as MEDIA_STUN_SERVERS see them, and behind those this host's own, or what is named"
        " beside auto",
    )
    media_stun_servers: Servers = _field(
        (HostPort("stun.l.google.com", 19302), HostPort("stun.cloudflare.com", 3478)),
        "STUN servers that a worker asks for its public addresses if MEDIA_PUBLIC_IPS has auto; two of"
        " different operators, so that a symmetric NAT is noticed",
    )
    media_relay_ips: IpAddresses = _field(
        (), "Addresses at which other workers reach this one; empty: those that clients are given"
    )
    relay_max_edges: int = _field(
        100,
        "Other workers to which one worker sends one room; further ones get it from those. 0: all of them get"
        " it from the worker that has its publisher",
    )
    publisher_grace: float = _field(
        15.0, "Seconds for which a room keeps its viewers while its publisher is away"
    )
    worker_http_addr: Address = _field(
        HostPort("127.0.0.1", 9100),
        "HTTP address of a worker, for health, metrics and recordings, at which control and Prometheus reach"
        " it; without a host: every IPv4 and IPv6 address, and they use the first of MEDIA_RELAY_IPS, or"
        " this host's first private one. The workers of `roomcast up` take this port and those after it",
    )
    drain_seconds: float = _field(
        30.0,
        "Seconds that sessions have to move or to end, from when a worker drains or is stopped",
    )
    worker_cut_off_seconds: float = _field(
        0.0,
        "Seconds without Redis after which a worker ends all its sessions, since it cannot know whether a"
        " block or a revocation forbids them; 0: they go on",
    )
    worker_max_load: float = _field(
        0.8,
        "Load at which a worker refuses new publishers and viewers: the used share of one core, or of"
        " WORKER_MAX_EGRESS if that is more",
    )
    worker_max_egress: int | Literal["auto"] = _field(
        "auto",
        "Bits a second that this worker may send; at WORKER_MAX_LOAD of them it refuses new publishers and"
        " viewers. auto: what the host's network card carries, all that the host sends counted, if Linux"
        " knows its speed; 0: no limit",
    )
    worker_max_viewers: int = _field(
        0, "Viewers that a worker takes, before other workers take them; 0: no limit"
    )
    metrics_max_rooms: int = _field(
        500,
        "Rooms of a worker, those with most viewers, that have roomcast_room_* and roomcast_layer_* series in"
        " its /metrics; 0: all",
    )

    native: Literal["auto", "off", "on"] = _field(
        "auto",
        "Whether a worker encrypts and sends in C, to many viewers at once; auto: if that was built; on: do"
        " not start without it",
    )
    join_burst: Literal["auto", "off", "on"] = _field(
        "auto",
        "Whether a new viewer gets the pictures since the last keyframe; auto: if the publisher ignores"
        " keyframe requests",
    )
    snapshots: bool = _field(
        True, "Make still pictures of rooms, which cost a worker 2 % of a core at most, and of recordings"
    )

    # --- recording
    record_enabled: bool = _field(False, "Record every room")
    record_dir: str = _field("records", "Folder of the recordings")
    record_formats: RecordFormats = _field(
        ("tracks", "mux"), "tracks: a file for each track; mux: one file with sound and picture"
    )
    record_max_seconds: float = _field(
        0.0, "Length in seconds after which a recording continues in a new file; 0: no limit"
    )
    record_max_bytes: int = _field(
        0, "Size in bytes after which a recording continues in a new file; 0: no limit"
    )
    record_keep_days: float = _field(
        0.0,
        "Days after which a local recording is deleted, unless it still has to be uploaded; 0: never",
    )
    record_min_free_bytes: int = _field(
        0,
        "Bytes to keep free on the disk of RECORD_DIR by deleting the oldest recordings, unless they still"
        " have to be uploaded; 0: none is deleted for that",
    )
    upload_recordings: bool = _field(False, "Upload finished recordings to S3")
    delete_recording_after_upload: bool = _field(
        False, "Delete a local recording once the store has confirmed it"
    )
    s3_endpoint: StoreEndpoint = _field("", "Endpoint of the S3 store; empty: AWS")
    s3_region: str = _field("", "Region of the S3 store")
    s3_bucket: str = _field("", "Bucket of the recordings")
    s3_access_key: SecretStr = _field(SecretStr(""), "Access key of the S3 store")
    s3_secret_key: SecretStr = _field(SecretStr(""), "Secret key of the S3 store")
    s3_use_ssl: bool = _field(True, "Use TLS to the S3 store")
    s3_path_style: bool = _field(False, "Address buckets by path, as MinIO requires")
    s3_prefix: str = _field("", "Prefix of the object names")

    # --- webhooks
    webhook_urls: SecretUrls = _field((), "URLs that are told what happens in rooms: see docs/webhooks.md")
    webhook_secrets: WebhookSecrets = _field((), "Secrets (`whsec_...`) of webhooks; each signs all of them")
    webhook_allowed_networks: Networks = _field((), "Internal networks in which their receivers may be")
    webhook_retry_seconds: float = _field(
        21_600.0, "Seconds for which a webhook that fails is tried again, before it is given up"
    )

    # --- logs and traces
    traces_url: WebUrl = _field("", "OTLP/HTTP endpoint for traces: see docs/monitoring.md; empty: none")
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
            raise ValueError("UPLOAD_RECORDINGS requires S3_BUCKET")
        if self.webhook_urls and not self.webhook_secrets:
            raise ValueError("WEBHOOK_URLS requires WEBHOOK_SECRETS")
        if AUTO in self.media_public_ips and not self.media_stun_servers:
            raise ValueError("MEDIA_PUBLIC_IPS has auto, and MEDIA_STUN_SERVERS names none")
        return self

    @property
    def own_worker_id(self) -> WorkerId:
        """`WORKER_ID`, or a name that survives restarts and is as unique as host name and port."""
        host = re.sub(r"[^A-Za-z0-9_-]", "-", platform.node())[:40] or "worker"
        return WorkerId(self.worker_id or f"{host}-{self.media_addr.port}")

    @property
    def own_media_tcp_addr(self) -> HostPort | None:
        """Where a worker takes media over TCP; None: nowhere."""
        if isinstance(self.media_tcp_addr, HostPort):
            return self.media_tcp_addr
        return self.media_addr if self.media_tcp_addr == "same" else None


def load_settings(**overrides: Any) -> Settings:
    """The settings of the environment, with `overrides` by field name; raises `SettingsError`."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"][:1]).upper()
        reason = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{name}: {reason}" if name else reason) from None
