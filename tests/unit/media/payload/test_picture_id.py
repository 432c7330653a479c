"""Where the number of a picture is, and that another one takes its place and changes nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.payload.picture_id import PictureId, frame_number, picture_id, with_value


@pytest.mark.parametrize(
    ("codec", "payload", "found"),
    [
        # RFC 7741 4.2: X R N S R PID; X: I L T K; picture ID; TL0PICIDX; TID Y KEYIDX
        ("VP8", "90e0 8123 05 40 00", PictureId(2, 15, 0x123)),
        ("VP8", "9080 7f 01", PictureId(2, 7, 0x7F)),
        ("VP8", "9060 05 40 00", None),  # no I
        ("VP8", "10 00", None),
        ("VP8", "90 80", None),
        ("VP8", "90 80 81", None),  # M, and no second byte
        ("VP8", "", None),
        # RFC 9628 4.2: I P L F B E V Z; picture ID
        ("VP9", "8e ffff 00", PictureId(1, 15, 0x7FFF)),
        ("VP9", "8e 05 00", PictureId(1, 7, 5)),
        ("VP9", "0e 05 00", None),
        ("VP9", "8e", None),
        ("VP9", "8e 85", None),
        ("VP9", "", None),
        ("H264", "90e0 8123", None),
        ("AV1", "90e0 8123", None),
    ],
)
def test_a_picture_id_is_found_where_the_codec_puts_it(
    codec: str, payload: str, found: PictureId | None
) -> None:
    assert picture_id(codec, bytes.fromhex(payload)) == found


@pytest.mark.parametrize(
    ("descriptor", "found"), [("c1 1234 00", PictureId(1, 16, 0x1234)), ("c1 12", None), ("", None)]
)
def test_a_frame_number_is_found_in_a_dependency_descriptor(descriptor: str, found: PictureId | None) -> None:
    assert frame_number(bytes.fromhex(descriptor)) == found


@given(st.sampled_from(["VP8", "VP9", "frame"]), st.binary(max_size=12), st.integers(-(1 << 40), 1 << 40))
def test_another_number_takes_the_place_of_the_first_and_the_rest_stays(
    kind: str, data: bytes, value: int
) -> None:
    find = frame_number if kind == "frame" else lambda payload: picture_id(kind, payload)
    found = find(data)
    if found is None:
        return
    written = with_value(data, found, value)
    assert find(written) == found._replace(value=value % (1 << found.bits))
    size = (found.bits + 7) // 8
    assert len(written) == len(data)
    assert written[: found.at] == data[: found.at]
    assert written[found.at + size :] == data[found.at + size :]
    assert with_value(data, found, found.value) == data
