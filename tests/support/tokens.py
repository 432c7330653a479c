"""JSON Web Tokens, as those sign them who have the key of `JWT_SECRET`."""

import time
from typing import Any

import jwt

SECRET = "a-secret-of-at-least-thirty-two-bytes"


def signed(secret: str = SECRET, **claims: Any) -> str:
    """One that is good for an hour: a table may be made long before its tests run."""
    return jwt.encode({"exp": int(time.time()) + 3600} | claims, secret, "HS256")
