"""The description as HTML: contents, groups of operations, and what many operations refuse with.

Every operation has an anchor, its `operationId`. Classes are those of `web/css/docs.css`.
"""

import json
import re
from html import escape

from control.reference.curl import curl
from control.reference.description import Answer, Description, Group, Node, Operation
from control.reference.schemas import Field, Resolve, fields, kind

_CODE = re.compile(r"`([^`]+)`")
_ANYWHERE = ("TooManyRequests", "Unforeseen", "Unavailable")  # refusals that nearly every operation has
_TITLES = {"admin": "Administration", "health": "Health and metrics"}  # others: the name itself

_TOKENS = """
Send a token with each request, as `Authorization: Bearer TOKEN`. The operator of the server gives it to you,
or signs it as a JWT: `roomcast token --room demo --action play`. A server without tokens answers everybody.
Each operation below says whether it needs one.

A missing or wrong token is 401 `unauthorized`.
"""
_FIRST_REQUESTS = (
    ("The live rooms. This request needs no token:", "curl {server}/api/rooms"),
    (
        "Play the room `demo` by WHEP. `offer.sdp` is the SDP offer of a WebRTC client. To publish by WHIP, "
        "only the path differs, `/api/whip/publish/demo`:",
        """\
TOKEN=...
curl -i -X POST {server}/api/whep/play/demo \\
  -H "Authorization: Bearer $TOKEN" \\
  -H 'Content-Type: application/sdp' \\
  --data-binary @offer.sdp""",
    ),
)
_AFTER_THE_ANSWER = """
201 has the SDP answer in its body: set it as the client's remote description, and media flows. `DELETE` of
the URL in `Location` ends the session. 404 means that nobody publishes in the room yet: try again after
`Retry-After` seconds.
"""


def reference(description: Description, server: str) -> str:
    """The page below its title. `server` is the URL of the examples, without a slash at its end."""
    groups = description.groups()
    return "\n".join(
        [
            '<div class="reference">',
            _contents(groups),
            '<div class="stack">',
            f'<section class="about">{_credentials(description)}{_first_requests(server)}'
            f'<h2 id="all-answers">All answers</h2>{_paragraphs(description.about)}</section>',
            *(_group(group, description.resolve, server) for group in groups),
            _refusals(groups),
            "</div></div>\n",
        ]
    )


def _contents(groups: list[Group]) -> str:
    parts = [
        '<nav class="contents" aria-label="Operations"><p><a href="#credentials">How to authenticate</a></p>'
        '<p><a href="#first-requests">First requests</a></p>'
    ]
    for group in groups:
        links = [
            f'<li><a href="#{one.id}"><b>{one.method}</b> {_path(one.path)}</a></li>'
            for one in group.operations
            if one.method != "OPTIONS"
        ]
        parts.append(
            f'<p><a href="#{group.name}">{_title(group)}</a></p><ul>{"".join(links)}</ul>',
        )
    return "".join([*parts, '<p><a href="#refusals">Refusals</a></p></nav>'])


def _title(group: Group) -> str:
    return _TITLES.get(group.name, group.name.capitalize())


def _credentials(description: Description) -> str:
    rows = []
    for name, scheme in description.security_schemes.items():
        header = f"{scheme['name']}: …" if scheme["type"] == "apiKey" else "Authorization: Bearer …"
        whose = "Of operators: " if name == "admin" else ""
        rows.append(_row(f"<code>{escape(header)}</code>", "", whose + scheme["description"]))
    return (
        f'<h2 id="credentials">How to authenticate</h2>{_paragraphs(_TOKENS)}'
        f'<dl class="terms">{"".join(rows)}</dl>'
    )


def _first_requests(server: str) -> str:
    steps = "".join(
        f"{_paragraphs(text)}<pre><code>{escape(command.format(server=server), quote=False)}</code></pre>"
        for text, command in _FIRST_REQUESTS
    )
    return f'<h2 id="first-requests">First requests</h2>{steps}{_paragraphs(_AFTER_THE_ANSWER)}'


def _group(group: Group, resolve: Resolve, server: str) -> str:
    shown = [_operation(one, resolve, server) for one in group.operations if one.method != "OPTIONS"]
    preflights = [
        f'<li id="{one.id}">{_path(one.path)}</li>' for one in group.operations if one.method == "OPTIONS"
    ]
    return (
        f'<section class="group"><h2 id="{group.name}">{_title(group)}</h2>'
        f'<p class="quiet">{_inline(group.description)}.</p>{"".join(shown)}'
        f'<details class="operation"><summary>OPTIONS: preflights, and the allowed methods</summary>'
        f'<ul class="preflights">{"".join(preflights)}</ul></details></section>'
    )


