"""Who may do what: settings that leave more open than their operator may think."""

import ipaddress

from deploy.doctor.finding import About, Finding
from deploy.doctor.part import Part
from shared.settings.setting_types import secret
from shared.settings.settings import Settings, SettingsError

ABOUT, PROXIES = About("access"), About("proxies")
JWT_BYTES = 32  # RFC 7518 3.2: as long as the output of SHA-256
TOKEN_LETTERS = 16
MOST_SAID = 8  # findings in the line of the start: rooms may have a thousand short tokens
MOST_PROXIES = 65_536  # addresses of one trusted network, IPv4 or IPv6
NEW_TOKEN = "openssl rand -hex 24"  # noqa: S105  # the command that draws one


def look(settings: Settings, part: Part) -> list[Finding]:
    if not part.has_control:
        return []
    return [
        *publishing(settings),
        *administration(settings),
        *keys(settings),
        *weak(settings),
        *proxies(settings),
    ]


def at_start(settings: Settings) -> tuple[bool, dict[str, str]]:
    """Whether something is to be mended; and what is open to whom, and what closes it, for one line."""
    findings = [*publishing(settings), *administration(settings), *weak(settings)][:MOST_SAID]
    mends = dict.fromkeys(each.mend for each in findings if each.mend)  # each once
    said = {"open": "; ".join(each.found for each in findings)}
    return bool(mends), said | ({"mend": "; ".join(mends)} if mends else {})


def publishing(settings: Settings) -> list[Finding]:
    if not settings.auth_configured:
        return [
            ABOUT.warn(
                "everybody who reaches HTTP_ADDR may publish, watch, and have all recordings",
                f"set AUTH_TOKEN, ROOM_TOKENS or JWT_SECRET ({NEW_TOKEN})",
            )
        ]
    findings = []
    everywhere = secret(settings.auth_token) or settings.takes_jwts or secret(settings.auth_url)
    if not (everywhere or secret(settings.publish_token)):
        rooms = settings.room_tokens.keys() | settings.room_publish_tokens.keys()
        but = f" but the {len(rooms)} in ROOM_TOKENS and ROOM_PUBLISH_TOKENS" if rooms else ""
        findings.append(
            ABOUT.warn(
                f"everybody may publish in every room{but}",
                f"set AUTH_TOKEN or PUBLISH_TOKEN, too ({NEW_TOKEN})",
            )
        )
    if _to_play(settings) & _to_publish(settings):
        findings.append(
            ABOUT.fail(
                "a token to play is also one to publish: viewers may publish", f"another one ({NEW_TOKEN})"
            )
        )
    if settings.takes_jwts and not {"room", "role"} & set(settings.jwt_required_claims):
        findings.append(
            ABOUT.warn(
                "a JWT that names no room opens every room, to publish and to watch",
                "if users get JWTs: JWT_REQUIRED_CLAIMS=room,actions",
            )
        )
    if findings:
        return findings
    if not (everywhere or secret(settings.play_token)):
        return [
            ABOUT.ok("publishing requires credentials; everybody may watch where no room has a token to play")
        ]
    return [ABOUT.ok("publishing and watching require credentials")]


def administration(settings: Settings) -> list[Finding]:
    admin = secret(settings.admin_token)
    if admin and admin in _to_publish(settings) | _to_play(settings):
        return [
            ABOUT.fail(
                "ADMIN_TOKEN is also the token of clients: each of them administrates",
                f"another one ({NEW_TOKEN})",
            )
        ]
    if not (admin or settings.takes_jwts):
        return [ABOUT.ok("nobody is admin, since ADMIN_TOKEN is not set")]
    return []


def _to_publish(settings: Settings) -> set[str]:
    """Tokens that publish, and may do more."""
    tokens = (settings.auth_token, settings.publish_token)
    rooms = (settings.room_tokens, settings.room_publish_tokens)
    return {secret(token) for token in (*tokens, *(one for room in rooms for one in room.values()))} - {""}


def _to_play(settings: Settings) -> set[str]:
    """Tokens that play, and do nothing else."""
    return {secret(token) for token in (settings.play_token, *settings.room_play_tokens.values())} - {""}


def keys(settings: Settings) -> list[Finding]:
    """Control refuses to start with public keys that it cannot use."""
    from control.access.jwts import configured_keys  # 3 MB, which a control process may do without

    try:
        configured_keys(settings)
    except SettingsError as error:
        return [
            ABOUT.fail(
                str(error), "PEM blocks of RSA, P-256 or Ed25519 keys, or the name of a file with them"
            )
        ]
    return []


def weak(settings: Settings) -> list[Finding]:
    """Secrets that can be guessed."""
    tokens = {
        "AUTH_TOKEN": settings.auth_token,
        "PUBLISH_TOKEN": settings.publish_token,
        "PLAY_TOKEN": settings.play_token,
        "ADMIN_TOKEN": settings.admin_token,
        **{
            f"{name} ({room})": token
            for name, rooms in (
                ("ROOM_TOKENS", settings.room_tokens),
                ("ROOM_PUBLISH_TOKENS", settings.room_publish_tokens),
                ("ROOM_PLAY_TOKENS", settings.room_play_tokens),
            )
            for room, token in rooms.items()
        },
    }
    findings = [
        ABOUT.warn(f"{name} is short enough to be guessed", f"another one ({NEW_TOKEN})")
        for name, token in tokens.items()
        if 0 < len(secret(token)) < TOKEN_LETTERS
    ]
    jwt_secrets = {"JWT_SECRET": [settings.jwt_secret], "JWT_MORE_SECRETS": settings.jwt_more_secrets}
    findings += [
        ABOUT.warn(
            f"{name} has less than {JWT_BYTES} bytes: whoever has a JWT can find it, and make others",
            "openssl rand -hex 32",
        )
        for name, values in jwt_secrets.items()
        if any(0 < len(secret(value).encode()) < JWT_BYTES for value in values)
    ]
    return findings


def proxies(settings: Settings) -> list[Finding]:
    """Behind a proxy that is not named, all clients share its address; whoever is trusted may forge one."""
    trusted = [ipaddress.ip_network(text, strict=False) for text in settings.trusted_proxies]
    if everybody := [network for network in trusted if network.prefixlen == 0]:
        return [
            PROXIES.fail(
                f"TRUSTED_PROXIES has {everybody[0]}: every client may name another address as its own",
                "name the balancer's address alone",
            )
        ]
    if wide := [str(network) for network in trusted if network.num_addresses > MOST_PROXIES]:
        return [
            PROXIES.warn(
                f"every host in {', '.join(wide)} may name another address as its client's",
                "name the addresses of the balancers alone, if others are in these networks",
            )
        ]
    behind = settings.public_url.startswith("https://") and not settings.tls_cert_file
    if behind and not settings.trusted_proxies:
        return [
            PROXIES.warn(
                "what ends TLS in front of control is not trusted: for limits and logs all clients are one",
                "set TRUSTED_PROXIES to the balancer's address",
            )
        ]
    return []
