"""Command lines of the page about the API."""

import shlex
from pathlib import Path

import control
from control.reference.curl import curl
from control.reference.description import Description, Operation

SERVER = "https://live.test/below"
OPERATIONS = {
    operation.id: operation
    for group in Description(
        (Path(control.__file__).parent / "openapi.yaml").read_text(encoding="utf-8")
    ).groups()
    for operation in group.operations
}


def words(operation: Operation) -> list[str]:
    return shlex.split(curl(operation, SERVER).replace("\\\n", ""))


def test_an_offer_comes_from_a_file() -> None:
    assert words(OPERATIONS["publish"]) == [
        *("curl", "-X", "POST", f"{SERVER}/api/whip/publish/demo"),
        *("-H", "Authorization: Bearer $TOKEN", "-H", "Content-Type: application/sdp"),
        *("--data-binary", "@offer.sdp"),
    ]


def test_json_stands_in_the_line_itself() -> None:
    assert words(OPERATIONS["chooseLayer"])[-2:] == ["-d", '{"rid": "h"}']


def test_a_query_is_quoted() -> None:
    assert words(OPERATIONS["listRooms"]) == [
        "curl",
        f"{SERVER}/api/rooms?name=demo&detail=true&missing=true",
    ]


def test_operators_have_a_token_of_their_own() -> None:
    assert "Authorization: Bearer $ADMIN_TOKEN" in words(OPERATIONS["closeRoom"])


def test_every_operation_is_one_command() -> None:
    for operation in OPERATIONS.values():
        line = curl(operation, SERVER)
        assert line.startswith("curl ")
        assert "{" not in line.partition(SERVER)[2].partition(" ")[0].partition("'")[0], line
