"""For each alert: clusters of any size in which it must fire, and clusters in which it must not.

Of an alert that is about a worker, exactly one worker of the cluster is at fault, however large that is.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.integration.deploy.alert_series import (
    PUBLISH,
    REQUESTS,
    Make,
    Series,
    accepting,
    address,
    answers,
    between,
    both,
    control,
    counter,
    directory,
    federated,
    gauge,
    of_workers,
    offers,
    over,
    scraped,
    sessions,
    share,
    version,
    worker,
)

AT_FAULT = 1  # the number of that worker


@dataclass(frozen=True)
class Case:
    """`fires`, `quiet` and `spared` make the series of a cluster of so many workers.

    `spared` looks as bad as the one that fires, but too little was seen, or it has a good reason. `at` is the
    minute to look at, and `names` the worker that the alert must name; empty: none.
    """

    alert: str
    fires: Callable[[int], Series]
    quiet: Callable[[int], Series]
    at: int = 20
    names: str = ""
    spared: Callable[[int], Series] | None = None

    @property
    def clusters(self) -> Iterator[tuple[bool, Callable[[int], Series]]]:
        """Each with whether the alert fires in it."""
        yield True, self.fires
        yield False, self.quiet
        if self.spared is not None:
            yield False, self.spared


def one_of(alert: str, bad: Make, good: Make, at: int = 20, *, spared: Make | None = None) -> Case:
    """An alert about a worker: one is `bad` among `good` ones."""

    def cluster(size: int, first: Make) -> Series:
        return first(worker(AT_FAULT)) | of_workers(good, range(AT_FAULT + 1, size + 1))

    return Case(
        alert,
        lambda size: cluster(size, bad),
        lambda size: cluster(size, good),
        at,
        f"w{AT_FAULT}",
        None if spared is None else lambda size: cluster(size, spared),
    )


def of_control(alert: str, bad: Make, good: Make, at: int = 20) -> Case:
    """An alert about one of two control processes, or about the requests that both count."""
    return Case(
        alert,
        lambda _: bad(control(1)) | good(control(2)),
        lambda _: good(control(1)) | good(control(2)),
        at,
    )


LAG, DELAY, PICTURE = (
    "roomcast_event_loop_lag_seconds",
    "roomcast_relay_delay_seconds",
    "roomcast_first_picture_seconds",
)
SERVED, CALLED = "roomcast_rpc_serve_seconds", "roomcast_rpc_call_seconds"
ANSWERED = ', op="Play", outcome="ok"'
FAILURES, UPLOADS = "roomcast_recording_failures_total", "roomcast_recording_upload_failures_total"
GAPS, RESTARTED = "roomcast_recording_packets_dropped_total", "process_start_time_seconds"
TCP, OVERFLOW = "roomcast_tcp_refused_total", "roomcast_receive_drops_total"
DELIVERED, GIVEN_UP = "roomcast_webhook_delivered_total", "roomcast_webhook_given_up_total"
LOST = "roomcast_webhook_lost_total"
RECEIVED, SENT = "roomcast_ingress_packets_total", "roomcast_egress_packets_total"

CASES = [
    # the control plane: gone from discovery, or there and dead
    Case(
        "RoomcastControlLost",
        lambda _: gauge("up", "1x9 stale")(control(1)) | gauge("up", "1x9 0x30")(control(2)),
        lambda _: gauge("up", "0x40")(control(1)) | gauge("up", "1x40")(control(2)),
    ),
    of_control("RoomcastControlDown", gauge("up", "1x9 0x30"), gauge("up", "1x40")),
    of_control(
        "RoomcastRedisAway",
        gauge("roomcast_directory_age_seconds", "0x9 12x30"),
        gauge("roomcast_directory_age_seconds", "8x40"),
    ),
    of_control(
        "RoomcastKeySetAway",
        gauge("roomcast_key_set_age_seconds", "0x4 60+60x35"),
        gauge("roomcast_key_set_age_seconds", "0+60x14 0+60x15"),
        25,
    ),
    of_control(
        "RoomcastErrors",
        counter(f"{REQUESTS}_count", 1, f', {PUBLISH}, status="500"'),
        counter(f"{REQUESTS}_count", 1, f', {PUBLISH}, status="409"'),
    ),
    # a large cluster refuses some at any time; a single client that tries again is no cluster's fault
    Case(
        "RoomcastOffersRefused",
        lambda size: offers(7 * size, 1000 * size),
        lambda size: offers(7 * size, 2000 * size),
        spared=lambda _: offers(5, 0),
    ),
    Case(
        "RoomcastSlowRequests",
        lambda _: between(REQUESTS, "0.5", "1.0", f', {PUBLISH}, status="201"')(control()),
        lambda _: between(REQUESTS, "0.25", "0.5", f', {PUBLISH}, status="201"')(control()),
    ),
    of_control(
        "RoomcastRpcFailing",
        answers(CALLED, 12, 88, "no_worker"),
        both(answers(CALLED, 4, 84, "no_worker"), answers(CALLED, 12, 84, "no_publisher")),
    ),
    # the directory of the workers
    Case("RoomcastNoWorkerReady", lambda size: directory(f"{size}x9 0x30"), lambda _: directory("1x40")),
    Case(
        "RoomcastWorkerLost",
        lambda size: directory(f"{size}x9 {size - 1}x30"),
        lambda size: directory(f"{size}x9 {size - 1}x30", "0x9 1x30"),  # a draining worker is not lost
    ),
    Case("RoomcastWorkersNotScraped", lambda size: scraped(size, size - 1), lambda size: scraped(size, size)),
    Case(
        "RoomcastClusterNearlyFull",
        lambda size: accepting(size, {1: 0, 2: 1, 6: 2, 100: 33}[size]),
        lambda size: accepting(size, {1: 1, 2: 2, 6: 3, 100: 35}[size]),
    ),
    Case(
        "RoomcastVersionsMixed",
        lambda size: version("0.1.0")(worker(1)) | version("0.2.0")(worker(size + 1)),
        lambda size: version("0.1.0")(worker(1)) | version("0.1.0")(control()),
        65,
    ),
    # one worker among others
    one_of("RoomcastWorkerUnreachable", gauge("up", "1x9 0x30"), gauge("up", "1x40")),
    one_of(
        "RoomcastWorkerDraining",
        gauge("roomcast_draining", "1x80"),
        gauge("roomcast_draining", "1x40 0x40"),
        65,
    ),
    one_of(
        "RoomcastWorkerRestarts",
        # each time at another address, as a pod that is made anew
        lambda labels: both(
            *(
                gauge(RESTARTED, f"_x{2 * life} {life + 1}x1 stale", f', pod="{life}"')
                for life in range(6, 10)
            )
        )(labels),
        gauge(RESTARTED, "1x9 2x2 3x30"),
    ),
    one_of(
        "RoomcastClockWrong",
        gauge("roomcast_clock_skew_seconds", "0x9 -2.5x30"),
        gauge("roomcast_clock_skew_seconds", "0x9 2.5x2 -1.5x30"),
    ),
    one_of(
        "RoomcastWorkerSlow",
        between(SERVED, "0.5", "1.0", ANSWERED),
        between(SERVED, "0.25", "0.5", ANSWERED),
    ),
    one_of(
        "RoomcastWorkerFailsRequests",
        answers(SERVED, 6, 94, "too_late"),
        both(answers(SERVED, 4, 84, "too_late"), answers(SERVED, 12, 84, "room_taken")),
        spared=answers(SERVED, 0.5, 2, "too_late"),
    ),
    one_of(
        "RoomcastWorkerBusy",
        counter("process_cpu_seconds_total", 54),
        counter("process_cpu_seconds_total", 48),
    ),
    # told once for a host, however many of its workers see it
    Case(
        "RoomcastLineFull",
        lambda size: (
            of_workers(gauge("roomcast_egress_ratio", "0.95x40"), [1])
            | of_workers(gauge("roomcast_egress_ratio", "0.8x40"), range(2, size + 1))
        ),
        lambda size: of_workers(gauge("roomcast_egress_ratio", "0.85x40"), range(1, size + 1)),
        10,
    ),
    one_of("RoomcastEventLoopLate", between(LAG, "0.1", "0.25"), between(LAG, "0.05", "0.1")),
    one_of("RoomcastRelaySlow", between(DELAY, "0.05", "0.1"), between(DELAY, "0.025", "0.05")),
    one_of(
        "RoomcastSendsDropped",
        counter("roomcast_datagrams_dropped_total", 720),
        counter("roomcast_datagrams_dropped_total", 540),
    ),
    one_of(
        "RoomcastReceiveDrops",
        counter(OVERFLOW, 72, ', family="ipv4"'),
        counter(OVERFLOW, 54, ', family="ipv4"'),
    ),
    one_of(
        "RoomcastPublishersLosePackets",
        share("roomcast_publisher_nacks_total", RECEIVED, 6),
        share("roomcast_publisher_nacks_total", RECEIVED, 4),
    ),
    one_of(
        "RoomcastViewersLosePackets",
        share("roomcast_viewer_nacks_total", SENT, 6),
        share("roomcast_viewer_nacks_total", SENT, 4),
    ),
    one_of(
        "RoomcastFirstPictureLate",
        between(PICTURE, "2.5", "5.0", step=2),
        between(PICTURE, "0.25", "0.5"),
        25,
        spared=between(PICTURE, "2.5", "5.0", step=1),  # ten that wait prove nothing
    ),
    Case(
        "RoomcastClientsCannotConnect",
        lambda size: of_workers(sessions(1.2 / size, 0.3 / size), range(1, size + 1)),
        lambda size: of_workers(sessions(12, 2), range(1, size + 1)),
        25,
        spared=lambda size: of_workers(sessions(0.9 / size, 0.9 / size), range(1, size + 1)),
    ),
    one_of(
        "RoomcastWorkerNotReached",
        sessions(1.2, 0.3),
        sessions(30, 5),
        25,
        spared=sessions(0.9, 0.9),  # one client that tries again each minute
    ),
    one_of("RoomcastMediaOverTcp", over(6, 4), over(4, 6), spared=over(3, 1)),
    one_of(
        "RoomcastTcpRefused",
        counter(TCP, 1, ', reason="no_files"'),
        counter(TCP, 5, ', reason="unchecked"'),
    ),
    one_of("RoomcastPublicAddressUnknown", address("unknown"), address("found"), spared=address("symmetric")),
    one_of(
        "RoomcastLogLinesDropped",
        counter("roomcast_log_lines_dropped_total", 3),
        counter("roomcast_log_lines_dropped_total", 0),
    ),
    one_of(
        "RoomcastFilesNearLimit",
        both(gauge("process_open_fds", "900x40"), gauge("process_max_fds", "1024x40")),
        both(gauge("process_open_fds", "700x40"), gauge("process_max_fds", "1024x40")),
    ),
    # among as many clusters
    Case(
        "RoomcastClusterNotSeen",
        lambda size: federated(range(1, size), "1x40") | federated([size], "1x9 0x30"),
        lambda size: federated(range(1, size + 1), "1x40"),
    ),
    one_of("RoomcastRecordingFailed", gauge(FAILURES, "0x9 1x30"), gauge(FAILURES, "7x40")),
    one_of("RoomcastRecordingBehind", counter(GAPS, 5), gauge(GAPS, "99x40")),
    one_of("RoomcastUploadsFailing", counter(UPLOADS, 1), gauge(UPLOADS, "0x5 1x35"), 25),
    # one receiver of two; what waits is told by the control process that delivers to it
    of_control(
        "RoomcastWebhooksLate",
        gauge("roomcast_webhook_oldest_seconds", "320x40", ', receiver="a.example"'),
        gauge("roomcast_webhook_oldest_seconds", "280x40", ', receiver="b.example"'),
    ),
    of_control(
        "RoomcastWebhooksStopped",
        counter(DELIVERED, 1, ', receiver="a.example"'),
        both(
            counter(DELIVERED, 1, ', receiver="b.example"'),
            gauge("roomcast_webhook_waiting", "0x40", ', receiver="b.example"'),
        ),
    ),
    of_control(
        "RoomcastWebhooksGivenUp",
        gauge(GIVEN_UP, "0x9 1x30", ', receiver="a.example"'),
        gauge(GIVEN_UP, "3x40", ', receiver="b.example"'),
    ),
    of_control(
        "RoomcastWebhooksLost",
        gauge(LOST, "0x9 1x30", ', receiver="a.example"'),
        gauge(LOST, "3x40", ', receiver="b.example"'),
    ),
]
