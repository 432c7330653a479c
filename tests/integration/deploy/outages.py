"""What a Prometheus sees of outages, and of noise, in time: a sample each 30 s.

What goes wrong does so at minute 6. `size` is how many workers the cluster has. An outage fires within three
minutes; the noise wakes nobody.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tests.integration.deploy.alert_series import REQUESTS, Series, both, control, gauge, of_workers, worker

STEP = 30  # seconds
BEGINS = 12  # samples before it goes wrong
PLAY = 'method="POST", route="/api/whep/play/{room}"'


def values(count: int, value: Callable[[int], float]) -> str:
    return " ".join(f"{value(n):g}" for n in range(count))


def line(before: float, after: float, count: int) -> str:
    """A counter that grows by so much a step before it goes wrong, and after."""
    return values(count, lambda n: min(n, BEGINS) * before + max(0, n - BEGINS) * after)


def clients(
    name: str, good: str, bad: str, a_step: float, share: float, count: int, role: str = "play"
) -> Series:
    """The gauge of five minutes, of a process that `a_step` new clients try; from then on a share fails."""
    keep = 10  # steps in five minutes

    def failing(n: int) -> float:
        return share * a_step * min(keep, max(0, n - BEGINS))

    return {
        f'{name}, role="{role}", outcome="{good}"}}': values(count, lambda n: a_step * keep - failing(n)),
        f'{name}, role="{role}", outcome="{bad}"}}': values(count, failing),
    }


def of(process: str, name: str) -> str:
    return f"{name}{{{process}"


def offers(
    status: str, share: float, *, a_step: float = 150, count: int = 60, number: int = 1, role: str = "play"
) -> Series:
    """One control process: offers of many clients; then so many are answered with `status`."""
    name, route = f"{REQUESTS}_count", PLAY if role == "play" else PLAY.replace("whep/play", "whip/publish")
    series = both(
        gauge(name, line(a_step, (1 - share) * a_step, count), f', {route}, status="201"'),
        gauge(name, line(0, share * a_step, count), f', {route}, status="{status}"'),
    )(control(number))
    clients_ = of(control(number), "roomcast_joining_clients")
    return series | clients(clients_, "answered", "refused", a_step / 5, share, count, role)


def scanner(a_step: float, count: int = 60) -> Series:
    """A stranger with wrong tokens and nobody else, by two control processes."""
    series: Series = {}
    for number in (1, 2):
        series |= both(
            gauge(f"{REQUESTS}_count", line(0, a_step, count), f', {PLAY}, status="401"'),
            gauge("roomcast_joining_clients", f"0x{BEGINS} 1x{count}", ', role="play", outcome="refused"'),
            gauge("roomcast_joining_clients", f"0x{count + BEGINS}", ', role="play", outcome="answered"'),
        )(control(number))
    return series


def viewers(connected: str, expired: str) -> Callable[[str], Series]:
    return both(
        gauge("roomcast_sessions", connected, ', role="play", state="connected"'),
        gauge("roomcast_sessions_ended_total", expired, ', role="play", reason="consent_expired"'),
    )


def cut(of_each: float, cut_off: float) -> Callable[[str], Series]:
    """A worker whose viewers are not heard any more; 30 s later their consent has expired."""
    left = of_each - cut_off
    return viewers(f"{of_each}x{BEGINS + 1} {left}x60", f"7x{BEGINS + 1} {7 + cut_off}x60")


def directory(ready: str, lost: str = "0x200", draining: str = "0x200") -> Series:
    return both(
        gauge("roomcast_workers", ready, ', state="ready"'),
        gauge("roomcast_workers", draining, ', state="draining"'),
        gauge("roomcast_workers_lost", lost),
        gauge("roomcast_worker_lost", lost, ', worker="w1"'),
    )(control())


def starts(*at: int) -> Callable[[str], Series]:
    """A worker that is started again at these steps after the beginning; each time it is away for one."""

    def value(n: int) -> str:
        born = max((step for step in (0, *at) if step <= n), default=0)
        return "_" if n in at else f"{1000 + born * STEP}"

    return gauge("process_start_time_seconds", " ".join(value(n) for n in range(120)))


def connects(a_step: float, share: float) -> Callable[[str], Series]:
    return lambda process: clients(
        of(process, "roomcast_connecting_clients"), "connected", "failed", a_step, share, 60
    )


def tried(failed: float, connected: float = 0) -> Callable[[str], Series]:
    """Clients that are there all the time."""
    return both(
        gauge("roomcast_connecting_clients", f"{failed}x120", ', role="play", outcome="failed"'),
        gauge("roomcast_connecting_clients", f"{connected}x120", ', role="play", outcome="connected"'),
    )


def none_connects(clients_: float, role: str = "play") -> Series:
    """The viewers or publishers of one room, all at its worker."""
    return both(
        gauge(
            "roomcast_connecting_clients", f"0x{BEGINS} {clients_}x60", f', role="{role}", outcome="failed"'
        ),
        gauge("roomcast_connecting_clients", "0x120", f', role="{role}", outcome="connected"'),
    )(worker(1))


def answered(clients_: float, *, number: int = 1, role: str = "play") -> Series:
    return both(
        gauge("roomcast_joining_clients", f"{clients_}x120", f', role="{role}", outcome="answered"'),
        gauge("roomcast_joining_clients", "0x120", f', role="{role}", outcome="refused"'),
    )(control(number))


def every(size: int) -> range:
    return range(1, size + 1)


@dataclass(frozen=True)
class Outage:
    """`alerts` fire within three minutes, counted from `BEGINS`, or from `later` steps after it."""

    name: str
    alerts: tuple[str, ...]
    series: Callable[[int], Series]
    later: int = 0


OUTAGES = [
    Outage(
        "every offer gets 401: a wrong secret",
        ("RoomcastJoinsFail", "RoomcastNobodyGetsIn"),
        lambda _: offers("401", 1),
    ),
    Outage(
        "the same for a site where two clients come in a minute",
        ("RoomcastJoinsFail",),
        lambda _: offers("401", 1, a_step=10),
    ),
    Outage(
        "one of three control processes has the wrong secret",
        ("RoomcastJoinsFail",),
        lambda _: offers("401", 1) | offers("401", 0, number=2) | offers("401", 0, number=3),
    ),
    Outage(
        "every offer gets 429: TRUSTED_PROXIES lacks the proxy",
        ("RoomcastJoinsFail", "RoomcastNobodyGetsIn", "RoomcastProxyNotTrusted"),
        lambda _: (
            offers("429", 1) | gauge("roomcast_offers_of_unknown_proxies_total", line(0, 150, 60))(control())
        ),
    ),
    Outage(
        "the same where the balancer has a public address: nobody can count its clients",
        ("RoomcastNobodyGetsIn", "RoomcastProxyNotTrusted"),
        lambda _: (
            scanner(150) | gauge("roomcast_offers_of_unknown_proxies_total", line(0, 300, 60))(control())
        ),
    ),
    Outage(
        "AUTH_URL does not answer",
        ("RoomcastJoinsFail", "RoomcastOffersRefused"),
        lambda _: offers("503", 1),
    ),
    Outage(
        "MAX_ROOMS is reached: publishers are refused, viewers are not",
        ("RoomcastJoinsFail", "RoomcastOffersRefused"),
        lambda _: offers("503", 1, role="publish", a_step=30) | offers("503", 0),
    ),
    Outage(
        "no UDP comes in: new clients do not connect",
        ("RoomcastJoinsFail", "RoomcastClientsCannotConnect"),
        # who fails tries a second worker, if there is one
        lambda size: offers("401", 0) | of_workers(connects(min(30, 60 / size), 1), every(size)),
    ),
    Outage(
        "no UDP comes in, and each of two control processes knows four of eight clients",
        ("RoomcastJoinsFail", "RoomcastClientsCannotConnect"),
        lambda _: answered(4) | answered(4, number=2) | none_connects(8),
    ),
    Outage(
        "no UDP comes in, where four want to watch and four to publish",
        ("RoomcastClientsCannotConnect",),
        lambda _: (
            answered(4) | answered(4, role="publish") | none_connects(4) | none_connects(4, role="publish")
        ),
    ),
    Outage(
        "all UDP is cut, and 1,000 viewers are lost",
        ("RoomcastSessionsLost",),
        lambda size: of_workers(cut(1000 / size, 1000 / size), every(size)),
    ),
    Outage(
        "one of two uplinks is cut",
        ("RoomcastSessionsLost",),
        lambda size: of_workers(cut(1000 / size, 500 / size), every(size)),
    ),
    Outage(
        "all UDP of one worker is cut",
        ("RoomcastWorkerLosesSessions",),
        lambda size: cut(50, 50)(worker(1)) | of_workers(cut(50, 0), range(2, size + 1)),
    ),
    Outage(
        "the line of all is away for ten seconds in each minute",
        ("RoomcastInterruptions",),
        lambda size: of_workers(
            both(
                gauge("roomcast_sessions", f"{1000 / size}x60", ', role="play", state="connected"'),
                gauge("roomcast_interrupted_seconds_total", line(0, 5000 / size, 60), ', role="play"'),
            ),
            every(size),
        ),
    ),
    Outage(
        "a worker crashes three times in 16 minutes",
        ("RoomcastWorkerRestarts",),
        lambda size: (
            starts(BEGINS, BEGINS + 16, BEGINS + 32)(worker(1)) | of_workers(starts(), range(2, size + 1))
        ),
        later=32,
    ),
    Outage(
        "a worker dies, and does not come back",
        ("RoomcastWorkerLost",),
        lambda size: directory(f"{size}x{BEGINS} {size - 1}x100", f"0x{BEGINS} 1x1 0x100"),
    ),
    Outage(
        "viewers connect and see nothing",
        ("RoomcastPicturesLate",),
        lambda size: of_workers(
            both(
                gauge("roomcast_first_picture_seconds_count", line(30, 0, 60)),
                gauge("roomcast_first_picture_seconds_bucket", line(30, 0, 60), ', le="2.5"'),
                gauge("roomcast_viewers_without_picture", values(60, lambda n: 160 * max(0, n - BEGINS))),
            ),
            every(size),
        ),
    ),
]


@dataclass(frozen=True)
class Noise:
    """Nothing fires, but what is in `told`: for the day, and not for the night."""

    name: str
    series: Callable[[int], Series]
    told: tuple[str, ...] = ()


NOISE = [
    Noise(
        "one bad uplink on a quiet worker",
        lambda size: both(
            gauge("roomcast_room_publisher_loss_ratio", "0.3x120", ', room="demo"'),
            gauge("roomcast_publisher_nacks_total", "0+900x120"),
            gauge("roomcast_ingress_packets_total", "0+3000x120"),
        )(worker(size)),
    ),
    Noise(
        "one viewer on a bad line on a quiet worker",
        lambda size: both(
            gauge("roomcast_viewer_loss_ratio_count", "0+30x120"),
            gauge("roomcast_viewer_loss_ratio_bucket", "0x120", ', le="0.05"'),
            gauge("roomcast_viewer_loss_ratio_bucket", "0+30x120", ', le="+Inf"'),
            gauge("roomcast_viewer_nacks_total", "0+900x120"),
            gauge("roomcast_egress_packets_total", "0+3000x120"),
            viewers("1x120", "0x120"),
        )(worker(size)),
    ),
    Noise(
        "a worker is taken away by the autoscaler",
        lambda size: directory(f"{size + 1}x{BEGINS} {size}x120", draining=f"0x{BEGINS - 1} 1x2 0x120"),
    ),
    Noise(
        "a rolling upgrade",
        lambda size: (
            of_workers(starts(BEGINS), every(size)) | directory(f"{size}x{BEGINS} {size - 1}x0 {size}x120")
        ),
    ),
    Noise(
        "Redis was away for some seconds, and nobody was heard meanwhile",
        lambda size: directory(f"{size}x120", f"0x{BEGINS} {size}x0 0x120"),
    ),
    Noise(
        "a stranger with wrong tokens, and nobody else",
        lambda _: scanner(300),
        told=("RoomcastNobodyGetsIn",),
    ),
    Noise(
        "a stranger with wrong tokens, while others join",
        lambda _: scanner(300) | offers("401", 0, number=3),
    ),
    # of each worker that it tries it is one client
    Noise(
        "one client that cannot connect tries all day on a quiet site",
        lambda size: of_workers(tried(1), every(size)) | answered(1),
    ),
    Noise(
        "one client that cannot connect tries all day, while ten others join",
        lambda size: of_workers(tried(1, 10 / size), every(size)) | answered(11),
    ),
    Noise(
        "one client that cannot connect tries all day at eight control processes",
        lambda size: (
            of_workers(tried(1), every(size))
            | {name: value for number in range(1, 9) for name, value in answered(1, number=number).items()}
        ),
    ),
    Noise(
        "four clients that cannot connect try all day on a quiet site",
        lambda size: of_workers(tried(4), every(size)) | answered(4),
    ),
    Noise(
        "three joins an hour, and one of them fails",
        lambda _: both(
            gauge(
                "roomcast_joining_clients",
                "0x12 1x10 0x12 0x10 0x12 1x10 0x60",
                ', role="play", outcome="answered"',
            ),
            gauge(
                "roomcast_joining_clients",
                "0x12 0x10 0x12 1x10 0x12 0x10 0x60",
                ', role="play", outcome="refused"',
            ),
            gauge(f"{REQUESTS}_count", "0x12 1x120", f', {PLAY}, status="201"'),
            gauge(f"{REQUESTS}_count", "0x34 4x120", f', {PLAY}, status="503"'),
        )(control()),
    ),
    Noise(
        "one client of two on a train",
        lambda size: both(
            gauge("roomcast_sessions", "2x120", ', role="play", state="connected"'),
            gauge("roomcast_interrupted_seconds_total", "0+15x120", ', role="play"'),
        )(worker(size)),
    ),
    Noise(
        "after the match six of ten viewers leave within three minutes, a third of them without a word",
        lambda size: of_workers(
            viewers(
                values(120, lambda n: (1000 - 100 * min(6, max(0, n - BEGINS))) / size),
                values(120, lambda n: 33 * min(6, max(0, n - BEGINS)) / size),
            ),
            every(size),
        ),
    ),
    Noise(
        "all eight viewers of a small site close their laptops",
        lambda size: cut(8, 8)(worker(size)),
    ),
    Noise(
        "a room where the publisher sends a keyframe each ten seconds, and few viewers come",
        lambda size: both(
            gauge("roomcast_first_picture_seconds_count", "0+0.5x120"),
            gauge("roomcast_first_picture_seconds_bucket", "0x120", ', le="2.5"'),
            gauge("roomcast_viewers_without_picture", "1x120"),
        )(worker(size)),
    ),
]
