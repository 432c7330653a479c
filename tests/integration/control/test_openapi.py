"""`/openapi.yaml` is valid, and describes the real routes, methods and statuses.

`conftest.py` checks every response of all other tests against it, too.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from openapi_spec_validator import validate
from starlette.routing import Route

from control.app import create_app
from control.http.resource import Resource
from shared.settings.settings import load_settings
from tests.integration.control.conftest import Stage
from tests.integration.control.description import description
from tests.integration.control.row import PARAMETERS
from tests.integration.control.test_contract import ROWS

# asked of every operation in test_rate_limit.py, test_redis_away.py, and below
OF_THE_WHOLE_API = {429, 503, 500}
WITHOUT_EXAMPLE = ("image/jpeg", "text/html", "application/yaml")  # the pages, and the description itself


def _bodies(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Of every request and response: the operation, the media type, and what is said of it."""
    for path, method in description().operations():
        operation = document["paths"][path][method.lower()]
        for part in (operation.get("requestBody", {}), *operation["responses"].values()):
            for media_type, content in description().resolve(part).get("content", {}).items():
                yield operation["operationId"], media_type, content


def test_the_description_is_valid() -> None:
    validate(description().document)


def test_every_operation_is_named_and_says_who_may_call_it() -> None:
    document = description().document
    operations = [document["paths"][path][method.lower()] for path, method in description().operations()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert document["security"] == []  # without credentials, where an operation does not say otherwise
    for operation in operations:
        refuses = "401" in operation["responses"]
        assert not refuses or operation["security"], operation["operationId"]
        assert operation["summary"]
        assert set(operation["tags"]) <= {tag["name"] for tag in document["tags"]}


def test_every_body_has_an_example_that_its_schema_allows() -> None:
    document = description().document
    checked = 0
    for name, media_type, content in _bodies(document):
        if media_type in WITHOUT_EXAMPLE:
            continue
        assert "example" in content, f"{name}: {media_type}"
        description().validate(content["schema"], content["example"], name)
        checked += 1
    assert checked > 100


async def test_a_bug_anywhere_is_the_500_that_is_described(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def has_a_bug(*_: object) -> None:
        raise KeyError("bug")

    http = await stage.control()  # whose answers are compared with the description
    monkeypatch.setattr(Resource, "__call__", has_a_bug)
    for path, method in description().operations():
        if method != "OPTIONS":  # which calls no handler of ours
            response = await http.request(method, path.format_map(PARAMETERS))
            assert response.status_code == 500, path


async def test_the_description_is_served(stage: Stage) -> None:
    response = await (await stage.control()).get("/openapi.yaml")
    assert response.headers["Content-Type"] == "application/yaml"
    assert yaml.safe_load(response.text)["openapi"].startswith("3.1.")


def test_it_has_the_routes_and_methods_of_the_application_and_no_others() -> None:
    app = create_app(load_settings(redis_url="redis://127.0.0.1:1"), 100)
    routes = {
        (route.path_format, method)
        for route in app.routes
        if isinstance(route, Route) and isinstance(route.endpoint, Resource)
        for method in route.endpoint.methods - {"HEAD"}
        if not route.path_format.endswith("/") or route.path_format == "/"  # the endpoint of an empty name
    }
    assert routes == description().operations()
    assert all(isinstance(route, Route) and isinstance(route.endpoint, Resource) for route in app.routes)


def test_every_status_that_it_has_is_really_seen() -> None:
    """By a row of the contract, which `test_contract` holds."""
    seen = {(description().template(row.path.partition("?")[0]), row.method, row.status) for row in ROWS}
    described = {item for item in description().statuses() if item[2] not in OF_THE_WHOLE_API}
    assert described - seen == set()