def _operation(operation: Operation, resolve: Resolve, server: str) -> str:
    name, method = operation.id, operation.method
    given = [_parameter(one, resolve) for one in operation.parameters]
    accepted = [one for one in operation.answers if one.status < 400]
    refused = [one for one in operation.answers if one.status >= 400 and one.component not in _ANYWHERE]
    parts = [
        f'<article class="operation" id="{name}"><h3><span class="method {method.lower()}">{method}</span> '
        f'<a href="#{name}"><code>{_path(operation.path)}</code></a></h3>'
        f"<p><b>{_inline(operation.summary)}.</b> {_callers(operation)}</p>"
        f"{_paragraphs(operation.description)}"
    ]
    if given:
        parts.append(f'<h4>Parameters</h4><dl class="terms">{"".join(given)}</dl>')
    if operation.body:
        required = "" if operation.body.get("required") else ", optional"
        parts.append(f"<h4>Body{required}</h4>")
        parts.append(
            _paragraphs(operation.body.get("description", "")) + _content(operation.body["content"], resolve)
        )
    parts.append("<h4>Answers</h4>")
    parts += [_accepted(one, resolve) for one in accepted]
    anywhere = ", ".join(str(one.status) for one in operation.answers if one.component in _ANYWHERE)
    if refused or anywhere:
        others = f'<li><a href="#refusals">{anywhere}</a></li>' if anywhere else ""
        parts.append(f'<ul class="refusals">{"".join(map(_refused, refused))}{others}</ul>')
    if not _is_page(operation):
        parts.append(f"<pre><code>{escape(curl(operation, server), quote=False)}</code></pre>")
    return "".join([*parts, "</article>"])


def _is_page(operation: Operation) -> bool:
    """Whether the operation is for browsers: nobody fetches a page by curl."""
    return any("text/html" in answer.content for answer in operation.answers)


def _callers(operation: Operation) -> str:
    if not operation.callers:
        return "Open to all."
    who = "An operator's token" if frozenset({"admin"}) in operation.callers else "A token"
    optional = ", where one is configured" if frozenset() in operation.callers else ""
    return f'<a href="#credentials">{who}</a>{optional}.'


def _parameter(parameter: Node, resolve: Resolve) -> str:
    required = ", required" if parameter.get("required") else ""
    description = parameter.get("description", "")
    schema = parameter["schema"]
    if description:  # it tells in words what the pattern says
        schema = {name: value for name, value in schema.items() if name != "pattern"}
    words = f"{parameter['in']}{required}; {kind(schema, resolve)}"
    return _row(f"<code>{escape(parameter['name'])}</code>", words, description)


def _accepted(answer: Answer, resolve: Resolve) -> str:
    headers = [
        _row(f"<code>{escape(name)}</code>", kind(header["schema"], resolve), header.get("description", ""))
        for name, header in answer.headers.items()
    ]
    return (
        f'<p class="answer"><b>{answer.status}</b> {_inline(answer.description)}.</p>'
        + (f'<dl class="terms">{"".join(headers)}</dl>' if headers else "")
        + _content(answer.content, resolve)
    )


def _refused(answer: Answer) -> str:
    """An operation's refusals in short. `_refusals` has what many operations share."""
    words = escape(answer.message) or _inline(answer.description)
    status = f'<a href="#{answer.component}">{answer.status}</a>' if answer.component else str(answer.status)
    return f"<li>{status} {words}</li>"


def _refusals(groups: list[Group]) -> str:
    shared = {
        (answer.status, answer.component): answer
        for group in groups
        for operation in group.operations
        for answer in operation.answers
        if answer.component and answer.status >= 400
    }
    rows = []
    for (status, name), answer in sorted(shared.items()):
        headers = "".join(f"; with <code>{escape(header)}</code>" for header in answer.headers)
        rows.append(
            f'<div id="{name}"><dt>{status}</dt><dd>{_inline(answer.description)}{headers}</dd></div>'
        )
    return (
        '<section class="group"><h2 id="refusals">Refusals</h2>'
        f'<dl class="terms">{"".join(rows)}</dl></section>'
    )


def _content(content: dict[str, Node], resolve: Resolve) -> str:
    """The types of a body, its fields, and an example."""
    if not content:
        return ""
    types = " or ".join(f"<code>{escape(one)}</code>" for one in content)
    node = next(iter(content.values()))
    schema = node.get("schema", {})
    words = kind(schema, resolve) if schema else "text"
    rows = "".join(map(_field, fields(schema, resolve)))
    example = node.get("example")
    return (
        f'<p class="quiet">{types}: {escape(words)}</p>'
        + (f'<dl class="terms">{rows}</dl>' if rows else "")
        + (_example(example) if example else "")
    )


def _example(example: object) -> str:
    text = escape(_text(example), quote=False)
    return f"<details><summary>Example</summary><pre><code>{text}</code></pre></details>"


def _field(field: Field) -> str:
    optional = "" if field.required else ", optional"
    return _row(f"<code>{escape(field.name)}</code>", field.kind + optional, field.description)


def _row(name: str, words: str, description: str) -> str:
    small = f" <small>{escape(words)}</small>" if words else ""
    # without the end tags that HTML leaves out: there are hundreds of rows, and the page is to stay small
    return f"<div><dt>{name}{small}<dd>{_inline(description)}</div>"


def _text(example: object) -> str:
    return example.rstrip() if isinstance(example, str) else json.dumps(example, indent=2, ensure_ascii=False)


def _path(path: str) -> str:
    """A path with places where it may be broken into lines."""
    return escape(path).replace("/{", "/<wbr>{")


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{_inline(one)}</p>" for one in text.strip().split("\n\n") if one)


def _inline(text: str) -> str:
    """Text with `code` in backticks, all that our descriptions have of Markdown."""
    return _CODE.sub(r"<code>\1</code>", escape(text.strip(), quote=False))
