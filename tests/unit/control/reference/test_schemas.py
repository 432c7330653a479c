from control.reference.description import Node
from control.reference.schemas import Field, fields, kind


def as_is(node: Node) -> Node:
    return node


def test_a_kind_says_what_a_value_may_be() -> None:
    assert kind({"type": "string"}, as_is) == "string"
    assert kind({"type": ["number", "null"], "maximum": 1}, as_is) == "number or null, at most 1"
    assert kind({"type": "array", "items": {"type": "string"}, "minItems": 1}, as_is) == (
        "array of string, at least 1 of them"
    )
    assert kind({"type": "string", "maxLength": 65536}, as_is) == "string, up to 65,536 characters"
    assert kind({"enum": ["", "udp", "tcp"]}, as_is) == "empty or udp or tcp"
    assert kind({"const": "ok"}, as_is) == "always ok"


def test_fields_are_named_by_their_way_into_the_value() -> None:
    layer = {"type": "object", "required": ["rid"], "properties": {"rid": {"type": "string"}}}
    room = {
        "type": "object",
        "required": ["layers"],
        "properties": {
            "layers": {"type": "array", "items": layer, "description": "best first"},
            "by": {"type": "object", "properties": {"line": {"type": "integer"}}},
        },
    }
    assert list(fields({"type": "array", "items": room}, as_is)) == [
        Field("layers", "array of object", True, "best first"),
        Field("layers[].rid", "string", True, ""),
        Field("by", "object", False, ""),
        Field("by.line", "integer", False, ""),
    ]


def test_of_several_objects_only_what_all_require_is_required() -> None:
    short = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
    long = {
        "type": "object",
        "required": ["name", "codecs"],
        "properties": {"name": {"type": "string"}, "codecs": {"type": "array", "items": {"type": "string"}}},
    }
    assert [(field.name, field.required) for field in fields({"anyOf": [short, long]}, as_is)] == [
        ("name", True),
        ("codecs", False),
    ]
