"""What `roomcast up` says when it is ready: where to go, and what is open to whom."""

from shared.settings.host_port import HostPort
from shared.settings.settings import Settings

_EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104


def welcome(settings: Settings) -> str:
    base = base_url(settings)
    return "\n".join(
        [
            "",
            "Roomcast is ready.",
            f"  publish (WHIP)  {base}/api/whip/publish/demo",
            f"  watch (WHEP)    {base}/api/whep/play/demo",
            f"  in a browser    {base}/",
            "",
        ]
    )


def base_url(settings: Settings) -> str:
    """Where control is reached: from everywhere, or else from this host."""
    scheme = "https" if settings.tls_cert_file else "http"
    host = settings.http_addr.host
    if host in (*_EVERYWHERE, "127.0.0.1", "::1"):
        host = "localhost"
    return settings.public_url or f"{scheme}://{HostPort(host, settings.http_addr.port)}"
