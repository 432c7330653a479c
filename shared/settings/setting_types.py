"""The types of settings: how the text of an environment variable becomes a value, and what it must look like.

An error says what the value must be and never repeats it: it may hold a secret. Numbers have `ranges`.
"""

import base64
import ipaddress
import re
from typing import Annotated, Any, Literal, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from shared.names import parse_room_name, parse_worker_id
from shared.settings.host_port import HostPort, is_host_name, parse_host_port
from shared.settings.redis_url import parse_redis_url

_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")  # of a name in DNS (RFC 1123 2.1)
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[1-9][0-9]{0,4})?")
_OWN_PORTS = re.compile(r"http:.*:80|https:.*:443")  # browsers leave them out
AUTO = "auto"  # in MEDIA_PUBLIC_IPS, in the place of an address: what STUN servers see


def secret(value: SecretStr) -> str:
    """The text of a secret, for the code that compares or sends it."""
    return value.get_secret_value()


def setting(default: Any, meaning: str, **limits: Any) -> Any:
    """A setting: its default, and what it means, in a sentence."""
    return Field(default=default, description=meaning, **limits)


def _host_port(value: object) -> object:
    return parse_host_port(value) if isinstance(value, str) else value


def _tcp_address(value: object) -> object:
    return value if value in ("", "same") else _host_port(value)


