"""Key pairs of an issuer of JWTs: the private one signs, the public one as PEM and as JWK."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

_GENERATORS: dict[str, Callable[[], Any]] = {
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "RS256, short": lambda: rsa.generate_private_key(65537, 1024),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ES512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ES256K": lambda: ec.generate_private_key(ec.SECP256K1()),
    "EdDSA": lambda: ed25519.Ed25519PrivateKey.generate(),
    "EdDSA, 448": lambda: ed448.Ed448PrivateKey.generate(),
}
_WRITERS: dict[str, Any] = {
    "RS": jwt.algorithms.RSAAlgorithm,
    "ES": jwt.algorithms.ECAlgorithm,
    "Ed": jwt.algorithms.OKPAlgorithm,
}


@dataclass(frozen=True)
class SigningKey:
    kind: str
    private: Any
    kid: str

    def sign(self, claims: dict[str, Any], algorithm: str = "", kid: str | None = None) -> str:
        """`kid`: None is this key's own, "" is none."""
        named = self.kid if kid is None else kid
        headers = {"kid": named} if named else None
        return jwt.encode(claims, self.private, algorithm or self.kind.partition(",")[0], headers)

    @property
    def pem(self) -> str:
        public: bytes = self.private.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        return public.decode()

    @property
    def private_pem(self) -> str:
        private: bytes = self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return private.decode()

    def jwk(self, *, private: bool = False, **more: Any) -> dict[str, Any]:
        key = self.private if private else self.private.public_key()
        written: dict[str, Any] = _WRITERS[self.kind[:2]].to_jwk(key, as_dict=True)
        return {**written, "kid": self.kid} | more


@cache
def signing_key(kind: str, kid: str = "one") -> SigningKey:
    """The same whenever a test asks for the same: an RSA key takes a while."""
    return SigningKey(kind, _GENERATORS[kind](), kid)


def key_set(*keys: Any) -> bytes:
    """A JWK set of signing keys, or of entries made by hand."""
    return json.dumps({"keys": [key.jwk() if isinstance(key, SigningKey) else key for key in keys]}).encode()
