"""SRTP by the RFCs' vectors, and against libsrtp over every turn of the sequence number."""

import os

import pytest

from media.pure.fan_out import fan_out_by
from media.rtp.extensions import send_time
from media.rtp.libsrtp import MAX_PACKET, SrtpError
from media.rtp.packet import parse
from media.rtp.srtp import (
    MAX_SSRCS,
    Profile,
    SrtpKeys,
    inbound_session,
    outbound_session,
    split_keying_material,
)
from media.rtp.srtp_sender import SrtpSender, derive_key
from media.switch.viewer import Viewer
from media.switch.wire import Wire
from media.switch.wire_profile import WireProfile
from media.transport.address import Address
from tests.support.far_end import BOTH_PROFILES, far_receiver, far_sender, new_keys, rtp
from tests.support.runs import run_of

SSRC = 0x5501A0B2
WRAP = 0x10000


def unhex(text: str) -> bytes:
    return bytes.fromhex(text)


# --- the RFCs' vectors

# RFC 7714 16.1.1
KEY = unhex("000102030405060708090a0b0c0d0e0f")
SALT = unhex("517569642070726f2071756f")
PLAIN = unhex(
    "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573"
)
PROTECTED = unhex(
    "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf"
    "8833899d7f27beb16a9152cf765ee4390cce"
)


def test_our_gcm_protects_as_the_vector_of_rfc_7714() -> None:
    """Through the wire profile itself, with the vector's session key instead of a derived one."""
    packet = parse(PLAIN)
    wire = Wire(packet.payload_type, {})
    profile = WireProfile(0, wire)
    sent: list[bytes] = []

    def transmit(run: bytes | memoryview, _size: int, _address: Address) -> None:
        sent.append(bytes(run))

    at, fan_out = ("192.0.2.1", 1), fan_out_by(transmit)
    viewer = Viewer(new_keys(), at, transmit, fan_out, [wire], [0])
    viewer.sender._session = KEY, SALT
    profile.add(viewer)
    profile.send(run_of(packet, ssrc=packet.ssrc, first=packet.sequence), send_time(0.0))
    assert sent == [PROTECTED]


def test_session_keys_are_derived_as_in_rfc_3711_b_3() -> None:
    master = unhex("E1F97A0D3E018BE0D64FA32C06DE4139")
    salt = unhex("0EC675AD498AFEEBB6960B3AABE6")
    assert derive_key(master, salt, 0x00, 16) == unhex("C61E7A93744F39EE10734AFE3FF7A087")
    assert derive_key(master, salt, 0x02, 14) == unhex("30CBBC08863D8C85D49DB34A9AE1")
    assert derive_key(master, salt, 0x01, 20) == unhex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4")


@pytest.mark.parametrize("profile", BOTH_PROFILES)
def test_the_ends_split_the_exported_material_between_them(profile: Profile) -> None:
    material = os.urandom(2 * (profile.key_length + profile.salt_length))
    client = split_keying_material(profile, material, is_client=True)
    server = split_keying_material(profile, material, is_client=False)
    assert (client.local, client.remote) == (server.remote, server.local)
    # RFC 5764 4.2
    salt_at = 2 * profile.key_length
    assert client.local == material[: profile.key_length] + material[salt_at : salt_at + profile.salt_length]
    assert client.local != client.remote


def test_keys_are_never_printed() -> None:
    keys = new_keys()
    assert keys.local.hex() not in repr(keys)
    assert repr(keys.local) not in repr(keys)


@pytest.mark.parametrize("profile", BOTH_PROFILES)
def test_keys_have_the_length_that_libsrtp_will_read(profile: Profile) -> None:
    keys = new_keys(profile)
    for local, remote in ((keys.local[:-1], keys.remote), (keys.local, keys.remote + b"x"), (b"", b"")):
        with pytest.raises(SrtpError, match="length"):
            SrtpKeys(profile, local, remote)


@pytest.mark.parametrize("profile", BOTH_PROFILES)
def test_two_ends_do_not_share_a_key(profile: Profile) -> None:
    key = new_keys(profile).local
    with pytest.raises(SrtpError, match="one key"):
        SrtpKeys(profile, key, key)


# --- our GCM sender, libsrtp receives


def payload_of(index: int) -> bytes:
    return index.to_bytes(6) * (1 + index % 50)


def test_libsrtp_reads_our_gcm_with_loss_and_reordering_over_the_wrap() -> None:
    keys = new_keys()
    sender, receiver = SrtpSender(keys), far_receiver(keys)
    indexes = [n for n in range(WRAP - 2000, WRAP + 2000) if n % 7]  # every seventh is lost
    shuffled = [n for at in range(0, len(indexes), 40) for n in reversed(indexes[at : at + 40])]
    for index in shuffled:
        datagram = sender.protect(SSRC, index, rtp(index, b"", ssrc=SSRC), payload_of(index))
        assert receiver.unprotect(datagram)[12:] == payload_of(index)


