"""Keys that verify JWTs. Does no I/O.

A key says which algorithms it is for, and a token does not choose: a secret verifies HMACs only, and a public
key never serves as a secret (RFC 8725 3.1).
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

MAX_KEYS = 32  # in a set
MAX_UNNAMED = 4  # keys without a name: a token is tried with each of its algorithm, for up to 1 ms
MAX_KEY_NAME = 256  # characters
RSA_BITS = (2048, 4096)  # RFC 7518 3.3: at least 2048; longer ones would keep the event loop

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

_HMAC = frozenset(["HS256", "HS384", "HS512"])
_RSA = frozenset(["RS256", "RS384", "RS512"])
_BY_CURVE = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}  # RFC 7518 3.4
_ED25519 = frozenset(["EdDSA"])  # RFC 8037 3.1
PUBLIC_KEY_ALGORITHMS = _RSA | _ED25519 | {*_BY_CURVE.values()}

# what PyJWT raises for a hostile JWK; the algorithm "none" it has not implemented
_HOSTILE = (jwt.PyJWTError, UnsupportedAlgorithm, NotImplementedError, ValueError, TypeError, KeyError)
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.+?-----END \1-----", re.DOTALL)


class KeysError(ValueError):
    """The text holds no keys that can be used. It says why, and never repeats the text."""


@dataclass(frozen=True, slots=True)
class JwtKey:
    """`name`: the `kid` that tokens must carry (RFC 7517 4.5); None: whatever they carry, or none.

    `alone`: no other key of its set has these algorithms, so a token need not name it (OpenID Connect 10.1).
    """

    algorithms: frozenset[str]
    material: bytes | PublicKey = field(repr=False)
    name: str | None = None
    alone: bool = False

    def fits(self, algorithm: str, name: str | None) -> bool:
        """Whether this key may have signed a token with such a header.

        `name` None: the header names no key.
        """
        is_meant = self.name in (None, name) or (name is None and self.alone)
        return is_meant and algorithm in self.algorithms


def secret_key(secret: str) -> JwtKey:
    """The key of HS256, HS384 and HS512."""
    return JwtKey(_HMAC, secret.encode())


def keys_of_pem(text: str) -> tuple[JwtKey, ...]:
    """The public keys in one or several PEM blocks; raises `KeysError`."""
    blocks = list(_PEM.finditer(text))
    if not blocks:
        raise KeysError("has no PEM block")
    if len(blocks) > MAX_UNNAMED:
        raise KeysError(f"has more than {MAX_UNNAMED} keys")
    return tuple(_key_of_pem(block[1], block[0]) for block in blocks)


def _key_of_pem(label: str, block: str) -> JwtKey:
    if "PRIVATE" in label:
        raise KeysError("has a private key, which only who signs may have: give the public one")
    try:
        public = load_pem_public_key(block.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise KeysError("has a block that is no public key") from None
    return JwtKey(_algorithms(public), public)  # type: ignore[arg-type]  # `_algorithms` takes no others


def keys_of_set(data: bytes) -> tuple[JwtKey, ...]:
    """The keys for signatures in a JWK set (RFC 7517 5); raises `KeysError`.

    Keys of other kinds or for encryption are passed over, as clause 5 asks; secrets and private keys, too,
    which do not belong there. A set in which nothing is left is an error: its server is broken.
    """
    try:
        entries = json.loads(data)["keys"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise KeysError("is no JWK set") from None
    if not isinstance(entries, list):
        raise KeysError("is no JWK set")
    if len(entries) > MAX_KEYS:
        raise KeysError(f"has more than {MAX_KEYS} keys")
    keys = tuple(_usable(entries))
    if not keys:
        raise KeysError("has no key that verifies RS256, ES256 or EdDSA")
    if sum(key.name is None for key in keys) > MAX_UNNAMED:
        raise KeysError(f"has more than {MAX_UNNAMED} keys without a name")
    return tuple(replace(key, alone=_is_alone(key, keys)) for key in keys)


def _is_alone(key: JwtKey, keys: Iterable[JwtKey]) -> bool:
    return not any(other is not key and other.algorithms & key.algorithms for other in keys)


def _usable(entries: list[Any]) -> Iterator[JwtKey]:
    for entry in entries:
        try:
            key = _key_of_jwk(entry)
        except (KeysError, *_HOSTILE):
            continue
        yield key


def _key_of_jwk(entry: Any) -> JwtKey:
    """The key in a JWK, which may be hostile; raises what `_usable` catches."""
    if not isinstance(entry, dict) or {"d", "k"} & entry.keys():
        raise KeysError("has a private key or a secret")
    if entry.get("use", "sig") != "sig" or "verify" not in entry.get("key_ops", ["verify"]):
        raise KeysError("has a key for another use")
    name = entry.get("kid")
    if name is not None and not (isinstance(name, str) and len(name) <= MAX_KEY_NAME):
        raise KeysError("has a key with a strange name")
    public = jwt.PyJWK(entry).key
    algorithms = _algorithms(public)
    if "alg" in entry:
        algorithms &= {entry["alg"]}
    if not algorithms:
        raise KeysError("has a key of another algorithm")
    return JwtKey(algorithms, public, name)


def _algorithms(public: object) -> frozenset[str]:
    """The algorithms that a public key is for; raises `KeysError` for a key that is not taken."""
    if isinstance(public, RSAPublicKey):
        shortest, longest = RSA_BITS
        if not shortest <= public.key_size <= longest:
            raise KeysError(f"has an RSA key with less than {shortest} bits, or more than {longest}")
        return _RSA
    if isinstance(public, EllipticCurvePublicKey) and public.curve.name in _BY_CURVE:
        return frozenset([_BY_CURVE[public.curve.name]])
    if isinstance(public, Ed25519PublicKey):
        return _ED25519
    raise KeysError("has a key that is none of RSA, P-256, P-384, P-521 and Ed25519")
