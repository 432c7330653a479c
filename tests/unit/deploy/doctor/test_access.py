"""Settings that leave more open than their operator may think."""

import pytest

from deploy.doctor import access
from deploy.doctor.finding import Verdict
from deploy.doctor.part import Part
from shared.settings.settings import load_settings

LONG = "a-token-of-a-good-length"
OTHER = "another-token-of-that-length"
JWT = "a secret of thirty-two bytes, or more"


@pytest.mark.parametrize(
    ("settings", "verdict", "words"),
    [
        ({}, Verdict.WARN, "everybody who reaches HTTP_ADDR may publish"),
        ({"room_tokens": f"demo:{LONG}"}, Verdict.WARN, "in every room but the 1 in ROOM_TOKENS"),
        ({"play_token": LONG}, Verdict.WARN, "everybody may publish in every room"),
        ({"room_publish_tokens": f"demo:{LONG}"}, Verdict.WARN, "in every room but the 1 in"),
        ({"publish_token": LONG, "play_token": LONG}, Verdict.FAIL, "viewers may publish"),
        ({"auth_token": LONG, "room_play_tokens": f"demo:{LONG}"}, Verdict.FAIL, "viewers may publish"),
        ({"publish_token": OTHER, "play_token": LONG, "admin_token": LONG}, Verdict.FAIL, "administrates"),
        ({"publish_token": "short"}, Verdict.WARN, "PUBLISH_TOKEN is short enough"),
        ({"room_play_tokens": "demo:x"}, Verdict.WARN, "ROOM_PLAY_TOKENS (demo) is short enough"),
        ({"publish_token": LONG}, Verdict.OK, "everybody may watch"),
        ({"jwt_secret": JWT}, Verdict.WARN, "opens every room"),
        ({"jwt_secret": JWT, "jwt_required_claims": "actions"}, Verdict.WARN, "opens every room"),
        ({"auth_token": LONG, "admin_token": LONG}, Verdict.FAIL, "each of them administrates"),
        ({"room_tokens": f"demo:{LONG}", "admin_token": LONG}, Verdict.FAIL, "each of them administrates"),
        ({"auth_token": "change-me"}, Verdict.WARN, "AUTH_TOKEN is short enough"),
        ({"admin_token": "admin"}, Verdict.WARN, "ADMIN_TOKEN is short enough"),
        ({"room_tokens": "demo:letmein"}, Verdict.WARN, "ROOM_TOKENS (demo) is short enough"),
        ({"jwt_secret": "short"}, Verdict.WARN, "JWT_SECRET has less than 32 bytes"),
        ({"jwt_jwks_url": "https://id.example/keys"}, Verdict.WARN, "opens every room"),
        ({"jwt_public_keys": "/nowhere.pem"}, Verdict.FAIL, "JWT_PUBLIC_KEYS: No such file"),
        (
            {"jwt_secret": JWT, "jwt_more_secrets": f"{JWT},short"},
            Verdict.WARN,
            "JWT_MORE_SECRETS has less than",
        ),
        ({"public_url": "https://live.example"}, Verdict.WARN, "all clients are one"),
    ],
)
def test_what_is_open_is_told(settings: dict[str, str], verdict: Verdict, words: str) -> None:
    findings = access.look(load_settings(**settings), Part.CONTROL)
    [told] = [finding for finding in findings if words in finding.found]
    assert told.verdict is verdict
    assert bool(told.mend) is (verdict is not Verdict.OK)
    for value in (LONG, JWT, "change-me", "letmein"):
        assert all(value not in finding.found + finding.mend for finding in findings)


@pytest.mark.parametrize(
    "settings",
    [
        {"auth_token": LONG, "admin_token": OTHER},
        {"publish_token": LONG, "play_token": OTHER},
        {"jwt_secret": JWT, "jwt_required_claims": "room,actions"},
        {"auth_token": LONG, "public_url": "https://live.example", "trusted_proxies": "10.0.0.1"},
    ],
)
def test_what_is_closed_is_well(settings: dict[str, str]) -> None:
    findings = access.look(load_settings(**settings), Part.CONTROL)
    assert {finding.verdict for finding in findings} == {Verdict.OK}


def test_the_start_says_in_one_line_what_is_open_and_what_closes_it() -> None:
    for settings, opens, mends in (
        ({}, "may publish, watch, and have all recordings; nobody is admin", "set AUTH_TOKEN"),
        ({"admin_token": LONG}, "may publish, watch, and have all recordings", "set AUTH_TOKEN"),
        ({"auth_token": "x"}, "AUTH_TOKEN is short enough to be guessed", "another one"),
        ({"auth_token": LONG, "admin_token": OTHER}, "publishing and watching require credentials", ""),
    ):
        is_wide, said = access.at_start(load_settings(**settings))
        assert opens in said["open"]
        assert is_wide == bool(mends)
        assert mends in said.get("mend", "")


VERDICTS = [Verdict.OK, Verdict.WARN, Verdict.FAIL]


def test_a_worker_knows_no_tokens() -> None:
    assert access.look(load_settings(), Part.WORKER) == []


@pytest.mark.parametrize(
    ("networks", "verdict"),
    [
        ("0.0.0.0/0", Verdict.FAIL),
        ("10.0.0.1,::/0", Verdict.FAIL),
        ("10.0.0.0/8", Verdict.WARN),
        ("2001:db8::/32", Verdict.WARN),
        ("10.1.0.0/16,2001:db8::1", Verdict.OK),
    ],
)
def test_whoever_is_trusted_may_forge_a_clients_address(networks: str, verdict: Verdict) -> None:
    findings = access.look(load_settings(auth_token=LONG, trusted_proxies=networks), Part.CONTROL)
    assert max(VERDICTS.index(finding.verdict) for finding in findings) == VERDICTS.index(verdict)