# --- libsrtp, both profiles and directions


@pytest.mark.parametrize("profile", BOTH_PROFILES)
def test_rtcp_both_ways(profile: Profile) -> None:
    keys = new_keys(profile)
    report = unhex("80c9000100000001")
    protected = outbound_session(keys).protect_rtcp(report)
    assert len(protected) == len(report) + profile.srtcp_overhead
    assert int.from_bytes(protected[profile.srtcp_index]) == 0x80000001
    assert far_receiver(keys).unprotect_rtcp(protected) == report
    ours, datagram = inbound_session(keys), far_sender(keys).protect_rtcp(report)
    assert ours.unprotect_rtcp(datagram) == report
    with pytest.raises(SrtpError):
        ours.unprotect_rtcp(datagram)


# --- limits


@pytest.mark.parametrize("profile", BOTH_PROFILES)
def test_the_longest_packet_fits_both_ways(profile: Profile) -> None:
    """pylibsrtp by itself raises `ValueError` for RTP beyond 1,356 bytes: GStreamer sends 1,400."""
    keys = new_keys(profile)
    ours = outbound_session(keys)
    theirs = inbound_session(type(keys)(profile, keys.remote, keys.local))
    packet = rtp(1, bytes(MAX_PACKET - 12))
    assert theirs.unprotect(ours.protect(packet)) == packet


@pytest.mark.parametrize("profile", BOTH_PROFILES)
def test_garbage_of_every_length_is_an_srtp_error(profile: Profile) -> None:
    ours = inbound_session(new_keys(profile))
    for length in [*range(64), 100, 1499, 1500, 1501, 2048, MAX_PACKET]:
        for first in (0x80, 0x90, 0x9F, 0xBF):
            garbage = bytes((first, 200))[:length] + os.urandom(max(0, length - 2))
            for unprotect in (ours.unprotect, ours.unprotect_rtcp):
                with pytest.raises(SrtpError):
                    unprotect(garbage)


@pytest.mark.parametrize("profile", BOTH_PROFILES)
def test_a_peer_cannot_grow_our_state_by_ever_new_ssrcs(profile: Profile) -> None:
    keys = new_keys(profile)
    ours, theirs = inbound_session(keys), far_sender(keys)
    for ssrc in range(1, MAX_SSRCS + 1):
        ours.unprotect(theirs.protect(rtp(1, ssrc=ssrc)))
    for ssrc in range(MAX_SSRCS + 1, MAX_SSRCS + 10):
        with pytest.raises(SrtpError):
            ours.unprotect(theirs.protect(rtp(1, ssrc=ssrc)))
        with pytest.raises(SrtpError):
            ours.unprotect_rtcp(theirs.protect_rtcp(unhex("80c90001") + ssrc.to_bytes(4)))
    # those that are known go on
    assert ours.unprotect(theirs.protect(rtp(2, ssrc=1))) == rtp(2, ssrc=1)
    report = unhex("80c90001") + (1).to_bytes(4)
    assert ours.unprotect_rtcp(theirs.protect_rtcp(report)) == report


@pytest.mark.parametrize("profile", BOTH_PROFILES)
def test_those_that_send_rtcp_alone_count_too(profile: Profile) -> None:
    keys = new_keys(profile)
    heard: list[bytes] = []
    ours, theirs = inbound_session(keys, heard.append), far_sender(keys)
    for ssrc in (*range(1, MAX_SSRCS + 1), 1):
        ours.unprotect_rtcp(theirs.protect_rtcp(unhex("80c90001") + ssrc.to_bytes(4)))
    assert heard == [ssrc.to_bytes(4) for ssrc in range(1, MAX_SSRCS + 1)]
    with pytest.raises(SrtpError):
        ours.unprotect(theirs.protect(rtp(1, ssrc=MAX_SSRCS + 1)))
    assert ours.unprotect(theirs.protect(rtp(2, ssrc=1))) == rtp(2, ssrc=1)


def test_forged_ssrcs_do_not_use_up_those_of_the_peer() -> None:
    keys = new_keys()
    ours, theirs = inbound_session(keys), far_sender(keys)
    for ssrc in range(10 * MAX_SSRCS):
        with pytest.raises(SrtpError):
            ours.unprotect(rtp(1, os.urandom(100), ssrc=ssrc))
    assert ours.unprotect(theirs.protect(rtp(1))) == rtp(1)
