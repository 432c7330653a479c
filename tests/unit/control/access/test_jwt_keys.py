"""Public keys as PEM and as JWK sets, and the attacks that live on a token that chooses its check."""

import base64
import hashlib
import hmac
import json
import sys
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.access.auth import Authenticator
from control.access.jwt_claims import JwtError, JwtReader
from control.access.jwt_keys import (
    MAX_KEYS,
    MAX_UNNAMED,
    JwtKey,
    KeysError,
    keys_of_pem,
    keys_of_set,
    secret_key,
)
from shared.settings.settings import SettingsError, load_settings
from tests.support.signing_keys import key_set, signing_key
from tests.unit.control.access.test_auth import NOW, SECRET, may

CLAIMS = {"exp": int(NOW) + 600, "room": "demo"}
KINDS = ("RS256", "ES256", "ES384", "ES512", "EdDSA")
RSA, EC, ED = (signing_key(kind) for kind in ("RS256", "ES256", "EdDSA"))


def opens(text: str, *keys: JwtKey, now: float = NOW) -> bool:
    try:
        claims = JwtReader(None, None, ()).read(text.encode(), keys, now)
    except JwtError:
        return False
    return claims.room == "demo"


@pytest.mark.parametrize("kind", KINDS)
def test_a_public_key_opens_what_its_private_one_signed(kind: str) -> None:
    key, other = signing_key(kind), signing_key(kind, "another")
    for known in (keys_of_pem(key.pem), keys_of_set(key_set(key))):
        assert opens(key.sign(CLAIMS), *known)
        assert opens(key.sign(CLAIMS, kid=""), *known)
        assert not opens(other.sign(CLAIMS, kid="one"), *known)
        assert not opens(key.sign(CLAIMS), *known, now=NOW + 630)
        assert not opens(key.sign(CLAIMS | {"nbf": int(NOW) + 31}), *known)


def test_a_token_is_tried_with_each_key_that_has_no_name() -> None:
    keys = [
        signing_key(kind, f"k{number}") for number, kind in enumerate(("RS256", "ES256", "RS256", "EdDSA"))
    ]
    known = keys_of_pem("\n".join(f"# {key.kid}\n{key.pem}" for key in keys))
    unnamed = keys_of_set(key_set(*(key.jwk(kid=None) for key in keys)))
    assert len(known) == len(unnamed) == 4
    for key in keys:
        for name in ("", key.kid, "of-nobody"):
            assert opens(key.sign(CLAIMS, kid=name), *known, secret_key(SECRET))
            assert opens(key.sign(CLAIMS, kid=name), *unnamed)


def test_a_key_with_a_name_is_named_unless_there_is_no_other() -> None:
    keys = [signing_key(kind, f"k{number}") for number, kind in enumerate([*KINDS, "RS256"])]
    published = keys_of_set(key_set(*keys))
    for key in keys:
        assert opens(key.sign(CLAIMS), *published)
        assert opens(key.sign(CLAIMS, kid=""), *published) is (key.kind != "RS256")
        for wrong in ("of-nobody", "k0" if key.kid != "k0" else "k5"):
            assert not opens(key.sign(CLAIMS, kid=wrong), *published)


# --- attacks


def by_hand(header: dict[str, Any], secret: bytes | None) -> str:
    """A token that PyJWT would not make."""
    head, body = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, CLAIMS)
    )
    digest = hmac.new(secret, head + b"." + body, hashlib.sha256).digest() if secret is not None else b""
    return b".".join([head, body, base64.urlsafe_b64encode(digest).rstrip(b"=")]).decode()


@pytest.mark.parametrize("kind", KINDS)
def test_a_public_key_is_no_secret(kind: str) -> None:
    """Everybody has it: who could make HMACs with it would be in."""
    key = signing_key(kind)
    for known in (keys_of_pem(key.pem), keys_of_set(key_set(key))):
        for secret in (key.pem, key.pem.strip(), json.dumps(key.jwk()), ""):
            for algorithm in ("HS256", key.kind):
                for name in ({}, {"kid": "one"}):
                    forged = by_hand({"alg": algorithm, **name}, secret.encode())
                    assert not opens(forged, *known)
                    assert not opens(forged, *known, secret_key(SECRET))


