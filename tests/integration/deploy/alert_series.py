"""Series of clusters of any size, in promtool's notation: a sample a minute."""

from collections.abc import Callable, Iterable

Series = dict[str, str]
Make = Callable[[str], Series]  # of the process with these labels

PUBLISH = 'method="POST", route="/api/whip/publish/{room}"'
REQUESTS = "roomcast_http_request_seconds"


def worker(number: int) -> str:
    address = f"10.0.{number // 250}.{number % 250 + 1}:9100"
    return f'job="roomcast-worker", instance="{address}", worker="w{number}"'


def control(number: int = 1) -> str:
    return f'job="roomcast-control", instance="10.1.0.{number}:8081"'


def of_workers(make: Make, numbers: Iterable[int]) -> Series:
    series: Series = {}
    for number in numbers:
        series |= make(worker(number))
    return series


def gauge(name: str, values: str, more: str = "") -> Make:
    return lambda labels: {f"{name}{{{labels}{more}}}": values}


def counter(name: str, step: float, more: str = "") -> Make:
    return gauge(name, f"0+{step}x40", more)


def both(*makers: Make) -> Make:
    return lambda labels: {name: values for make in makers for name, values in make(labels).items()}


def between(name: str, under: str, over: str, more: str = "", step: int = 60) -> Make:
    """A histogram all of whose values lie between two bounds, `step` of them a minute."""
    bucket, counts = f"{name}_bucket", f"0+{step}x40"
    return both(
        gauge(bucket, "0x40", f'{more}, le="{under}"'),
        gauge(bucket, counts, f'{more}, le="{over}"'),
        gauge(bucket, counts, f'{more}, le="+Inf"'),
        gauge(f"{name}_count", counts, more),
    )


def connecting(connected: float, failed: float) -> Make:
    """Clients of a worker within five minutes."""
    name = "roomcast_connecting_clients"
    return both(
        gauge(name, f"{connected}x40", ', role="play", outcome="connected"'),
        gauge(name, f"{failed}x40", ', role="play", outcome="failed"'),
    )


def joining(answered: float, refused: float) -> Series:
    """Clients of a cluster within five minutes."""
    name = "roomcast_joining_clients"
    return both(
        gauge(name, f"{answered}x40", ', role="play", outcome="answered"'),
        gauge(name, f"{refused}x40", ', role="play", outcome="refused"'),
    )(control())


def lines(viewers: int, losing: int) -> Make:
    """What viewers say of their lines: one value a second of each."""
    name = "roomcast_viewer_loss_ratio"
    return both(
        counter(f"{name}_bucket", 60 * (viewers - losing), ', le="0.05"'),
        counter(f"{name}_bucket", 60 * viewers, ', le="0.1"'),
        counter(f"{name}_bucket", 60 * viewers, ', le="+Inf"'),
        counter(f"{name}_count", 60 * viewers),
    )


def hearing(viewers: int, losing: int) -> Make:
    """Viewers of a worker, of whom some lose sound."""
    return both(
        gauge("roomcast_sessions", f"{viewers}x40", ', role="play", state="connected"'),
        gauge("roomcast_viewers_losing_sound", f"{losing}x40"),
    )


def uplinks(good: int, bad: int) -> Make:
    """Publishers of a worker by what their lines lose."""
    name = "roomcast_room_publisher_loss_ratio"
    return both(
        *(gauge(name, "0.001x40", f', room="good{number}"') for number in range(good)),
        *(gauge(name, "0.3x40", f', room="bad{number}"') for number in range(bad)),
    )


def lost(before: int, sessions: int, worker_has_left: int) -> Make:
    """A worker with `before` sessions, of which some are lost every two minutes, and others leave."""
    left = before - sessions - worker_has_left
    return both(
        gauge("roomcast_sessions", f"{before}x19 {left}x20", ', role="play", state="connected"'),
        gauge(
            "roomcast_sessions_ended_total",
            " ".join(f"{lost}x1" for lost in range(0, 15 * sessions, sessions)),
            ', role="play", reason="consent_expired"',
        ),
    )


def interrupted(sessions: float, seconds_a_minute: float) -> Make:
    return both(
        gauge("roomcast_sessions", f"{sessions}x80", ', role="play", state="connected"'),
        gauge("roomcast_interrupted_seconds_total", f"0+{seconds_a_minute}x80", ', role="play"'),
    )


def over(tcp: int, udp: int) -> Make:
    name = "roomcast_transport_sessions"
    return both(gauge(name, f"{tcp}x40", ', transport="tcp"'), gauge(name, f"{udp}x40", ', transport="udp"'))


def answers(name: str, bad: float, good: float, outcome: str) -> Make:
    """RPC in a minute."""
    return both(
        counter(f"{name}_count", bad, f', op="Play", outcome="{outcome}"'),
        counter(f"{name}_count", good, ', op="Play", outcome="ok"'),
    )


def offers(refused: float, taken: float, status: str = "503") -> Series:
    """Of a cluster, in a minute."""
    name = f"{REQUESTS}_count"
    return both(
        counter(name, refused, f', {PUBLISH}, status="{status}"'),
        counter(name, taken, f', {PUBLISH}, status="201"'),
    )(control())


def directory(ready: str, draining: str = "0x40", lost: str = "0x40") -> Series:
    name = "roomcast_workers"
    return both(
        gauge(name, ready, ', state="ready"'),
        gauge(name, draining, ', state="draining"'),
        gauge("roomcast_workers_lost", lost),
        gauge("roomcast_worker_lost", lost, ', worker="w1"'),
    )(control())


def accepting(size: int, accept: int) -> Series:
    """A cluster of which so many workers accept viewers."""
    name, play = "roomcast_accepts", ', role="play"'
    return of_workers(gauge(name, "1x40", play), range(1, accept + 1)) | of_workers(
        gauge(name, "0x40", play), range(accept + 1, size + 1)
    )


def scraped(size: int, seen: int) -> Series:
    """A cluster of `size` workers of which Prometheus knows `seen`."""
    return directory(f"{size}x40") | of_workers(gauge("up", "1x40"), range(1, seen + 1))


def address(state: str) -> Make:
    """Of a worker; the one of IPv6 is never known."""
    name = "roomcast_public_address"
    return both(
        *(
            gauge(name, f"{int(one == known)}x40", f', family="{family}", state="{one}"')
            for family, known in (("ipv4", state), ("ipv6", "unknown"))
            for one in ("found", "unknown", "symmetric")
        )
    )


def version(number: str) -> Make:
    return gauge("roomcast_build_info", "1x150", f', version="{number}", python="3.13.1"')


def federated(numbers: Iterable[int], values: str) -> Series:
    """What a federating Prometheus sees of the ones of these clusters."""
    return {
        f'up{{job="roomcast-federate", instance="prometheus-{number}:9090"}}': values for number in numbers
    }
