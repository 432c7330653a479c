"""The page about the API, made from the real description, and from a hostile one."""

import re
from collections import Counter
from pathlib import Path

import control
from control.reference.description import Description
from control.reference.page import reference

DESCRIPTION = (Path(control.__file__).parent / "openapi.yaml").read_text(encoding="utf-8")
OPERATIONS = re.findall(r"(?m)^ {6}operationId: (\w+)$", DESCRIPTION)
HOSTILE = """
openapi: 3.1.0
info: {title: T, version: "1", description: "<img src=x> `<b>` & more"}
security: []
tags: [{name: queries, description: "<i>"}]
components:
  securitySchemes: {bearer: {type: http, scheme: bearer, description: "<u>"}}
paths:
  /a<script>:
    get:
      operationId: one
      tags: [queries]
      summary: <script>alert(1)</script>
      parameters: [{name: "<q>", in: query, schema: {type: string}, example: "'; rm -rf / #"}]
      responses:
        "200":
          description: <em>
          headers: {"X-<h>": {schema: {type: string, pattern: "<p>"}}}
          content: {"text/<t>": {schema: {type: string}, example: "</code></pre><script>"}}
        "400":
          description: <s>
          content: {application/json: {schema: {type: object}, example: {error: <s>}}}
"""


def page(text: str = DESCRIPTION) -> str:
    return reference(Description(text), "https://live.test")


def test_every_operation_has_an_anchor_and_no_two_things_share_one() -> None:
    anchors = Counter(re.findall(r'\sid="([^"]+)"', page()))
    assert len(OPERATIONS) > 70
    assert set(OPERATIONS) <= set(anchors)
    assert [name for name, times in anchors.items() if times > 1] == []


def test_every_link_in_the_page_leads_somewhere() -> None:
    anchors = set(re.findall(r'\sid="([^"]+)"', page()))
    links = set(re.findall(r'href="#([^"]+)"', page()))
    assert {"publish", "credentials", "refusals"} <= links
    assert links <= anchors


def test_it_begins_with_how_to_authenticate_and_with_first_requests() -> None:
    beginning = page().partition("</nav>")[2]
    order = ("Authorization: Bearer TOKEN", "401", "curl https://live.test/api/rooms", "X-Request-Id")
    positions = [beginning.index(words) for words in (*order, '<section class="group">')]
    assert positions == sorted(positions)


def test_it_has_what_a_client_needs_to_know() -> None:
    publish = page().partition('<article class="operation" id="publish">')[2].partition("</article>")[0]
    for words in (
        *("Publish into a room", "A token</a>, where one is configured", "<code>room</code>"),
        *("application/sdp", "<b>201</b>", "<code>Location</code>", "a=ice-lite", "publisher already exists"),
        *('<a href="#refusals">429, 500, 503</a>', "curl -X POST https://live.test/api/whip/publish/demo"),
    ):
        assert words in publish
    assert "<code>layers[].rid</code>" in page()
    assert "An operator&#x27;s token" in page() or "An operator's token" in page()


def test_nothing_of_the_description_becomes_markup() -> None:
    known = {"a", "article", "b", "code", "dd", "details", "div", "dl", "dt", "h2", "h3", "h4", "li", "nav"}
    known |= {"p", "pre", "section", "small", "span", "summary", "ul", "wbr"}
    for text in (page(), page(HOSTILE)):
        assert set(re.findall(r"<(\w+)", text)) <= known
        opened, closed = (Counter(re.findall(tag, text)) for tag in (r"<(\w+)", r"</(\w+)"))
        for name in ("wbr", "dt", "dd"):  # HTML lets their end tags be left out
            del opened[name], closed[name]
        assert opened == closed
    assert "&lt;script&gt;" in page(HOSTILE)
