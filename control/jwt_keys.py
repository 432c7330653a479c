"""Keys that verify JWTs. Does no I/O.

A key says which algorithms it is for, and a token does not choose (RFC 8725 3.1).
"""

from dataclasses import dataclass, field

_HMAC = frozenset(["HS256", "HS384", "HS512"])


@dataclass(frozen=True, slots=True)
class JwtKey:
    """`name`: the `kid` that tokens must carry (RFC 7517 4.5); None: whatever they carry, or none."""

    algorithms: frozenset[str]
    material: bytes = field(repr=False)
    name: str | None = None

    def fits(self, algorithm: str, name: str | None) -> bool:
        """Whether it may have signed a token whose header says so. `name` None: it names no key."""
        return algorithm in self.algorithms and (None in (name, self.name) or name == self.name)


def secret_key(secret: str) -> JwtKey:
    """The key of HS256, HS384 and HS512."""
    return JwtKey(_HMAC, secret.encode())