def test_nothing_opens_a_token_that_claims_another_algorithm_or_none() -> None:
    known = (secret_key(SECRET), *keys_of_pem(RSA.pem), *keys_of_set(key_set(EC)))
    for algorithm in ("RS256", "ES256", "EdDSA", "none", "None", "nOnE", "NONE", "hs256", "", "HS1"):
        for signed_by in (SECRET.encode(), None):
            for name in ({}, {"kid": "one"}):
                assert not opens(by_hand({"alg": algorithm, **name}, signed_by), *known)
    assert opens(by_hand({"alg": "HS256"}, SECRET.encode()), secret_key(SECRET))
    # the operator's mistake: a secret that is everybody's public key
    assert not opens(by_hand({"alg": "HS256"}, RSA.pem.encode()), secret_key(RSA.pem))


def test_a_token_brings_no_key_of_its_own() -> None:
    """RFC 7515 4.1.2 to 4.1.6: jku, jwk, x5u and x5c are not looked at."""
    mine = signing_key("RS256", "mine")
    known = keys_of_set(key_set(RSA))
    for header in (
        {"jwk": mine.jwk(), "kid": "mine"},
        {"jwk": mine.jwk(), "kid": "one"},
        {"jku": "http://127.0.0.1:1/keys", "kid": "one"},
        {"x5u": "http://127.0.0.1:1/chain", "x5c": ["AAAA"]},
    ):
        assert not opens(jwt.encode(CLAIMS, mine.private, "RS256", header), *known)


@pytest.mark.parametrize(
    "name", ["../../../dev/null", "/etc/passwd", "' OR '1'='1", "one\0", "http://127.0.0.1:1", "o" * 5000]
)
def test_a_name_of_a_key_is_compared_and_nothing_else(name: str) -> None:
    known = keys_of_set(key_set(RSA))
    assert not opens(RSA.sign(CLAIMS, kid=name), *known)
    for secret in (b"", b"\0"):
        assert not opens(by_hand({"alg": "HS256", "kid": name}, secret), *known, secret_key(SECRET))


def test_a_name_that_is_no_text_is_refused() -> None:
    odd: Any
    for odd in (7, [], {"a": 1}, True):
        assert not opens(by_hand({"alg": "HS256", "kid": odd}, SECRET.encode()), secret_key(SECRET))


def test_a_key_for_one_algorithm_verifies_no_other() -> None:
    [only_512] = keys_of_set(key_set(RSA.jwk(alg="RS512")))
    assert opens(RSA.sign(CLAIMS, "RS512"), only_512)
    assert not opens(RSA.sign(CLAIMS, "RS256"), only_512)
    [any_rsa] = keys_of_pem(RSA.pem)
    assert not opens(RSA.sign(CLAIMS, "PS256"), any_rsa)


# --- what is no key


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has no PEM block"),
        ("/etc/keys.pem", "has no PEM block"),
        (RSA.pem[:-30], "has no PEM block"),
        (RSA.private_pem, "has a private key"),
        (EC.pem + ED.private_pem, "has a private key"),
        (RSA.pem.replace("M", "A", 3), "has a block that is no public key"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "has a block that is no public key"),
        (signing_key("RS256, short").pem, "has an RSA key with less than 2048 bits"),
        (signing_key("ES256K").pem, "has a key that is none of"),
        (signing_key("EdDSA, 448").pem, "has a key that is none of"),
        (ED.pem * (MAX_UNNAMED + 1), f"has more than {MAX_UNNAMED} keys"),
    ],
)
def test_pem_that_cannot_be_used_is_told_why(text: str, reason: str) -> None:
    with pytest.raises(KeysError, match=reason) as caught:
        keys_of_pem(text)
    assert "BEGIN" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{}", b"7", b'{"keys": {}}', b'{"keys": 7}', b"\xff\xfe", b"[" * 60_000, b'{"keys": []}'],
)
def test_what_is_no_set_is_refused(data: bytes) -> None:
    with pytest.raises(KeysError):
        keys_of_set(data)


