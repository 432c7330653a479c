"""The dashboards for Grafana, as the tests read them."""

import json
from typing import Any

from tests.integration.deploy.files import DEPLOY

FOLDER = DEPLOY / "grafana" / "dashboards"
NAMES = ("roomcast", "fleet")

Panel = dict[str, Any]


def dashboard(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


def panels(*names: str) -> list[Panel]:
    """Those of these dashboards, or of all, without the rows' headings."""
    shown = [panel for name in names or NAMES for panel in dashboard(name)["panels"]]
    return [panel for panel in shown if panel["type"] != "row"]


def expressions_of(panel: Panel) -> list[str]:
    return [target["expr"] for target in panel["targets"]]