def _comma_list(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _room_tokens(value: object) -> object:
    if not isinstance(value, str):
        return value
    tokens: dict[str, str] = {}
    for number, pair in enumerate((p for p in value.split(";") if p.strip()), 1):
        room, colon, token = pair.strip().partition(":")
        if not (colon and _is_token(token) and parse_room_name(room)):
            raise ValueError(f"entry {number} is not room:token")
        tokens[room] = token
    return tokens


def _token(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text and not _is_token(text):
        raise ValueError("must be printable, without a blank or a line's end before or behind it")
    return value


def _is_token(text: str) -> bool:
    """Whether a request can carry it in a header, as it is."""
    return text.isprintable() and text == text.strip() != ""


def _networks(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        ipaddress.ip_network(value, strict=False)
    return values


def _addresses(values: tuple[str, ...]) -> tuple[str, ...]:
    for ip in map(ipaddress.ip_address, values):
        if ip.is_unspecified or ip.is_multicast or not _is_of_one_host(ip):
            raise ValueError("must be addresses at which one host is reached, without a zone")
    return values


def _is_of_one_host(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(ip, ipaddress.IPv4Address):
        return not ip.is_reserved  # as broadcast is
    return ip.ipv4_mapped is None and ip.scope_id is None and not ip.is_link_local  # that takes a zone


def _public_addresses(values: tuple[str, ...]) -> tuple[str, ...]:
    _addresses(tuple(value for value in values if value != AUTO))
    if values.count(AUTO) > 1:
        raise ValueError("has auto twice")
    return values


def _servers(values: tuple[object, ...]) -> tuple[HostPort, ...]:
    servers = tuple(parse_host_port(value) if isinstance(value, str) else value for value in values)
    if not all(isinstance(server, HostPort) and server.host and server.port for server in servers):
        raise ValueError("must be host:port, separated by commas")
    return cast(tuple[HostPort, ...], servers)


def _ice_urls(values: tuple[str, ...]) -> tuple[str, ...]:
    """Browsers refuse any other URL."""
    for value in values:
        url = re.fullmatch(r"(?:stun|turn)s?:([A-Za-z0-9.:\[\]_-]+)(\?transport=(udp|tcp))?", value)
        if not url or (url[2] and value.startswith("stun")) or not _is_server(url[1]):
            raise ValueError("must be stun:host:port or turn:host:port")
    return values


def _stun_urls(values: tuple[str, ...]) -> tuple[str, ...]:
    if any(value.startswith("turn") for value in values):
        raise ValueError("has a TURN server, which takes credentials: see TURN_URLS")
    return _ice_urls(values)


def _is_server(text: str) -> bool:
    """Whether it is host:port, or a host alone."""
    try:
        host, port = parse_host_port(text if re.search(r":\d+$", text.rpartition("]")[2]) else f"{text}:1")
    except ValueError:
        return False
    return bool(host and port)


def _claim_names(values: tuple[str, ...]) -> tuple[str, ...]:
    if not all(re.fullmatch(r"[A-Za-z0-9_.:/-]{1,64}", value) for value in values):
        raise ValueError("must be names of claims, separated by commas")
    return values


def _worker_name(value: str) -> str:
    if value and not parse_worker_id(value):
        raise ValueError("must be 1 to 48 letters, digits, - or _")
    return value


def _public_url(value: str) -> str:
    if value and (not _is_web_url(value) or "?" in value):
        raise ValueError("must be http://host or https://host in ASCII (xn--...), with an optional path")
    return value.rstrip("/")


def _origin(value: str) -> str:
    if value != "*" and (not _ORIGIN.fullmatch(value) or _OWN_PORTS.fullmatch(value)):
        raise ValueError("must be *, or one origin in ASCII: https://www.example.com, as browsers send it")
    return value


def _web_url(value: str) -> str:
    if value and not _is_web_url(value):
        raise ValueError("must be https://host/path or http://host/path, without user and password")
    return value


def _header_text(value: str) -> str:
    if not (value.isascii() and value.isprintable()):
        raise ValueError("must be printable ASCII: it is sent in a header")
    return value


def _secret_header_text(value: SecretStr) -> SecretStr:
    _header_text(value.get_secret_value())
    return value


def _secret_web_url(value: SecretStr) -> SecretStr:
    _web_url(value.get_secret_value())
    return value


def _secret_urls(values: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    if len(set(values)) != len(values):
        raise ValueError("has the same URL twice")
    for value in values:
        _web_url(value.get_secret_value())
    return values


def _webhook_secrets(values: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    for value in values:
        encoded = value.get_secret_value().removeprefix("whsec_")
        try:
            size = len(base64.b64decode(encoded, validate=True))
        except ValueError:
            size = 0
        if not 24 <= size <= 64 or encoded == value.get_secret_value():
            raise ValueError("must be whsec_ and 24 to 64 bytes in base64: whsec_$(openssl rand -base64 32)")
    return values


def _store_endpoint(value: str) -> str:
    url = value if "://" in value else f"http://{value}"
    if value and not (_is_web_url(url) and _is_host_of_boto3(urlsplit(url).hostname or "")):
        raise ValueError("must be host:port or https://host:port, without _ in the host's name")
    return value


def _is_host_of_boto3(host: str) -> bool:
    """Whether boto3 takes it in an endpoint: a name with `_` is none to it, although resolvers find some."""
    return ":" in host or all(_LABEL.fullmatch(label) for label in host.removesuffix(".").split("."))


def _is_web_url(value: str) -> bool:
    try:
        url = urlsplit(value)
        good_port = url.port != 0
    except ValueError:  # of `port`, and of brackets
        return False
    is_plain = value.isascii() and value.isprintable() and not set(value) & set(" #")
    return (
        url.scheme in ("http", "https")
        and is_host_name(url.hostname or "")
        and good_port
        and is_plain
        and "@" not in url.netloc
    )


def is_without_tls(url: str) -> bool:
    """Whether what is fetched from `url` could be changed on its way."""
    parts = urlsplit(url)
    if parts.scheme != "http":
        return False
    try:
        return not ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return parts.hostname != "localhost"


def _redis_url(value: SecretStr) -> SecretStr:
    if text := value.get_secret_value():
        parse_redis_url(text)
    return value


def _record_formats(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values or not set(values) <= {"tracks", "mux"}:
        raise ValueError("must be tracks, mux or both")
    return values


Address = Annotated[HostPort, NoDecode, BeforeValidator(_host_port)]
OptionalAddress = Annotated[HostPort | None, NoDecode, BeforeValidator(_host_port)]
TcpAddress = Annotated[HostPort | Literal["", "same"], NoDecode, BeforeValidator(_tcp_address)]
CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_list)]
Networks = Annotated[CommaList, AfterValidator(_networks)]
IpAddresses = Annotated[CommaList, AfterValidator(_addresses)]
PublicAddresses = Annotated[CommaList, AfterValidator(_public_addresses)]
Servers = Annotated[
    tuple[HostPort, ...], NoDecode, BeforeValidator(lambda value: _servers(_comma_list(value)))
]
StunUrls = Annotated[CommaList, AfterValidator(_stun_urls)]
TurnUrls = Annotated[CommaList, AfterValidator(_ice_urls)]
ClaimNames = Annotated[CommaList, AfterValidator(_claim_names)]
RecordFormats = Annotated[CommaList, AfterValidator(_record_formats)]
RoomTokens = Annotated[dict[str, SecretStr], NoDecode, BeforeValidator(_room_tokens)]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_comma_list)]
SecretUrls = Annotated[Secrets, AfterValidator(_secret_urls)]
WebhookSecrets = Annotated[Secrets, AfterValidator(_webhook_secrets)]
WorkerName = Annotated[str, AfterValidator(_worker_name)]
PublicUrl = Annotated[str, AfterValidator(_public_url)]
AllowedOrigin = Annotated[str, AfterValidator(_origin)]
HeaderText = Annotated[str, AfterValidator(_header_text)]
Token = Annotated[SecretStr, AfterValidator(_token)]
SecretHeaderText = Annotated[SecretStr, AfterValidator(_secret_header_text)]
WebUrl = Annotated[str, AfterValidator(_web_url)]
StoreEndpoint = Annotated[str, AfterValidator(_store_endpoint)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]
SecretWebUrl = Annotated[SecretStr, AfterValidator(_secret_web_url)]
