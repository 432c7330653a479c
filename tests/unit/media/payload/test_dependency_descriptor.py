"""What the dependency descriptor says of layers, as Chromium writes it; hostile bytes do no harm."""

import pytest

from media.payload.dependency_descriptor import (
    Structure,
    Template,
    has_structure,
    is_switch,
    structure,
    temporal_layer,
)
from media.payload.picture import DepacketizeError

# of Chromium's first packet: AV1 with scalabilityMode L1T3, VP8 with L1T2
AV1_L1T3 = bytes.fromhex("800001800214eaa860414d1410208427013f00ef")
VP8_L1T2 = bytes.fromhex("800001800104eaac851450460404fc03bc")


def bits(*fields: tuple[int, int]) -> bytes:
    """Fields of (value, bits), with zeros behind them to whole bytes."""
    text = "".join(f"{value:0{size}b}" for value, size in fields)
    text += "0" * (-len(text) % 8)
    return bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8))


def test_the_structure_of_three_temporal_layers_is_read() -> None:
    assert has_structure(AV1_L1T3)
    read = structure(AV1_L1T3)
    assert (read.first_id, read.targets, read.top) == (0, 3, 2)
    assert [template.temporal for template in read.templates] == [0, 0, 1, 2, 2]
    assert read.templates[2].indications == (0, 1, 2)


def test_a_frame_has_the_layer_of_its_template() -> None:
    read = structure(AV1_L1T3)
    values = [AV1_L1T3.hex(), "400001", "830002", "820003", "840004", "810005", "ff0006"]
    assert [temporal_layer(bytes.fromhex(value), read) for value in values] == [0, 0, 2, 1, 2, 0, None]


def test_templates_are_counted_from_the_first_id_over_a_wrap() -> None:
    read = Structure(62, 1, (Template(0, (2,)), Template(1, (2,)), Template(2, (2,)), Template(3, (2,))))
    assert [temporal_layer(bytes((number, 0, 0)), read) for number in (61, 62, 63, 0, 1, 2)] == [
        None, 0, 1, 2, 3, None,
    ]  # fmt: skip


def test_a_frame_is_a_switch_if_it_is_one_for_all_targets() -> None:
    read = structure(VP8_L1T2)
    assert read.templates[2].indications == (2, 3)
    values = {"810005": True, "010005": False, "820005": False, "830005": False, "8000071260": True}
    for value, expected in values.items():
        assert is_switch(bytes.fromhex(value), read) is expected, value
    assert is_switch(VP8_L1T2, read)


def test_the_indications_of_a_frame_overrule_those_of_its_template() -> None:
    read = structure(VP8_L1T2)
    # flags: no structure, no targets or a bitmask of two, own indications, no own differences or chains
    own = bits((0x81, 8), (5, 16), (0b00100, 5), (2, 2), (3, 2))
    assert not is_switch(own, read)
    assert is_switch(bits((0x82, 8), (5, 16), (0b00100, 5), (2, 2), (2, 2)), read)
    assert is_switch(bits((0x82, 8), (5, 16), (0b01100, 5), (0b01, 2), (2, 2), (2, 2)), read)
    assert not is_switch(bytes.fromhex("82000520"), read)  # cut


def test_spatial_layers_begin_again_with_the_lowest_temporal_one() -> None:
    layers = [(1, 2), (2, 2), (1, 2), (3, 2)]  # next temporal, next spatial, next temporal, no more
    read = structure(bits((0x80, 8), (1, 16), (0b10000, 5), (7, 6), (0, 5), *layers, *[(2, 2)] * 4))
    assert read == Structure(7, 1, tuple(Template(layer, (2,)) for layer in (0, 1, 0, 1)), sizes=2)


def test_templates_without_end_are_refused() -> None:
    endless = bits((0x80, 8), (1, 16), (0b10000, 5), (0, 6), (0, 5), *[(0, 2)] * 900)
    with pytest.raises(DepacketizeError):
        structure(endless)


@pytest.mark.parametrize("value", [AV1_L1T3, VP8_L1T2])
def test_a_cut_structure_is_refused(value: bytes) -> None:
    with pytest.raises(DepacketizeError):
        structure(value[:8])
    assert not has_structure(value[:3])
    assert temporal_layer(value[:2], structure(value)) is None
