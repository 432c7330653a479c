"""What an origin remembers of an edge's wishes."""

from media.relay.wanted_layers import LINGER_SECONDS, WantedLayers

SSRCS = {1: 101, 2: 102, 3: 103}  # sound is the room's track 0


def test_an_edge_that_has_said_nothing_gets_the_best_layer_for_ever() -> None:
    assert WantedLayers(SSRCS).at(1e9) == {1}
    assert WantedLayers({}).at(0.0) == set()


def test_its_first_word_counts_at_once() -> None:
    wanted = WantedLayers(SSRCS)
    wanted.heard({103}, 10.0)
    assert wanted.at(10.0) == {3}


def test_a_layer_goes_off_a_while_after_it_was_wanted() -> None:
    wanted = WantedLayers(SSRCS)
    wanted.heard({101, 102}, 10.0)
    wanted.heard({102}, 11.0)
    assert wanted.at(10.0 + LINGER_SECONDS - 0.01) == {1, 2}
    assert wanted.at(10.0 + LINGER_SECONDS) == {2}
    wanted.heard({101}, 20.0)
    assert wanted.at(20.0) == {1}


def test_an_edge_may_want_no_picture() -> None:
    wanted = WantedLayers(SSRCS)
    wanted.heard((), 10.0)
    assert wanted.at(10.0) == set()


def test_what_is_no_layer_of_the_room_is_nothing() -> None:
    wanted = WantedLayers(SSRCS)
    wanted.heard({7, 102, 0xFFFFFFFF}, 10.0)
    assert wanted.at(10.0) == {2}
