"""The sender of a master key: no key has two, and no index of it serves two packets."""

import ast
import gc
from dataclasses import replace
from pathlib import Path

import pytest

from media.rtp import srtp_sender
from media.rtp.cipher import GcmCipher
from media.rtp.libsrtp import SrtpError
from media.rtp.nonces import joined_ivs
from media.rtp.rtcp import nack, receiver_report
from media.rtp.srtp import GCM_TAG, Profile
from media.rtp.srtp_sender import KEYS_REMEMBERED, SpentError, SrtpSender
from tests.support.far_end import BOTH_PROFILES, far_receiver, new_keys, rtp

MEDIA = Path(__file__).parents[4] / "media"
SSRC, OTHER = 0x5EED, 0x5EEE
WRAP = 0x10000

both = pytest.mark.parametrize("profile", BOTH_PROFILES)


def header(index: int, ssrc: int = SSRC) -> bytes:
    return rtp(index, b"", ssrc=ssrc)


def encrypt(sender: SrtpSender, first: int, count: int, ssrc: int = SSRC) -> list[bytes]:
    """The datagrams of a run whose packets have their index as payload."""
    cipher = sender.lend(None, ssrc, first, first + count)
    assert isinstance(cipher, GcmCipher)
    headers = [header(first + n, ssrc) for n in range(count)]
    ciphertexts = [memoryview(bytearray(6 + GCM_TAG)) for _ in headers]
    payloads = [(first + n).to_bytes(6) for n in range(count)]
    cipher.seal_run(joined_ivs(ssrc, first, count), count, payloads, headers, ciphertexts)
    return [head + bytes(ciphertext) for head, ciphertext in zip(headers, ciphertexts, strict=True)]


# --- one key, one sender


@both
def test_a_key_has_one_sender_only(profile: Profile) -> None:
    keys = new_keys(profile)
    first = SrtpSender(keys)
    for same in (keys, replace(keys, remote=new_keys(profile).remote)):
        with pytest.raises(SpentError):
            SrtpSender(same)
    del first
    gc.collect()
    with pytest.raises(SpentError):
        SrtpSender(keys)


