"""What is held of rooms' settings: whose tokens open a room, whatever order documents come and end in."""

from hypothesis import given
from hypothesis import strategies as st

from shared.book.documents import STAMP_DIGITS, read_stamped
from shared.messages.encoding import encode
from shared.messages.room_settings import RoomSettings
from shared.room_settings.settings_book import AllSettings, read_settings

ROOMS = st.sampled_from(["stage", "studio", "foyer"])
TOKENS = st.lists(st.sampled_from([b"1" * 32, b"2" * 32, b"3" * 32]), max_size=2, unique=True).map(tuple)
SETTINGS = st.builds(
    RoomSettings,
    room=ROOMS,
    until=st.sampled_from([10.0, 20.0, 30.0]),
    publish_tokens=TOKENS,
    play_tokens=TOKENS,
    lifted=st.booleans(),
)
CHANGES = st.lists(st.tuples(SETTINGS, st.integers(1, 9)) | st.sampled_from([10.0, 20.0, 30.0]), max_size=12)


@given(CHANGES)
def test_a_token_opens_a_room_exactly_while_the_settings_of_one_name_it(
    changes: list[tuple[RoomSettings, int] | float],
) -> None:
    """A change is a document with its stamp, or the time at which those that have ended are forgotten."""
    book = AllSettings()
    held: dict[str, tuple[int, RoomSettings]] = {}
    for change in changes:
        if isinstance(change, float):
            book.forget_ended(change)
            held = {room: one for room, one in held.items() if one[1].until > change}
        else:
            settings, stamp = change
            data = b"%0*d" % (STAMP_DIGITS, stamp) + encode(settings)
            book.take(settings.room, read_stamped(settings.room, data, read_settings))
            if settings.room not in held or held[settings.room][0] < stamp:
                held[settings.room] = stamp, settings
    known = {
        token for _, one in held.values() if not one.lifted for token in one.publish_tokens + one.play_tokens
    }
    assert book.tokens.keys() == known
