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
    connecting,
    control,
    counter,
    directory,
    federated,
    gauge,
    hearing,
    interrupted,
    joining,
    lines,
    lost,
    of_workers,
    offers,
    over,
    scraped,
    uplinks,
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


def of_a_host(alert: str, bad: Make, good: Make) -> Case:
    """An alert about a host, which is told once, however many of its workers see it."""
    return Case(
        alert,
        lambda size: of_workers(bad, [AT_FAULT]) | of_workers(good, range(AT_FAULT + 1, size + 1)),
        lambda size: of_workers(good, range(AT_FAULT, size + 1)),
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
NATIVE, DAY = "roomcast_native_sending", 86_400
MEMORY, REDIS = ("roomcast_memory_available_bytes", "roomcast_memory_limit_bytes"), "roomcast_redis_memory"
DISK = ("roomcast_recording_disk_free_bytes", "roomcast_recording_disk_bytes")
ENDS, BEGINS = "roomcast_certificate_ends_timestamp_seconds", "roomcast_certificate_begins_timestamp_seconds"
UNKNOWN_PROXIES = "roomcast_offers_of_unknown_proxies_total"


def two(names: tuple[str, str], first: float, second: float) -> Make:
    return both(gauge(names[0], f"{first}x40"), gauge(names[1], f"{second}x40"))


CASES = [
    # what users meet: a share, and a number
    Case(
        "RoomcastJoinsFail",
        lambda size: joining(15 * size, 5 * size),
        lambda size: joining(90 * size, 10 * size),
        spared=lambda _: joining(0, 4),
    ),
    Case(
        "RoomcastJoinsFailSlowly",
        lambda size: joining(93 * size, 7 * size),
        lambda size: joining(98 * size, 2 * size),
        spared=lambda _: joining(5, 1),
    ),
    Case(
        "RoomcastNobodyGetsIn",
        lambda _: offers(20, 0, "401"),
        lambda _: offers(20, 5, "401"),
        spared=lambda _: offers(3, 0, "401"),
    ),
    Case(
        "RoomcastSessionsLost",
        lambda size: of_workers(lost(30, 12, 0), range(1, size + 1)),
        lambda size: of_workers(lost(30, 6, 20), range(1, size + 1)),
        spared=lambda size: lost(9, 9, 0)(worker(1)),
    ),
    one_of("RoomcastWorkerLosesSessions", lost(30, 20, 0), lost(30, 12, 0), spared=lost(9, 9, 0)),
    Case(
        "RoomcastInterruptions",
        lambda size: of_workers(interrupted(100, 600), range(1, size + 1)),
        lambda size: of_workers(interrupted(100, 240), range(1, size + 1)),
        spared=lambda _: interrupted(3, 55)(worker(1)),
    ),
    Case(
        "RoomcastInterruptionsSlowly",
        lambda size: of_workers(interrupted(1000, 1200), range(1, size + 1)),
        lambda size: of_workers(interrupted(1000, 300), range(1, size + 1)),
        75,
        spared=lambda _: interrupted(3, 55)(worker(1)),
    ),
    Case(
        "RoomcastPicturesLate",
        lambda size: of_workers(between(PICTURE, "2.5", "5.0", step=3), range(1, size + 1)),
        lambda size: of_workers(between(PICTURE, "1.0", "2.5", step=3), range(1, size + 1)),
        spared=lambda _: between(PICTURE, "2.5", "5.0", step=1)(worker(1)),
    ),
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
    Case(
        "RoomcastProxyNotTrusted",
        lambda _: offers(20, 0, "429") | counter(UNKNOWN_PROXIES, 20)(control()),
        lambda _: offers(20, 0, "429") | counter(UNKNOWN_PROXIES, 5)(control()),
    ),
    of_control(
        "RoomcastRedisMemory",
        two((f"{REDIS}_bytes", f"{REDIS}_limit_bytes"), 85, 100),
        two((f"{REDIS}_bytes", f"{REDIS}_limit_bytes"), 70, 100),
    ),
    of_control(
        "RoomcastCertificateExpires",
        two((ENDS, BEGINS), 13 * DAY, -77 * DAY),
        two((ENDS, BEGINS), 40 * DAY, -50 * DAY),
    ),
    # the directory of the workers
    Case("RoomcastNoWorkerReady", lambda size: directory(f"{size}x9 0x30"), lambda _: directory("1x40")),
    Case(
        "RoomcastWorkerLost",
        lambda size: directory(f"{size}x9 {size - 1}x30", lost="0x9 1x0 0x30"),
        lambda size: directory(f"{size}x9 {size - 1}x30", "0x9 1x3 0x30"),  # it has drained, and left
        names="w1",
        spared=lambda size: directory(f"{size}x9 {size - 1}x0 {size}x30", lost="0x9 1x0 0x30"),  # it is back
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
        # each time at another address, as a pod that is made anew; three times in 16 minutes
        lambda labels: both(
            *(gauge(RESTARTED, f"_x{6 * life} {life + 1}x5 stale", f', pod="{life}"') for life in range(4))
        )(labels),
        gauge(RESTARTED, "1x9 2x2 3x30"),  # twice
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
    one_of("RoomcastPublishersLosePackets", uplinks(2, 3), uplinks(9, 3), spared=uplinks(0, 2)),
    one_of("RoomcastViewersLosePackets", lines(15, 5), lines(100, 29), spared=lines(4, 4)),
    one_of("RoomcastViewersLoseSound", hearing(20, 5), hearing(100, 9), spared=hearing(10, 4)),
    one_of(
        "RoomcastFirstPictureLate",
        between(PICTURE, "2.5", "5.0", step=2),
        between(PICTURE, "0.25", "0.5"),
        25,
        spared=between(PICTURE, "2.5", "5.0", step=1),  # ten that wait prove nothing
    ),
    Case(
        "RoomcastClientsCannotConnect",
        lambda size: joining(24 * size, 0) | of_workers(connecting(18, 6), range(1, size + 1)),
        lambda size: joining(14 * size, 0) | of_workers(connecting(12, 2), range(1, size + 1)),
        spared=lambda size: joining(4, 0) | of_workers(connecting(0, 4), range(1, size + 1)),
    ),
    one_of("RoomcastWorkerNotReached", connecting(4, 5), connecting(30, 20), spared=connecting(0, 1)),
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
        "RoomcastEventsDropped",
        gauge("roomcast_events_dropped_total", "0x9 5x30"),
        gauge("roomcast_events_dropped_total", "5x40"),
    ),
    one_of(
        "RoomcastSrtpRefused",
        gauge("roomcast_srtp_refused_total", "0x9 1x30"),
        gauge("roomcast_srtp_refused_total", "0x40"),
    ),
    one_of("RoomcastNativeStepLost", gauge(NATIVE, "1x9 0x30"), gauge(NATIVE, "1x40")),
    of_a_host("RoomcastMemoryLow", two(MEMORY, 9, 100), two(MEMORY, 12, 100)),
    of_a_host("RoomcastDiskNearlyFull", two(DISK, 9, 100), two(DISK, 12, 100)),
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