def test_the_memory_of_keys_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What repeats a key is a bug, and it repeats a recent one."""
    taken = {n.to_bytes(16): None for n in range(KEYS_REMEMBERED - 1)}
    monkeypatch.setattr(srtp_sender, "_taken", taken)
    for _ in range(3):
        keys = new_keys()
        SrtpSender(keys)
        with pytest.raises(SpentError):
            SrtpSender(keys)
    assert len(taken) == KEYS_REMEMBERED
    assert (1).to_bytes(16) not in taken
    assert (2).to_bytes(16) in taken


# --- one index, one packet


def test_a_key_is_lent_for_indexes_that_have_not_served() -> None:
    """Whatever becomes of their packets: they are spent, for every way of sending."""
    sender = SrtpSender(new_keys())
    made: list[tuple[bytes, bytes]] = []

    def make(key: bytes, salt: bytes) -> object:
        made.append((key, salt))
        return len(made)

    assert sender.next_index(SSRC) is None
    assert sender.lend(make, SSRC, 5, 8) == 1
    assert sender.lend(make, SSRC, 8, 9) == 1
    assert isinstance(sender.lend(None, SSRC, 9, 12), GcmCipher)
    assert sender.next_index(SSRC) == 12
    ((key, salt),) = made
    assert (len(key), len(salt)) == (16, 12)
    for spent in (5, 8, 9, 11):
        for maker in (make, None):
            with pytest.raises(SpentError):
                sender.lend(maker, SSRC, spent, spent + 1)
        with pytest.raises(SpentError):
            sender.protect(SSRC, spent, header(spent), b"again")
    assert sender.take_refused() == 12


@both
def test_an_index_serves_one_packet(profile: Profile) -> None:
    sender = SrtpSender(new_keys(profile))
    for index in (5, 6, 9, 7):
        sender.protect(SSRC, index, header(index), b"first")
    for index in (5, 6, 7, 9):
        with pytest.raises(SpentError):
            sender.protect(SSRC, index, header(index), b"second")
    assert sender.take_refused() == 4
    assert sender.take_refused() == 0
    sender.protect(SSRC, 8, header(8), b"late")
    sender.protect(OTHER, 5, header(5, OTHER), b"of another stream")


def test_a_run_spends_what_single_packets_do() -> None:
    keys = new_keys()
    sender, unprotect = SrtpSender(keys), far_receiver(keys).unprotect
    datagrams = []
    for first, count, ssrc in ((10, 3, SSRC), (7, 1, OTHER), (13, 2, SSRC), (9, 1, SSRC), (17, 1, SSRC)):
        datagrams += encrypt(sender, first, count, ssrc)
    indexes = [int.from_bytes(unprotect(datagram)[12:]) for datagram in datagrams]
    assert indexes == [10, 11, 12, 7, 13, 14, 9, 17]
    for ssrc, index in ((SSRC, 10), (SSRC, 14), (SSRC, 9), (SSRC, 17), (OTHER, 7)):
        with pytest.raises(SpentError):
            sender.protect(ssrc, index, header(index, ssrc), b"again")
    sender.protect(SSRC, 15, header(15), b"late")
    with pytest.raises(SpentError):
        encrypt(sender, 15, 2)


def test_a_run_over_the_wrap_counts_rollovers() -> None:
    keys = new_keys()
    sender, unprotect = SrtpSender(keys), far_receiver(keys).unprotect
    for first in range(WRAP - 10, 2 * WRAP + 100, 50):
        for datagram in encrypt(sender, first, 50):
            unprotect(datagram)


@both
def test_the_same_packet_again_is_the_same_datagram(profile: Profile) -> None:
    sender = SrtpSender(new_keys(profile))
    datagrams = {n: sender.protect(SSRC, n, header(n), b"payload") for n in (7, 9)}
    for _ in range(2):
        for index, datagram in datagrams.items():
            assert sender.protect_again(SSRC, index, header(index), b"payload") == datagram
    for ssrc, index in ((SSRC, 6), (SSRC, 8), (SSRC, 10), (OTHER, 7)):
        with pytest.raises(SrtpError):
            sender.protect_again(ssrc, index, header(index, ssrc), b"never sent")


@pytest.mark.parametrize("jump", [0x8000, 0x8001, WRAP, WRAP + 1, 3 * WRAP])
def test_libsrtp_does_not_count_rollovers_otherwise_than_we_do(jump: int) -> None:
    """It takes the index nearest to the highest one, which would then serve twice."""
    keys = new_keys(Profile.AES128_CM_SHA1_80)
    sender, receiver = SrtpSender(keys), far_receiver(keys)
    first = WRAP - 3
    receiver.unprotect(sender.protect(SSRC, first, header(first), b"first"))
    receiver.unprotect(sender.protect(SSRC, first - 1, header(first - 1), b"late"))
    with pytest.raises(SrtpError):
        sender.protect(SSRC, first + jump, header(first + jump), b"far away")
    near = first + 0x7FFF
    assert receiver.unprotect(sender.protect(SSRC, near, header(near), b"near"))[12:] == b"near"
    sender.protect(SSRC, near + 1, header(near + 1), b"next")
    with pytest.raises(SrtpError):
        sender.protect_again(SSRC, first, header(first), b"first")
    with pytest.raises(SrtpError):
        SrtpSender(new_keys(Profile.AES128_CM_SHA1_80)).protect(SSRC, WRAP, header(0), b"its first")


# --- RTCP


@both
def test_each_rtcp_packet_has_an_index_of_its_own(profile: Profile) -> None:
    keys = new_keys(profile)
    sender, receiver = SrtpSender(keys), far_receiver(keys)
    for _ in range(3):
        for ssrc in (SSRC, OTHER):
            report = receiver_report(ssrc, ())
            assert receiver.unprotect_rtcp(sender.protect_rtcp(report)) == report


@both
def test_rtcp_under_a_spent_index_does_not_leave(profile: Profile) -> None:
    """Were libsrtp to begin anew."""
    keys = new_keys(profile)
    sender = SrtpSender(keys)
    datagram = sender.protect_rtcp(receiver_report(SSRC, ()))

    class Stuck:
        def protect_rtcp(self, compound: bytes) -> bytes:
            return datagram

    sender._libsrtp = Stuck()  # type: ignore[assignment]
    for report in (receiver_report(SSRC, ()), nack(SSRC, OTHER, [1])):  # whatever is in it
        with pytest.raises(SpentError):
            sender.protect_rtcp(report)
    assert sender.take_refused() == 2
    assert sender.take_refused() == 0
    sender.protect_rtcp(receiver_report(OTHER, ()))


# --- nothing else encrypts

CIPHERS = {"AESGCM", "Cipher", "SrtpSession", "outbound_session"}
KNOWN_TO = {  # beside the sender
    "media.rtp.srtp": {"SrtpSession"},
    "media.rtp.cipher": {"AESGCM", "SrtpSession"},  # which the sender lends
    "media.rtp.srtp_receiver": {"AESGCM"},  # which it asks for `decrypt` only
    "media.pure.run": {"AESGCM"},  # likewise
}


def test_only_the_sender_knows_what_encrypts() -> None:
    for path in MEDIA.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        module = ".".join(path.relative_to(MEDIA.parent).with_suffix("").parts)
        froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        names = {alias.name for node in froms for alias in node.names}
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
        modules = {node.module or "" for node in froms} | {a.name for node in imports for a in node.names}
        calls = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        if module != "media.rtp.srtp_sender":
            assert CIPHERS & names <= KNOWN_TO.get(module, set()), module
            ciphers = [name for name in modules if name.startswith("cryptography.hazmat.primitives.ciphers")]
            assert not ciphers or module in KNOWN_TO, module
            encrypts = bool({"encrypt", "encrypt_into"} & calls)
            assert not encrypts or "AESGCM" not in names or module == "media.rtp.cipher", module
        if module != "media.rtp.libsrtp":
            assert not {"srtp_protect", "srtp_protect_rtcp"} & calls, module
            known = {"pylibsrtp"} if module == "media.rtp.srtp" else set()
            assert {name for name in modules if name.startswith("pylibsrtp")} <= known, module
