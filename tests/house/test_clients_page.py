"""docs/clients.md tells of the clients that the tests run, and of no other."""

from tests.support.client_runs import PAGE, promised, written
from tests.support.offers import REAL_OFFERS

PAGE_TEXT = PAGE.read_text(encoding="utf-8")


def test_the_table_of_clients_has_those_that_the_tests_run() -> None:
    assert written(PAGE_TEXT) == promised(), "make clients"


def test_every_offer_of_a_real_client_is_named() -> None:
    assert not [name for name in REAL_OFFERS if f"`{name}`" not in PAGE_TEXT]
