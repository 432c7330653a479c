"""An operation as a command line."""

import json
import shlex

from control.reference.description import Operation

_FILES = {"application/sdp": "offer.sdp", "application/trickle-ice-sdpfrag": "fragment.sdp"}


def curl(operation: Operation, server: str) -> str:
    """A command that works when it is pasted into a shell: only `$TOKEN` and files are to be supplied."""
    path, query = operation.path, []
    words = ["curl"]
    if operation.method != "GET":
        words += ["-X", operation.method]
    for parameter in operation.parameters:
        example = parameter.get("example")
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(example))
        elif parameter["in"] == "query" and example is not None:
            query.append(f"{parameter['name']}={example}")
    arguments = [shlex.quote(server + path + ("?" + "&".join(query) if query else ""))]
    if operation.callers:
        token = "ADMIN_TOKEN" if frozenset({"admin"}) in operation.callers else "TOKEN"
        arguments.append(f'-H "Authorization: Bearer ${token}"')
    if operation.body:
        media_type, content = next(iter(operation.body["content"].items()))
        arguments.append(f"-H 'Content-Type: {media_type}'")
        if media_type in _FILES:
            arguments.append(f"--data-binary @{_FILES[media_type]}")
        else:
            arguments.append(f"-d {shlex.quote(json.dumps(content['example']))}")
    return " \\\n  ".join([" ".join([*words, arguments[0]]), *arguments[1:]])
