"""The floors of the house: each folder has one, imports lead downwards, and no modules import in a circle."""

import pytest

from tools.floor_plan import PACKAGES, Plan


@pytest.fixture(scope="module", params=PACKAGES)
def plan(request: pytest.FixtureRequest) -> Plan:
    return Plan(request.param)


def test_each_folder_has_a_floor(plan: Plan) -> None:
    assert plan.homeless() == []


def test_imports_lead_to_lower_floors(plan: Plan) -> None:
    assert plan.against() == []


@pytest.mark.parametrize("package", [*PACKAGES, "deploy"])
def test_no_modules_import_each_other_in_a_circle(package: str) -> None:
    assert Plan(package).circle() == ()


@pytest.mark.parametrize("package", PACKAGES)
def test_a_circle_and_an_arrow_upwards_would_be_seen(package: str) -> None:
    plan = Plan(package)
    low, high = (f"{plan.package}.{floor[0]}" for floor in (plan.floors[0], plan.floors[-1]))
    plan.imports = {**plan.imports, low: {high}, high: {low}}
    assert (plan.folder(low), plan.folder(high)) in plan.against()
    assert {low, high} <= set(plan.circle())
