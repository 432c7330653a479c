"""Every alert fires when it should and is quiet when it should be, by promtool's clock."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.integration.deploy.files import PROMETHEUS, checked, rules

WORKER = 'job="roomcast-worker", instance="10.0.0.1:9100", worker="w1"'
CONTROL = 'job="roomcast-control", instance="10.0.0.9:8080"'
PUBLISH = 'method="POST", route="/api/whip/publish/{room}"'


@dataclass
class Case:
    """Series by promtool's notation, a sample a minute; `at` is when to look."""

    alert: str
    firing: dict[str, str]
    quiet: dict[str, str]
    at: str = "20m"


def workers(state: str) -> str:
    return f'roomcast_workers{{{CONTROL}, state="{state}"}}'


def bucket(name: str, labels: str, le: str) -> str:
    return f'{name}_bucket{{{labels}, le="{le}"}}'


def slow(name: str, labels: str, under: str, over: str) -> dict[str, str]:
    """A histogram all of whose values lie between two bounds."""
    return {
        bucket(name, labels, under): "0+0x30",
        bucket(name, labels, over): "0+60x30",
        bucket(name, labels, "+Inf"): "0+60x30",
    }


def counter(name: str, step: float, labels: str = WORKER) -> dict[str, str]:
    return {f"{name}{{{labels}}}": f"0+{step}x30"}


def accepting(*workers: int) -> dict[str, str]:
    name = f'roomcast_accepts{{{WORKER}, role="play"}}'
    return {name.replace("w1", f"w{number}"): f"{accepts}x30" for number, accepts in enumerate(workers)}


def lossy(asked_for: str, all_packets: str, percent: int) -> dict[str, str]:
    return counter(asked_for, percent * 100) | counter(all_packets, 100 * 100)


def ended(failed: int, opened: int) -> dict[str, str]:
    return {
        f'roomcast_sessions_ended_total{{{WORKER}, role="play", reason="not_connected"}}': f"0+{failed}x30",
        f'roomcast_sessions_opened_total{{{WORKER}, role="play"}}': f"0+{opened}x30",
    }


def calls(outcome: str, failing: int) -> dict[str, str]:
    name, labels = "roomcast_rpc_call_seconds_count", f'{CONTROL}, op="Play"'
    return {
        f'{name}{{{labels}, outcome="{outcome}"}}': f"0+{failing}x30",
        f'{name}{{{labels}, outcome="ok"}}': f"0+{100 - failing}x30",
    }


