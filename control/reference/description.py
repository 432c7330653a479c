"""The description of the API, `openapi.yaml`, as a page shows it: groups of operations, references resolved.

It is a file of ours, so whatever it lacks is a bug, and shows as a `KeyError`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

Node = dict[str, Any]  # a mapping of the description

_METHODS = ("post", "get", "head", "put", "patch", "delete", "options")  # what one comes for first


@dataclass(frozen=True, slots=True)
class Answer:
    """One status of an operation."""

    status: int
    component: str  # its name among the shared answers; empty: it is this operation's own
    description: str
    headers: dict[str, Node]
    content: dict[str, Node]  # by media type

    @property
    def message(self) -> str:
        """The `error` of a refusal; empty: it has none."""
        example = self.content.get("application/json", {}).get("example")
        return str(example.get("error", "")) if isinstance(example, dict) else ""


@dataclass(frozen=True, slots=True)
class Operation:
    id: str
    method: str
    path: str
    summary: str
    description: str
    callers: tuple[frozenset[str], ...]  # the security schemes: any of these sets will do; none: open to all
    parameters: tuple[Node, ...]
    body: Node | None
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """The operations of one tag, in the order of the description."""

    name: str
    description: str
    operations: tuple[Operation, ...]


class Description:
    def __init__(self, text: str) -> None:
        self._document: Node = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
        self.title: str = self._document["info"]["title"]
        self.about: str = self._document["info"]["description"]
        self.security_schemes: dict[str, Node] = self._document["components"]["securitySchemes"]

    def groups(self) -> list[Group]:
        operations = list(self._operations())
        return [
            Group(tag["name"], tag["description"], tuple(one for of, one in operations if of == tag["name"]))
            for tag in self._document["tags"]
        ]

    def resolve(self, node: Node) -> Node:
        """The node, or what it refers to."""
        while "$ref" in node:
            target = self._document
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            node = target
        return node

    def _operations(self) -> Iterator[tuple[str, Operation]]:
        """The operations, each with its tag."""
        for path, item in self._document["paths"].items():
            for method in _METHODS:
                if method in item:
                    yield item[method]["tags"][0], self._operation(path, method, item)

    def _operation(self, path: str, method: str, item: Node) -> Operation:
        node = item[method]
        parameters = [self.resolve(one) for one in (*item.get("parameters", ()), *node.get("parameters", ()))]
        # what an operation says of a parameter replaces what its path says
        by_name = {(one["in"], one["name"]): one for one in parameters}
        return Operation(
            id=node["operationId"],
            method=method.upper(),
            path=path,
            summary=node["summary"],
            description=node.get("description", ""),
            callers=tuple(frozenset(one) for one in node.get("security", self._document["security"])),
            parameters=tuple(by_name.values()),
            body=self.resolve(node["requestBody"]) if "requestBody" in node else None,
            answers=tuple(self._answer(int(status), one) for status, one in node["responses"].items()),
        )

    def _answer(self, status: int, reference: Node) -> Answer:
        node = self.resolve(reference)
        return Answer(
            status=status,
            component=reference.get("$ref", "").rpartition("/")[2],
            description=node["description"],
            headers={name: self.resolve(one) for name, one in node.get("headers", {}).items()},
            content=node.get("content", {}),
        )
