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

OPENAPI = Path(control.__file__).parent / "openapi.yaml"
METHODS = ("get", "post", "put", "patch", "delete", "options")


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

    def template(self, path: str) -> str | None:
        """The template that a path of a request matches."""
        return next((template for regex, template in self._paths if regex.fullmatch(path)), None)

    def check(self, response: httpx.Response) -> None:
        """Fail unless the response, already read, is as described."""
        method = response.request.method
        path = response.request.url.raw_path.decode().partition("?")[0]
        where = f"{method} {path} -> {response.status_code}"
        template = self.template(path)
        if template is None:
            # below a route's own prefix an empty or odd name may be refused as such
            assert response.status_code in (400, 404, 429), where
            return
        operations = self.document["paths"][template]
        operation = operations.get(method.lower()) or (operations.get("get") if method == "HEAD" else None)
        if operation is None:
            assert response.status_code in (405, 429), where
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


def _regex(template: str) -> re.Pattern[str]:
    names = re.escape(template).replace(r"\{path\}", ".+")
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", names))


@cache
def description() -> Description:
    return Description()
