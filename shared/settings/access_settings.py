"""The settings of who may do what, a part of `Settings`."""

from typing import Self

from pydantic import SecretStr, model_validator
from pydantic_settings import BaseSettings

from shared.settings.setting_types import (
    ClaimNames,
    RoomTokens,
    Secrets,
    SecretWebUrl,
    Token,
    WebUrl,
    is_without_tls,
    secret,
    setting,
)


class AccessSettings(BaseSettings):
    # --- who may do what
    auth_token: Token = setting(SecretStr(""), "Global token: opens every room that has no token of its own")
    publish_token: Token = setting(SecretStr(""), "As AUTH_TOKEN, to publish only")
    play_token: Token = setting(SecretStr(""), "As AUTH_TOKEN, to play only")
    room_tokens: RoomTokens = setting({}, "Tokens of single rooms: room1:token1;room2:token2")
    room_publish_tokens: RoomTokens = setting({}, "As ROOM_TOKENS, to publish only")
    room_play_tokens: RoomTokens = setting({}, "As ROOM_TOKENS, to play only")
    jwt_secret: SecretStr = setting(
        SecretStr(""), "Secret of HS256/384/512 JWTs; `roomcast token` signs with it"
    )
    jwt_more_secrets: Secrets = setting(
        (),
        "Secrets that are taken beside JWT_SECRET while it is rotated, separated by commas; three at most",
        max_length=3,
    )
    jwt_public_keys: str = setting(
        "",
        "Public keys (PEM) of RS256/384/512, ES256/384/512 and EdDSA JWTs, or the name of a file with them",
    )
    jwt_jwks_url: WebUrl = setting("", "URL of a JWK set with such keys; https, or http on this host")
    jwt_jwks_allow_http: bool = setting(False, "Take a JWT_JWKS_URL of another host without TLS")
    jwt_audience: str = setting("", "Audience that a JWT must name; empty: any")
    jwt_issuer: str = setting("", "Issuer that a JWT must name; empty: any")
    jwt_required_claims: ClaimNames = setting(
        (), "Claims that every JWT must have beside exp, such as room,role; one without is refused"
    )
    revocation_seconds: int = setting(
        31_536_000,
        "Seconds for which a revocation of JWTs holds; no less than the longest life of a JWT",
    )
    admin_token: Token = setting(SecretStr(""), "Token for the admin endpoints")
    auth_url: SecretWebUrl = setting(
        SecretStr(""),
        "URL that is asked who may publish and play, in the place of tokens; https, or http on this host",
    )
    auth_url_allow_http: bool = setting(False, "Take an AUTH_URL of another host without TLS")
    auth_url_seconds: float = setting(2.0, "Seconds that AUTH_URL has for an answer")
    auth_url_cache_seconds: float = setting(
        10.0,
        "Seconds for which an answer of AUTH_URL holds for the same request; 0: not at all",
    )

    @model_validator(mode="after")
    def _check_access(self) -> Self:
        if self.jwt_more_secrets and not secret(self.jwt_secret):
            raise ValueError("JWT_MORE_SECRETS requires JWT_SECRET")
        if "-----BEGIN" in secret(self.jwt_secret):
            raise ValueError("JWT_SECRET has a PEM key, which is no secret of HS256: see JWT_PUBLIC_KEYS")
        if is_without_tls(self.jwt_jwks_url) and not self.jwt_jwks_allow_http:
            raise ValueError("JWT_JWKS_URL is without TLS: https, or JWT_JWKS_ALLOW_HTTP=1")
        if is_without_tls(secret(self.auth_url)) and not self.auth_url_allow_http:
            raise ValueError("AUTH_URL is without TLS: https, or AUTH_URL_ALLOW_HTTP=1")
        if secret(self.auth_url) and self.has_plain_tokens:
            raise ValueError("AUTH_URL decides in the place of tokens: unset AUTH_TOKEN and the like")
        return self

    @property
    def jwt_secrets(self) -> list[str]:
        """Every secret that signs JWTs."""
        return [text for text in map(secret, (self.jwt_secret, *self.jwt_more_secrets)) if text]

    @property
    def takes_jwts(self) -> bool:
        return bool(self.jwt_secrets or self.jwt_public_keys or self.jwt_jwks_url)

    @property
    def auth_configured(self) -> bool:
        """Whether anything requires credentials."""
        return self.has_plain_tokens or self.takes_jwts or bool(secret(self.auth_url))

    @property
    def has_plain_tokens(self) -> bool:
        rooms = self.room_tokens or self.room_publish_tokens or self.room_play_tokens
        return bool(rooms) or any(map(secret, (self.auth_token, self.publish_token, self.play_token)))
