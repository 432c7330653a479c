"""Rulings as one process holds them: what is forbidden, until when, and which of two counts."""

import pytest

from shared.book.documents import Stamped, read_stamped
from shared.messages.encoding import DecodeError, pack, to_map
from shared.messages.rulings import Block, Revocation, Ruling, TokenMark
from shared.rulings.ruling_book import Rulings, read_ruling

NOW = 1000.0


def stamped(ruling: Ruling, stamp: int = 1) -> Stamped[Ruling]:
    return read_stamped(ruling.name, f"{stamp:016d}".encode() + pack(to_map(ruling)), read_ruling)


def holding(*rulings: Ruling) -> Rulings:
    held = Rulings()
    for ruling in rulings:
        assert held.take(ruling.name, stamped(ruling))
    return held


def test_a_block_is_of_one_name_and_ends() -> None:
    held = holding(Block(room="demo", until=NOW + 5, reason="why"))
    assert held.block_of("demo", NOW) == Block(room="demo", until=NOW + 5, reason="why")
    assert held.block_of("Demo", NOW) is None
    assert held.block_of("demo", NOW + 5) is None
    assert held.blocks(NOW + 5) == []
    held.forget_ended(NOW + 5)
    assert len(held) == 0


@pytest.mark.parametrize(
    ("revocation", "hit", "missed"),
    [
        ({"jti": "a"}, [TokenMark("a")], [TokenMark("b"), TokenMark(None, "a"), TokenMark()]),
        ({"subject": "a"}, [TokenMark("x", "a", 5000.0)], [TokenMark("a"), TokenMark()]),
        (
            {"issued_before": 50.0},
            [TokenMark(None, None, 49.9), TokenMark("x", "y", None)],
            [TokenMark(None, None, 50.0)],
        ),
    ],
)
def test_a_revocation_hits_its_tokens(
    revocation: dict[str, object], hit: list[TokenMark], missed: list[TokenMark]
) -> None:
    ruling = Revocation(until=NOW + 5, **revocation)  # type: ignore[arg-type]
    held = holding(ruling)
    assert all(held.revokes(mark, NOW) for mark in hit)
    assert not any(held.revokes(mark, NOW) for mark in [*missed, None])
    assert not any(held.revokes(mark, NOW + 5) for mark in hit)
    assert held.revocation(ruling.id, NOW) == ruling
    held.forget_ended(NOW + 5)
    assert not any(held.revokes(mark, NOW) for mark in hit)


def test_of_two_rulings_of_one_name_the_later_one_counts_in_any_order() -> None:
    block = Block(room="demo", until=NOW + 5)
    lifted = Block(room="demo", until=NOW + 9, lifted=True)
    first, second = stamped(block, 1), stamped(lifted, 2)
    for order in ((first, second), (second, first)):
        held = Rulings()
        changed = [held.take("block:demo", one) for one in order]
        assert changed == [True, order[0] is first]
        assert held.block_of("demo", NOW) is None
        assert len(held) == 1


def test_what_others_lack_is_what_is_newer_here_and_has_not_ended() -> None:
    held = holding(Block(room="a", until=NOW + 5), Block(room="b", until=NOW), Block(room="c", until=NOW + 5))
    others = {"block:c": b"0000000000000002", "block:d": b"0000000000000001"}
    assert set(held.later_than(others, NOW)) == {"block:a"}
    assert set(held.later_than({"block:c": b"0000000000000000"}, NOW)) == {"block:a", "block:c"}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("block:a", b""),
        ("block:a", b"0000000000000001"),
        ("block:a", b"0000000000000001\xff"),
        ("block:a", b"x" * 16 + pack(to_map(Block(room="a", until=1.0)))),
        ("block:b", b"0" * 16 + pack(to_map(Block(room="a", until=1.0)))),
        ("revocation:a", b"0" * 16 + pack(to_map(Block(room="a", until=1.0)))),
        ("block:a", b"0" * 16 + pack({"room": "a", "until": float("nan")})),
        ("@", b"0" * 16 + pack({})),
    ],
)
def test_what_is_no_ruling_is_refused(name: str, data: bytes) -> None:
    with pytest.raises(DecodeError):
        read_stamped(name, data, read_ruling)


def test_what_a_later_version_adds_is_ignored() -> None:
    data = b"0" * 16 + pack(to_map(Block(room="a", until=1.0)) | {"shade": "dark"})
    assert read_stamped("block:a", data, read_ruling).document == Block(room="a", until=1.0)
