"""The temporal layer of a packet, by descriptor and payload, and where all layers may follow the lowest."""

import pytest

from media.rtp.packet import RtpPacket
from media.tracks.temporal_layers import TemporalLayers
from tests.support.encoded import encode
from tests.support.rtp_source import ENCODERS

DESCRIPTOR = 13
_L1T2 = "80000180011ea85141010c04fc03bc"
_L1T3 = "800001800214eaa860414d1410208427013f00ef"
# Packets of Chromium with a scalabilityMode: descriptor, the payload's first bytes, layer and whether it is
# a switch. The first packets of successive frames, and the last of a keyframe.
REAL = {
    ("VP8", 1): [
        ("800001800104eaac851450460404fc03bc", "1070f4009d012a4001f0", 0, True),
        ("400001", "00ae5a69f37cb10bc292", 0, False),
        ("830002", "105196000d1c240c2c2c", 1, False),
        ("820003", "1091a300e4a12fe83c17", 0, False),
        ("840004", "30f195000d1c240c2c2c", 1, False),
        ("8300051220", "109194000d1c240c2c2c", 1, False),
        ("8000071260", "1091a300e47978281faf", 0, True),
    ],
    ("VP9", 2): [
        (_L1T3, "bbb4721010014000f083", 0, True),
        ("830002", "f9b473500287000000", 2, False),
        ("820003", "f9b474300487020200", 1, False),
        ("840004", "f9b475500287002000", 2, False),
        ("810005", "f9b476100887010000", 0, True),
    ],
    ("H264", 1): [
        ("80000180011ea851410108", "780003674242c000026842", 0, True),
        ("820002", "1c81e0007e40a79b8f18", 1, False),
        ("810003", "7c81e0007e405bcbe082", 0, True),
        ("410003", "7c411b8a314732e18000", 0, False),
    ],
    ("AV1", 1): [
        (_L1T2, "680d080011030080821e7f", 0, True),
        ("820002", "503420300000000001", 1, False),
        ("810003", "50340030002000000121", 0, True),
    ],
}


def packet(payload: str, descriptor: str = "") -> RtpPacket:
    extensions = ((DESCRIPTOR, bytes.fromhex(descriptor)),) if descriptor else ()
    return RtpPacket(False, False, 96, 1, 2, 3, ((1, b"0"), *extensions), bytes.fromhex(payload))


@pytest.mark.parametrize(("codec", "top"), REAL)
def test_layers_of_chromium_are_found_in_the_descriptor(codec: str, top: int) -> None:
    layers = TemporalLayers(codec, DESCRIPTOR)
    for descriptor, payload, layer, is_switch in REAL[codec, top]:
        one = packet(payload, descriptor)
        assert layers.layer(one) == layer
        assert layers.is_switch(one) is is_switch
    assert layers.top == top


def test_a_descriptor_means_nothing_before_a_keyframe() -> None:
    layers = TemporalLayers("H264", DESCRIPTOR)
    delta = packet("7c81e0007e", "820003")
    assert layers.layer(delta) is None
    assert not layers.is_switch(delta)
    layers.learn(packet("680d0800", _L1T2))
    assert layers.layer(delta) == 1


def test_a_structure_that_is_cut_makes_descriptors_mean_nothing() -> None:
    layers = TemporalLayers("AV1", DESCRIPTOR)
    layers.learn(packet("680d0800", _L1T2))
    assert layers.top == 1
    layers.learn(packet("680d0800", _L1T2[:14]))
    assert layers.top == 0
    assert layers.layer(packet("503420", "820002")) is None


def test_extensions_with_other_ids_are_not_taken_for_descriptors() -> None:
    layers = TemporalLayers("H264")
    assert layers.layer(packet("680d0800", _L1T2)) is None
    assert layers.top == 0


@pytest.mark.parametrize(
    ("codec", "payload", "layer"),
    [
        # RFC 7741 4.2: X R N S R PID; X: I L T K; picture ID; TL0PICIDX; TID Y KEYIDX
        ("VP8", "1001", None),
        ("VP8", "90807f01", None),  # no T
        ("VP8", "90100101", None),  # K alone
        ("VP8", "90200001", 0),
        ("VP8", "90f0ffff01c001", 3),
        ("VP8", "80e001056001", 1),
        ("VP8", "90f0ffff01", None),  # cut
        # RFC 9628 4.2: I P L F B E V Z; picture ID; TID U SID D; TL0PICIDX
        ("VP9", "4a", None),
        ("VP9", "284000", 2),
        ("VP9", "b4b4721000", 0),
        ("VP9", "f9b4733002", 1),
        ("VP9", "f905e0", 7),
        ("VP9", "f9b473", None),
        # RFC 7798 1.1.4: F Type LayerId TID
        ("H265", "0201d0", 0),
        ("H265", "0203d0", 2),
        ("H265", "620281", 1),
        ("H265", "0200d0", 0),  # TID 0 is forbidden
        ("H265", "02", None),
        # AV1 5.3.3: after an OBU's header with its extension flag
        ("AV1", "503440", 2),
        ("AV1", "503000", None),
        ("AV1", "903440", None),  # the rest of another OBU
        ("AV1", "180a0b", 0),
        ("AV1", "5034", None),
        ("H264", "419a", None),
        ("opus", "fcff", None),
    ],
)
def test_layers_in_payloads_by_the_book(codec: str, payload: str, layer: int | None) -> None:
    layers = TemporalLayers(codec)
    assert layers.layer(packet(payload)) == layer
    assert layers.top == (layer or 0)


@pytest.mark.parametrize(
    ("codec", "higher", "payload", "is_switch"),
    [
        ("VP8", "90204001", "90206001", True),  # TID 1 with Y
        ("VP8", "90204001", "90204001", False),
        ("VP8", "90204001", "80206001", False),  # not the start
        ("VP8", "90204001", "90", False),  # cut
        ("VP8", "90208001", "90206001", False),  # TID 2 may still need what was left out
        ("VP8", "90200001", "90202001", False),  # there is one layer only
        ("VP8", "90204001", "90200000", True),  # a keyframe
        ("VP9", "f9b4733002", "f9b4741003", True),  # TID 0 with U
        ("VP9", "f9b4733002", "f9b4740003", False),
        ("VP9", "f9b4733002", "f5b4741003", False),  # not the start
        ("VP9", "f9b4733002", "f9b4741203", False),  # the second spatial layer
        ("VP9", "f9b4733002", "f9b4743003", False),  # TID 1
        ("VP9", "f9b4730002", "f9b4741003", False),  # there is one layer only
        ("AV1", "503440", "503400", False),  # unknown
        ("H265", "0202d0", "2601af", True),
    ],
)
def test_switches_by_the_book(codec: str, higher: str, payload: str, is_switch: bool) -> None:
    layers = TemporalLayers(codec)
    layers.layer(packet(higher))
    assert layers.is_switch(packet(payload)) is is_switch


@pytest.mark.parametrize("codec", sorted(ENCODERS))
def test_a_stream_with_one_layer_has_no_upper_one(codec: str) -> None:
    layers = TemporalLayers(codec)
    for frame in encode(codec):
        for payload in frame.payloads:
            assert not layers.layer(packet(payload.hex()))
    assert layers.top == 0
