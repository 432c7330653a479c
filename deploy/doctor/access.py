"""Who may do what: settings that leave more open than their operator may think."""

from deploy.doctor.finding import About, Finding
from deploy.doctor.part import Part
from shared.settings import Settings, secret

ABOUT, PROXIES = About("access"), About("proxies")
JWT_BYTES = 32  # RFC 7518 3.2: as long as the output of SHA-256
TOKEN_LETTERS = 16
NEW_TOKEN = "openssl rand -hex 24"  # noqa: S105  # the command that draws one


def look(settings: Settings, part: Part) -> list[Finding]:
    if not part.has_control:
        return []
    return [*publishing(settings), *administration(settings), *weak(settings), *proxies(settings)]


def publishing(settings: Settings) -> list[Finding]:
    if not settings.auth_configured:
        return [
            ABOUT.warn(
                "everybody who reaches HTTP_ADDR may publish and watch",
                f"set AUTH_TOKEN, ROOM_TOKENS or JWT_SECRET ({NEW_TOKEN})",
            )
        ]
    findings = []
    if settings.room_tokens and not (secret(settings.auth_token) or secret(settings.jwt_secret)):
        findings.append(
            ABOUT.warn(
                f"everybody may publish in every room but the {len(settings.room_tokens)} in ROOM_TOKENS",
                f"set AUTH_TOKEN, too ({NEW_TOKEN})",
            )
        )
    if secret(settings.jwt_secret) and not {"room", "role"} & set(settings.jwt_required_claims):
        findings.append(
            ABOUT.warn(
                "a JWT that names no room opens every room, to publish and to watch",
                "if users get JWTs: JWT_REQUIRED_CLAIMS=room,actions",
            )
        )
    return findings or [ABOUT.ok("publishing and watching require credentials")]


def administration(settings: Settings) -> list[Finding]:
    admin = secret(settings.admin_token)
    others = {secret(settings.auth_token), *map(secret, settings.room_tokens.values())}
    if admin and admin in others:
        return [
            ABOUT.fail(
                "ADMIN_TOKEN is also the token of clients: each of them administrates",
                f"another one ({NEW_TOKEN})",
            )
        ]
    if not (admin or secret(settings.jwt_secret)):
        return [ABOUT.ok("nobody is admin, since ADMIN_TOKEN is not set")]
    return []


def weak(settings: Settings) -> list[Finding]:
    """Secrets that can be guessed."""
    tokens = {
        "AUTH_TOKEN": settings.auth_token,
        "ADMIN_TOKEN": settings.admin_token,
        **{f"ROOM_TOKENS ({room})": token for room, token in settings.room_tokens.items()},
    }
    findings = [
        ABOUT.warn(f"{name} is short enough to be guessed", f"another one ({NEW_TOKEN})")
        for name, token in tokens.items()
        if 0 < len(secret(token)) < TOKEN_LETTERS
    ]
    if 0 < len(secret(settings.jwt_secret).encode()) < JWT_BYTES:
        findings.append(
            ABOUT.warn(
                f"JWT_SECRET has less than {JWT_BYTES} bytes: whoever has a JWT can find it, and make others",
                "openssl rand -hex 32",
            )
        )
    return findings


def proxies(settings: Settings) -> list[Finding]:
    """Behind a proxy that is not named, all clients share its address."""
    behind = settings.public_url.startswith("https://") and not settings.tls_cert_file
    if behind and not settings.trusted_proxies:
        return [
            PROXIES.warn(
                "what ends TLS in front of control is not trusted: for limits and logs all clients are one",
                "set TRUSTED_PROXIES to the balancer's address",
            )
        ]
    return []
