from control.reference.description import Description

TEXT = """
info: {title: T, description: about}
security: []
tags: [{name: b, description: second}, {name: a, description: first}]
components:
  securitySchemes: {}
  parameters:
    Room: {name: room, in: path, required: true, schema: {type: string, pattern: x}}
    AnyRoom: {name: room, in: path, required: true, schema: {type: string}}
  responses:
    Gone: {description: gone, content: {application/json: {example: {error: it is gone}}}}
paths:
  /{room}:
    parameters: [{$ref: "#/components/parameters/Room"}]
    get:
      operationId: one
      tags: [a]
      summary: first
      security: [{}, {bearer: []}]
      responses: {"200": {description: here}, "410": {$ref: "#/components/responses/Gone"}}
    options:
      operationId: two
      tags: [a]
      summary: second
      parameters: [{$ref: "#/components/parameters/AnyRoom"}]
      responses: {"200": {description: here}}
"""


def test_operations_stand_in_their_groups_with_all_references_resolved() -> None:
    second, first = Description(TEXT).groups()
    assert (second.name, second.operations) == ("b", ())
    one, two = first.operations
    assert (one.id, one.method, one.path) == ("one", "GET", "/{room}")
    assert one.callers == (frozenset(), frozenset({"bearer"}))
    assert two.callers == ()
    assert [(answer.status, answer.component, answer.message) for answer in one.answers] == [
        (200, "", ""),
        (410, "Gone", "it is gone"),
    ]


def test_an_operation_replaces_a_parameter_of_its_path() -> None:
    one, two = Description(TEXT).groups()[1].operations
    assert [parameter["schema"] for parameter in one.parameters] == [{"type": "string", "pattern": "x"}]
    assert [parameter["schema"] for parameter in two.parameters] == [{"type": "string"}]
