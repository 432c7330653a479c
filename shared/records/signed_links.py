"""Links to recordings that a signature opens for a short while, in place of credentials. Does no I/O."""

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import urlencode


class SignedLinks:
    """Signs links with `key`, each good for `seconds`, and verifies them. `now` is Unix time."""

    def __init__(self, key: bytes, seconds: int) -> None:
        self._key = key
        self._seconds = seconds

    def query(self, name: str, now: float) -> str:
        """The query to append to a URL of the recording `name`."""
        expires = str(int(now) + self._seconds)
        return urlencode({"expires": expires, "signature": self._signature(name, expires)})

    def admits(self, name: str, query: Mapping[str, str], now: float) -> bool:
        """Whether `query`, as a client sent it, opens the recording `name` at this moment."""
        expires = query.get("expires", "")
        expected, given = self._signature(name, expires), query.get("signature", "")
        # only what was signed here is read as a number
        return hmac.compare_digest(expected.encode(), given.encode()) and int(expires) >= now

    def _signature(self, name: str, expires: str) -> str:
        return hmac.new(self._key, f"{name}\n{expires}".encode(), hashlib.sha256).hexdigest()
