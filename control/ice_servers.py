"""The ICE servers that clients are given, as JSON for browsers and as `Link` headers (RFC 9725 4.6)."""

import base64
import hashlib
import hmac
import secrets
from typing import TypedDict

from shared.settings.setting_types import secret
from shared.settings.settings import Settings

TURN_LIFETIME_SECONDS = 6 * 3600


class IceServer(TypedDict, total=False):
    """An `RTCIceServer` of the browsers' API."""

    urls: list[str]
    username: str
    credential: str


class IceServers:
    """STUN servers for everybody; TURN servers, with their credentials, for authorised callers only."""

    def __init__(self, settings: Settings) -> None:
        self._stun = list(settings.stun_urls)
        self._turn = list(settings.turn_urls)
        self._username = settings.turn_username
        self._password = secret(settings.turn_password)
        self._secret = secret(settings.turn_secret)

    @property
    def has_turn(self) -> bool:
        return bool(self._turn)

    def entries(self, now: float, *, authorised: bool) -> list[IceServer]:
        entries: list[IceServer] = []
        if self._stun:
            entries.append({"urls": self._stun})
        if self._turn and authorised:
            entries.append({"urls": self._turn, **self._credentials(now)})
        return entries

    def links(self, now: float) -> list[str]:
        """One `Link` header for each server, for an authorised caller."""
        return [
            "; ".join([f"<{url}>", 'rel="ice-server"', *_credential_parameters(entry)])
            for entry in self.entries(now, authorised=True)
            for url in entry["urls"]
        ]

    def _credentials(self, now: float) -> IceServer:
        if self._secret:
            # coturn's REST API: the user name is the time at which it expires, and a user, for its quota; the
            # password signs both
            ends = int(now) + TURN_LIFETIME_SECONDS
            username = f"{ends}:{self._username or secrets.token_hex(4)}"
            mac = hmac.digest(self._secret.encode(), username.encode(), hashlib.sha1)
            return {"username": username, "credential": base64.b64encode(mac).decode()}
        if self._username:
            return {"username": self._username, "credential": self._password}
        return {}


def _credential_parameters(entry: IceServer) -> list[str]:
    if "username" not in entry:
        return []
    return [
        f"username={_quoted(entry['username'])}",
        f"credential={_quoted(entry['credential'])}",
        'credential-type="password"',
    ]


def _quoted(text: str) -> str:
    """A quoted-string (RFC 9110 5.6.4)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
