"""Prometheus takes our files, and they name no metric that is not exported."""

import re
import tomllib
from base64 import b64encode
from pathlib import Path

import httpx
import pytest

from control.http.problems import PROBLEMS
from shared.errors import ErrorCode
from tests.integration.deploy.dashboards import expressions_of, panels
from tests.integration.deploy.files import PROMETHEUS, ROOT, RULE_FILES, checked, rules
from tests.integration.deploy.promql import metrics_in
from tests.support.free_ports import free_port
from tests.support.system import running_system

GUIDE = ROOT / "docs" / "alerts.md"
SUFFIXES = ("", "_total", "_bucket", "_count", "_sum")
BY_PROMETHEUS = {"up", "ALERTS"}
# with MEDIA_PUBLIC_IPS=auto; tests/unit/media/worker/metrics/test_ports.py knows it
WITH_STUN = {"roomcast_public_address"}
# with TLS_CERT_FILE; tests/integration/control/test_server.py knows it
WITH_TLS = {f"roomcast_certificate_{word}_timestamp_seconds" for word in ("begins", "ends")}


def test_promtool_accepts_the_configurations() -> None:
    for name in ("prometheus.yml", "federation.yml"):
        checked("promtool", "check", "config", PROMETHEUS / name)


def test_promtool_accepts_the_rules() -> None:
    checked("promtool", "check", "rules", *(PROMETHEUS / name for name in RULE_FILES))


def test_every_alert_has_a_section_in_its_guide() -> None:
    """The links can be followed from a pager. GitHub makes the anchor of a heading: lower case."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    guide = f"{project['urls']['Repository']}/blob/main/docs/alerts.md"
    text = GUIDE.read_text(encoding="utf-8")
    headings = {heading.lower() for heading in re.findall(r"^#+ (Roomcast\w+)$", text, re.MULTILINE)}
    links = {rule["alert"]: rule["annotations"]["runbook_url"] for rule in rules() if "alert" in rule}
    assert set(links.values()) == {f"{guide}#{heading}" for heading in headings}
    assert all(link.endswith(f"#{alert.lower()}") for alert, link in links.items())


def test_each_cause_that_an_alert_may_lead_to_is_explained() -> None:
    table = GUIDE.read_text(encoding="utf-8").partition("## RoomcastJoinsFail\n")[2].partition("\n## ")[0]
    explained = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE))))
    special = {"no_credentials", "jwt_claims", "redis_away", "redis_is_new", "worker_silent"}
    codes = {ErrorCode(code) for code in explained - special}
    counted = {code for code, (status, _) in PROBLEMS.items() if status in (401, 429) or status >= 500}
    of_operators = {ErrorCode.TOO_MANY_RULINGS, ErrorCode.TOO_MANY_SETTINGS}  # no offers
    assert codes == counted - of_operators
    assert special <= explained


# --- names


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ('sum by (room) (rate(a_total{job="x", room=~"y{2}"}[1m]))', {"a_total"}),
        (
            "histogram_quantile(0.99, sum by (le) (rate(b_bucket[5m]))) > 0.5 and sum(c:d:e) > 1",
            {"b_bucket", "c:d:e"},
        ),
    ],
)
def test_metrics_are_found_in_an_expression(expression: str, names: set[str]) -> None:
    assert metrics_in(expression) == names


async def test_what_is_exported_is_described_and_rules_name_nothing_else(
    redis_url: str, tmp_path: Path
) -> None:
    settings = {
        "RECORD_ENABLED": "1",
        "RECORD_DIR": str(tmp_path),
        "JWT_JWKS_URL": f"http://127.0.0.1:{free_port()}/keys",  # nothing answers there
        "WEBHOOK_URLS": f"http://127.0.0.1:{free_port()}/hook",  # nor there
        "WEBHOOK_SECRETS": f"whsec_{b64encode(bytes(24)).decode()}",
        "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
        "WORKER_MAX_EGRESS": "10000000000",
    }
    async with running_system(redis_url, **settings) as system, httpx.AsyncClient() as http:
        texts = [(await http.get(f"{member.url}/metrics")).text for member in system.members]
    families = {name for text in texts for name in re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)}
    described = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    # the library adds to each histogram when its series began
    own = {name for name in families if name.startswith("roomcast_") and not name.endswith("_created")}
    assert {name for name in own if not re.search(rf"`{name}[`{{]", described)} == set()
    exported = {name + suffix for name in families for suffix in SUFFIXES}
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    expressions = [
        *(rule["expr"] for rule in rules()),
        *(expression for panel in panels() for expression in expressions_of(panel)),
    ]
    used = set[str]().union(*map(metrics_in, expressions))
    assert len(used) > 30
    assert used - exported - recorded - BY_PROMETHEUS - WITH_STUN - WITH_TLS == set()


def test_series_of_single_rooms_are_taken_from_the_workers() -> None:
    """Control leaves them out in a large cluster: a rule or panel that took them there would go blind."""
    expressions = [rule["expr"] for rule in rules()]
    expressions += [expression for panel in panels() for expression in expressions_of(panel)]
    series = re.compile(r"(?<!:)\b(?:live_subscribers|live_rtp_\w+_total)\b(?!:)(\{[^}]*\})?")
    selectors = [found[1] or "" for expression in expressions for found in series.finditer(expression)]
    assert len(selectors) >= 3
    assert [selector for selector in selectors if 'job="roomcast-worker"' not in selector] == []
