"""docs/clients.md tells of the clients that the tests run, and of no other."""

from dataclasses import replace

import pytest

from tests.support.client_runs import PAGE, ClientRun, promised, with_table, written
from tests.support.sdp import OFFERS

PAGE_TEXT = PAGE.read_text(encoding="utf-8")
RUN = ClientRun(
    "Somebody", "plays", "1.2, Debian", "client", "UDP, IPv4", "tests/e2e/test_x.py", ("opus", "VP8")
)


def test_the_table_of_clients_has_those_that_the_tests_run() -> None:
    assert written(PAGE_TEXT) == promised(), "make clients"


def test_every_offer_of_a_real_client_is_named() -> None:
    assert not [path.stem for path in sorted(OFFERS.glob("*.sdp")) if f"`{path.stem}`" not in PAGE_TEXT]


def test_runs_with_several_codecs_are_one_row() -> None:
    page = with_table(PAGE_TEXT, [RUN, replace(RUN, codecs=("opus", "AV1")), replace(RUN, dtls="server")])
    rows = [line for line in page.splitlines() if line.startswith("| Somebody")]
    assert [row.split(" | ")[3:5] for row in rows] == [["AV1, opus, VP8", "client"], ["opus, VP8", "server"]]
    assert written(page) == {RUN.promise}
    assert page.partition("<!--")[0] == PAGE_TEXT.partition("<!--")[0]


@pytest.mark.parametrize("cell", ["| plays", "| 1.2", "| client | UDP", "[test_x]"])
def test_a_row_out_of_form_is_found(cell: str) -> None:
    with pytest.raises(ValueError, match="out of form"):
        written(with_table(PAGE_TEXT, [RUN]).replace(cell, "| so-so"))