@pytest.mark.parametrize(
    "entry",
    [
        *(None, 7, [], {}),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "one"},
        {"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"},
        RSA.jwk(private=True),
        *(RSA.jwk(**wrong) for wrong in ({"use": "enc"}, {"key_ops": ["encrypt"]}, {"key_ops": 7})),
        *(RSA.jwk(alg=wrong) for wrong in ("RSA-OAEP", "HS256", "ES256", "none", ["RS256"])),
        *(RSA.jwk(kid=wrong) for wrong in (7, "x" * 257)),
        *(RSA.jwk(n=wrong) for wrong in ("AQAB", 7, "", "_" * 2000)),
        *(RSA.jwk(e="AA"), ED.jwk(x="AAAA")),
        *(EC.jwk(**wrong) for wrong in ({"x": "AAAA"}, {"y": EC.jwk()["x"]}, {"crv": "P-384"})),
        *(signing_key(kind).jwk() for kind in ("RS256, short", "ES256K", "EdDSA, 448")),
    ],
)
def test_an_entry_that_is_no_key_of_ours_is_passed_over(entry: Any) -> None:
    with pytest.raises(KeysError, match="has no key that verifies"):
        keys_of_set(key_set(entry))
    [good] = keys_of_set(key_set(entry, signing_key("EdDSA", "good")))
    assert good.name == "good"


def test_a_set_is_bounded() -> None:
    assert len(keys_of_set(key_set(*[ED] * MAX_KEYS))) == MAX_KEYS
    with pytest.raises(KeysError, match=f"has more than {MAX_KEYS} keys"):
        keys_of_set(key_set(*[ED] * (MAX_KEYS + 1)))
    with pytest.raises(KeysError, match=f"has more than {MAX_UNNAMED} keys without a name"):
        keys_of_set(key_set(*[ED.jwk(kid=None)] * (MAX_UNNAMED + 1)))


@given(
    st.dictionaries(
        st.sampled_from(["kty", "n", "e", "x", "y", "crv", "kid", "alg", "use", "key_ops", "d"]),
        st.sampled_from(["RSA", "EC", "OKP", "P-256", "Ed25519", "AQAB", "sig", RSA.jwk()["n"]])
        | st.none()
        | st.integers()
        | st.text()
        | st.lists(st.text())
        | st.dictionaries(st.text(), st.floats()),
    )
)
def test_a_strange_entry_is_passed_over_and_never_a_bug(entry: dict[str, Any]) -> None:
    assert len(keys_of_set(key_set(RSA, entry))) in (1, 2)


def test_no_key_shows_in_a_log() -> None:
    assert SECRET not in repr(secret_key(SECRET))


# --- of the settings


@pytest.mark.parametrize("form", ["text", "one line", "file"])
def test_keys_of_the_settings_open(form: str, tmp_path: Path) -> None:
    file = tmp_path / "keys.pem"
    pem = RSA.pem + ED.pem
    file.write_text(pem)
    settings = {
        "jwt_public_keys": {"text": pem, "one line": pem.replace("\n", "\\n"), "file": str(file)}[form]
    }
    assert all(may(settings, key.sign(CLAIMS)) for key in (RSA, ED))
    assert not any(may(settings, text) for text in (EC.sign(CLAIMS), RSA.sign(CLAIMS) + "A", "x"))


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        (RSA.private_pem, "has a private key"),
        ("/nowhere/keys.pem", "No such file"),
        (sys.executable, "is no text"),
        ("-----BEGIN PUBLIC KEY-----", "has no PEM block"),
    ],
)
def test_keys_that_cannot_be_used_prevent_the_start(setting: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=f"^JWT_PUBLIC_KEYS: {reason}") as caught:
        Authenticator(load_settings(jwt_public_keys=setting))
    assert "BEGIN" not in str(caught.value)
