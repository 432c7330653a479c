"""What `roomcast up` says when it is ready: where to go, and what is open to whom."""

import io
import ipaddress
import sys
from importlib.util import find_spec
from pathlib import Path

from deploy.doctor.access import publishing
from media.worker.addresses import sources
from shared.settings.host_port import HostPort
from shared.settings.setting_types import secret
from shared.settings.settings import Settings

_EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104
_CONTAINERS = ("/.dockerenv", "/run/.containerenv")  # others do not reach the addresses in there


def welcome(settings: Settings) -> str:
    """Some lines for people. A secret is named, and not told: they may end in a log."""
    base, other = base_url(settings), url_for_others(settings)
    access = publishing(settings)
    lines = [
        ("open", f"{base}/"),
        *([("", f"{other}/   from other machines and phones")] if other else []),
        ("OBS, FFmpeg", f"{base}/api/whip/publish/demo   WHIP{_bearer(settings)}"),
        ("players", f"{base}/api/whep/play/demo   WHEP"),
        ("no encoder?", "`roomcast demo` publishes a test picture"),
        ("let in", f"TCP {settings.http_addr.port} for pages, {_media(settings)} for media"),
        ("who may", "; ".join(part for each in access for part in (each.found, each.mend) if part)),
    ]
    text = "\n".join(f"  {what:<12} {told}" for what, told in lines)
    return f"\nRoomcast is ready.\n\n{text}\n{_for_a_phone(other or base)}"


def base_url(settings: Settings) -> str:
    """Where control is reached: from everywhere, or else from this host."""
    host = settings.http_addr.host
    if host in (*_EVERYWHERE, "127.0.0.1", "::1"):
        host = "localhost"
    return settings.public_url or f"{_scheme(settings)}://{HostPort(host, settings.http_addr.port)}"


def url_for_others(settings: Settings) -> str:
    """Where others in this network reach control; empty: they do not, or it is the base."""
    if settings.public_url or settings.http_addr.host not in _EVERYWHERE:
        return ""
    address = next(iter(local_addresses()), "")
    return f"{_scheme(settings)}://{HostPort(address, settings.http_addr.port)}" if address else ""


def local_addresses() -> list[str]:
    """The addresses of this host in its network, IPv4 first; none in a container."""
    if any(Path(file).exists() for file in _CONTAINERS):
        return []
    return [each for each in sources() if not ipaddress.ip_address(each).is_loopback]


def _scheme(settings: Settings) -> str:
    return "https" if settings.tls_cert_file else "http"


def _media(settings: Settings) -> str:
    first, last = settings.media_addr.port, settings.media_addr.port + settings.workers - 1
    ports = str(first) if first == last else f"{first} to {last}"
    return f"UDP and TCP {ports}" if settings.media_tcp_addr == "same" else f"UDP {ports}"


def _bearer(settings: Settings) -> str:
    for name in ("publish_token", "auth_token"):
        if secret(getattr(settings, name)):
            return f", Bearer Token: what {name.upper()} says"
    if secret(settings.jwt_secret):
        return ", Bearer Token: `roomcast token --action publish`"
    return ", Bearer Token: a JWT" if settings.takes_jwts else ""


def _for_a_phone(url: str) -> str:
    """A QR code of a URL at which a phone's browser may use the camera, for who looks at a terminal."""
    if not (url.startswith("https://") and "//localhost:" not in url and sys.stdout.isatty()):
        return ""
    if not find_spec("segno"):
        return ""
    import segno

    drawn = io.StringIO()
    segno.make(f"{url}/").terminal(out=drawn, border=2, compact=True)
    return f"\n{drawn.getvalue()}"
