"""H.265: a keyframe is written with the parameter sets that it needs."""

from media.payload.h265 import H265Depacketizer
from media.payload.nal_units import byte_stream
from tests.support.rtp_source import encode_video
from tests.unit.media.payload.shown import units_of

_VPS, _SPS, _PPS = 32, 33, 34


def kind(unit: bytes) -> int:
    return unit[0] >> 1 & 0x3F


def with_id_1(pps: bytes) -> bytes:
    """The same picture parameter set, whose id, the first number in it, is 1 instead of 0."""
    return pps[:2] + octets("010" + f"{int.from_bytes(pps[2:]):b}"[1:])


def octets(bits: str) -> bytes:
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8)


def test_a_keyframe_has_each_of_its_picture_parameter_sets() -> None:
    """Its slices may refer to any of them; those of another keyframe are gone."""
    [packet] = encode_video("H265", 1 / 30)
    units = units_of(packet)
    sets = {kind(unit): unit for unit in units if kind(unit) in (_VPS, _SPS, _PPS)}
    second = with_id_1(sets[_PPS])
    rest = [unit for unit in units if kind(unit) not in sets]
    reader = H265Depacketizer()
    both = reader.picture([*sets.values(), second, *rest])
    assert both is not None
    assert both.data == byte_stream([*sets.values(), second, *rest])
    one = reader.picture([*sets.values(), *rest])
    assert one is not None
    assert one.data == byte_stream([*sets.values(), *rest])


def test_ids_that_rise_are_those_of_the_latest_keyframe() -> None:
    """The video parameter set came once."""
    [packet] = encode_video("H265", 1 / 30)
    vps, sps, pps, *rest = sorted(units_of(packet), key=lambda unit: (kind(unit) < _VPS, kind(unit)))
    assert (kind(vps), kind(sps), kind(pps)) == (_VPS, _SPS, _PPS)
    rest = [unit for unit in rest if kind(unit) < _VPS]
    reader = H265Depacketizer()
    assert reader.picture([vps]) is None
    for second in (pps, with_id_1(pps)) * 20:
        picture = reader.picture([sps, second, *rest])
        assert picture is not None
        assert picture.data == byte_stream([vps, sps, second, *rest])


def test_sets_of_any_number_take_bounded_memory() -> None:
    [packet] = encode_video("H265", 1 / 30)
    reader = H265Depacketizer()
    for number in range(1_000):
        code = f"{number + 1:b}"
        reader.picture(
            [bytes((_PPS << 1, 1)) + octets("0" * (len(code) - 1) + code) + bytes(75)]
        )  # ue(v), 9.2
    assert len(reader._sets) <= 8
    assert reader.picture(units_of(packet)) is not None
