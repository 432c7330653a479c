"""JSON Schemas in words: the kind of a value, and the fields of an object, with those inside other fields."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from control.reference.description import Node

Resolve = Callable[[Node], Node]

_BOUNDS = {  # without `minimum`: it is 0 throughout, and nobody expects a negative count
    "maximum": "at most {}",
    "maxLength": "up to {:,} characters",
    "minItems": "at least {} of them",
    "pattern": "matching {}",
}


@dataclass(frozen=True, slots=True)
class Field:
    name: str  # its way in the value: `layers[].rid`
    kind: str
    required: bool
    description: str


def kind(schema: Node, resolve: Resolve) -> str:
    """What a value is, in a few words: `array of string`, `ready or draining`."""
    schema = resolve(schema)
    if "const" in schema:
        return f"always {schema['const']}"
    if "enum" in schema:
        return " or ".join(str(value) or "empty" for value in schema["enum"])
    if "anyOf" in schema:
        return kind(schema["anyOf"][0], resolve)
    types = schema.get("type", "anything")
    words = " or ".join(types) if isinstance(types, list) else str(types)
    if "items" in schema:
        words += f" of {kind(schema['items'], resolve)}"
    if "format" in schema:
        words += f" ({schema['format']})"
    return ", ".join(
        [words, *(text.format(schema[name]) for name, text in _BOUNDS.items() if name in schema)]
    )


def fields(schema: Node, resolve: Resolve, way: str = "") -> Iterator[Field]:
    """The fields of an object, or of each object of an array."""
    schema = resolve(schema)
    if "items" in schema:
        yield from fields(schema["items"], resolve, f"{way}[]." if way else "")
    elif "anyOf" in schema:
        yield from _of_any([list(fields(one, resolve, way)) for one in schema["anyOf"]])
    for name, node in schema.get("properties", {}).items():
        field = resolve(node)
        yield Field(
            way + name, kind(field, resolve), name in schema.get("required", ()), field.get("description", "")
        )
        inside = f"{way}{name}"
        yield from fields(field, resolve, inside if "items" in field else f"{inside}.")


def _of_any(alternatives: list[list[Field]]) -> Iterator[Field]:
    """All fields of several objects; required is what all of them require."""
    names = [{field.name for field in one if field.required} for one in alternatives]
    always = set.intersection(*names)
    known = {field.name: field for one in alternatives for field in one}
    for field in known.values():
        yield replace(field, required=field.name in always)