REQUESTS = "roomcast_http_request_seconds"
LAG, DELAY = "roomcast_event_loop_lag_seconds", "roomcast_relay_delay_seconds"
CASES = [
    Case("RoomcastNoWorkerReady", {workers("ready"): "0x30"}, {workers("ready"): "1x30"}),
    Case(
        "RoomcastWorkerLost",
        {workers("ready"): "3x9 2x20", workers("draining"): "0x30"},
        # a draining worker is not lost
        {workers("ready"): "3x9 2x20", workers("draining"): "0x9 1x20"},
    ),
    Case("RoomcastWorkerUnreachable", {f"up{{{WORKER}}}": "1x9 0x20"}, {f"up{{{WORKER}}}": "1x30"}),
    Case("RoomcastWorkerDraining", {workers("draining"): "1x70"}, {workers("draining"): "1x40 0x30"}, "65m"),
    Case("RoomcastControlDown", {f"up{{{CONTROL}}}": "1x9 0x20"}, {f"up{{{CONTROL}}}": "1x30"}),
    Case(
        "RoomcastRedisAway",
        {f"roomcast_directory_age_seconds{{{CONTROL}}}": "0x9 60+60x20"},
        {f"roomcast_directory_age_seconds{{{CONTROL}}}": "0x30"},
    ),
    Case(
        "RoomcastClockWrong",
        {f"roomcast_clock_skew_seconds{{{WORKER}}}": "0x9 -2.5x20"},
        {f"roomcast_clock_skew_seconds{{{WORKER}}}": "0x9 2.5x2 -1.5x20"},
    ),
    Case(
        "RoomcastKeySetAway",
        {f"roomcast_key_set_age_seconds{{{CONTROL}}}": "0x9 60+60x30"},
        {f"roomcast_key_set_age_seconds{{{CONTROL}}}": "0+60x14 0+60x15"},
        "30m",
    ),
    Case(
        "RoomcastOffersRefused",
        counter(f"{REQUESTS}_count", 30, f'{CONTROL}, {PUBLISH}, status="503"'),
        counter(f"{REQUESTS}_count", 30, f'{CONTROL}, {PUBLISH}, status="201"'),
    ),
    Case("RoomcastClusterNearlyFull", accepting(1, 0, 0, 0), accepting(1, 1, 0, 0)),
    Case(
        "RoomcastErrors",
        counter(f"{REQUESTS}_count", 1, f'{CONTROL}, {PUBLISH}, status="500"'),
        counter(f"{REQUESTS}_count", 1, f'{CONTROL}, {PUBLISH}, status="409"'),
    ),
    Case(
        "RoomcastSlowRequests",
        slow(REQUESTS, f'{CONTROL}, {PUBLISH}, status="201"', "0.5", "1.0"),
        slow(REQUESTS, f'{CONTROL}, {PUBLISH}, status="201"', "0.01", "0.025"),
    ),
    Case("RoomcastRpcFailing", calls("no_worker", 10), calls("no_publisher", 10)),
    Case(
        "RoomcastWorkerBusy",
        counter("process_cpu_seconds_total", 54),
        counter("process_cpu_seconds_total", 30),
    ),
    Case("RoomcastEventLoopLate", slow(LAG, WORKER, "0.1", "0.25"), slow(LAG, WORKER, "0.001", "0.0025")),
    Case("RoomcastRelaySlow", slow(DELAY, WORKER, "0.05", "0.1"), slow(DELAY, WORKER, "0.001", "0.0025")),
    Case(
        "RoomcastSendsDropped",
        counter("roomcast_datagrams_dropped_total", 1200),
        counter("roomcast_datagrams_dropped_total", 12),
    ),
    Case(
        "RoomcastPublishersLosePackets",
        lossy("roomcast_publisher_nacks_total", "roomcast_ingress_packets_total", percent=6),
        lossy("roomcast_publisher_nacks_total", "roomcast_ingress_packets_total", percent=4),
    ),
    Case(
        "RoomcastViewersLosePackets",
        lossy("roomcast_viewer_nacks_total", "roomcast_egress_packets_total", percent=6),
        lossy("roomcast_viewer_nacks_total", "roomcast_egress_packets_total", percent=4),
    ),
    Case(
        "RoomcastFirstPictureLate",
        slow("roomcast_first_picture_seconds", WORKER, "2.5", "5.0"),
        slow("roomcast_first_picture_seconds", WORKER, "0.25", "0.5"),
        "30m",
    ),
    # a few failing clients prove nothing
    Case("RoomcastClientsCannotConnect", ended(3, 6), ended(1, 1) | counter("unrelated", 1)),
    Case(
        "RoomcastWorkerRestarts",
        {f"process_start_time_seconds{{{WORKER}}}": "1x9 2x1 3x1 4x20"},
        {f"process_start_time_seconds{{{WORKER}}}": "1x9 2x20"},
    ),
    Case(
        "RoomcastFilesNearLimit",
        {f"process_open_fds{{{WORKER}}}": "900x30", f"process_max_fds{{{WORKER}}}": "1024x30"},
        {f"process_open_fds{{{WORKER}}}": "90x30", f"process_max_fds{{{WORKER}}}": "1024x30"},
    ),
    Case(
        "RoomcastRecordingFailed",
        {f"roomcast_recording_failures_total{{{WORKER}}}": "0x9 1x20"},
        {f"roomcast_recording_failures_total{{{WORKER}}}": "7x30"},
    ),
    Case(
        "RoomcastRecordingBehind",
        counter("roomcast_recording_packets_dropped_total", 5),
        {f"roomcast_recording_packets_dropped_total{{{WORKER}}}": "99x30"},
    ),
    Case(
        "RoomcastUploadsFailing",
        counter("roomcast_recording_upload_failures_total", 1),
        {f"roomcast_recording_upload_failures_total{{{WORKER}}}": "0x5 1x25"},
        "30m",
    ),
]


def test_every_alert_has_a_case() -> None:
    assert {case.alert for case in CASES} == {rule["alert"] for rule in rules() if "alert" in rule}


@pytest.mark.parametrize("fires", [True, False], ids=["fires", "is quiet"])
def test_alerts(fires: bool, tmp_path: Path) -> None:
    """One run for all, because starting promtool takes the time."""
    severities = {rule["alert"]: rule["labels"]["severity"] for rule in rules() if "alert" in rule}
    tests = []
    for case in CASES:
        series = case.firing if fires else case.quiet
        state = (
            f'ALERTS{{alertname="{case.alert}", alertstate="firing", severity="{severities[case.alert]}"}}'
        )
        tests.append(
            {
                "name": case.alert,
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "promql_expr_test": [
                    {
                        "expr": f"max by (__name__, alertname, alertstate, severity) ({state})",
                        "eval_time": case.at,
                        "exp_samples": [{"labels": state, "value": 1}] if fires else [],
                    }
                ],
            }
        )
    file = tmp_path / "alerts.test.yml"
    names = [str(PROMETHEUS / name) for name in ("rules.yml", "alerts.yml")]
    file.write_text(yaml.safe_dump({"rule_files": names, "evaluation_interval": "1m", "tests": tests}))
    checked("promtool", "test", "rules", file)
