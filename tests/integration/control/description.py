"""Checks real responses against `control/openapi.yaml`."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import yaml
from jsonschema import Draft202012Validator

import control

_QUOTED = re.compile("`([^`]+)`")
OPENAPI = Path(control.__file__).parent / "openapi.yaml"
METHODS = ("get", "post", "put", "patch", "delete", "options")
CORS = {
    "access-control-allow-methods": "GET, POST, OPTIONS",
    "access-control-allow-headers": "Content-Type, Authorization, X-Auth-Token",
    "access-control-expose-headers": (
        "Location, Link, ETag, Retry-After, Accept-Patch, Access-Control-Allow-Methods"
    ),
}
CORS_OF_A_SESSION = CORS | {
    "access-control-allow-methods": "GET, POST, OPTIONS, PATCH, DELETE",
    "access-control-allow-headers": "Content-Type, Authorization, X-Auth-Token, If-Match, ETag",
}


class Description:
    def __init__(self) -> None:
        self.document = yaml.load(OPENAPI.read_text("utf-8"), yaml.CSafeLoader)
        self._paths = [(_regex(path), path) for path in self.document["paths"]]

    def operations(self) -> set[tuple[str, str]]:
        """Every (path template, METHOD)."""
        return {
            (path, method.upper())
            for path, item in self.document["paths"].items()
            for method in METHODS
            if method in item
        }

    def statuses(self) -> set[tuple[str, str, int]]:
        """Every (path template, METHOD, status)."""
        return {
            (path, method, int(status))
            for path, method in self.operations()
            for status in self.document["paths"][path][method.lower()]["responses"]
        }

    def request_body(self, path: str, method: str) -> dict[str, Any]:
        return self.resolve(self.document["paths"][path][method.lower()].get("requestBody", {}))

    def template(self, path: str) -> str | None:
        """The template that a path of a request matches."""
        return next((template for regex, template in self._paths if regex.fullmatch(path)), None)

    def check(self, response: httpx.Response) -> None:
        """Fail unless the response, already read, is as described."""
        method = response.request.method
        path = response.request.url.raw_path.decode().partition("?")[0]
        where = f"{method} {path} -> {response.status_code}"
        template = self.template(path)
        _check_cors(template or "", response, where)
        assert response.headers["X-Request-Id"], where
        if template is None:
            # below a route's own prefix an empty or odd name may be refused as such
            preflight = method == "OPTIONS" and path.startswith("/api/")
            assert response.status_code in ((204,) if preflight else (400, 404, 429)), where
            return
        operations = self.document["paths"][template]
        operation = operations.get(method.lower()) or (operations.get("get") if method == "HEAD" else None)
        if operation is None:
            if response.status_code != 429:
                known = {name.upper() for name in operations if name in METHODS} | {"OPTIONS"}
                allowed = set(response.headers["Allow"].split(", "))
                assert allowed == known | ({"HEAD"} if "GET" in known else set()), where
                assert (response.status_code, response.json()) == (405, {"error": "method not allowed"}), (
                    where
                )
            return
        if response.status_code == 400 and response.json()["error"] == "invalid query":  # as `info` describes
            return
        described = operation["responses"].get(str(response.status_code))
        assert described is not None, f"{where} is not described"
        described = self.resolve(described)
        self._check_headers(described, response, where)
        if method != "HEAD":
            self._check_body(described, response, where)

    def _check_headers(self, described: dict[str, Any], response: httpx.Response, where: str) -> None:
        for name, header in described.get("headers", {}).items():
            header = self.resolve(header)
            value = response.headers.get(name)
            assert value is not None or name == "Link", f"{where}: no {name}"
            if value is not None:
                self.validate(header["schema"], value, f"{where}: {name}")

    def _check_body(self, described: dict[str, Any], response: httpx.Response, where: str) -> None:
        content = described.get("content", {})
        media_type = response.headers.get("content-type", "").partition(";")[0]
        if not content:
            return
        assert media_type in content, f"{where} has type {media_type}"
        if media_type == "text/event-stream":  # it has no end
            return
        body = json.loads(response.content) if media_type == "application/json" else response.text
        self.validate(content[media_type].get("schema", {}), body, where)
        if media_type == "application/json" and response.is_error and response.status_code != 406:
            # a 406 names the codec; all other messages stand in the description to the letter
            messages = {content[media_type]["example"]["error"], *_QUOTED.findall(described["description"])}
            assert body["error"] in messages, where

    def resolve(self, node: dict[str, Any]) -> dict[str, Any]:
        """What a node says, or what it refers to."""
        while "$ref" in node:
            target: Any = self.document
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            node = target
        return node

    def validate(self, schema: dict[str, Any], value: object, where: str) -> None:
        """Fail unless the schema allows the value."""
        validator = Draft202012Validator({**schema, "components": self.document["components"]})
        errors = [error.message for error in validator.iter_errors(value)]
        assert not errors, f"{where}: {errors}"


def _check_cors(template: str, response: httpx.Response, where: str) -> None:
    found = {name: value for name, value in response.headers.items() if name.startswith("access-")}
    assert found.pop("access-control-allow-origin", None), where
    may_be_kept = found.pop("access-control-max-age", None)
    assert may_be_kept == ("600" if response.request.method == "OPTIONS" else None), where
    session = "{session}" in template and template.startswith(("/api/whip", "/api/whep"))
    expected = CORS_OF_A_SESSION if session else CORS
    if response.request.method == "OPTIONS" and response.is_success:
        always = expected["access-control-allow-methods"].split(", ")
        own = (each for each in response.headers["Allow"].split(", ") if each not in (*always, "HEAD"))
        expected = expected | {"access-control-allow-methods": ", ".join([*always, *own])}
    assert found == expected or not template, where
    if template.startswith("/api/") and (response.is_error or not template.endswith("/still")):
        assert response.headers["Cache-Control"] == "no-store", where  # there may be credentials in it


def _regex(template: str) -> re.Pattern[str]:
    names = re.escape(template).replace(r"\{path\}", ".+")
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", names))


@cache
def description() -> Description:
    return Description()
