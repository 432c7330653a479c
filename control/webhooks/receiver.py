"""A receiver of webhooks, from its URL."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Receiver:
    """`group` is its name in Redis. `label` is for logs and metrics: a path may be a secret."""

    url: str
    group: str
    label: str


def receivers_of(urls: Sequence[str]) -> list[Receiver]:
    """Receivers of one host get numbers, in the order of the URLs."""
    seen: Counter[str] = Counter()
    receivers = []
    for url in urls:
        host = urlsplit(url).hostname or ""
        seen[host] += 1
        label = host if seen[host] == 1 else f"{host}#{seen[host]}"
        receivers.append(Receiver(url, hashlib.sha256(url.encode()).hexdigest()[:16], label))
    return receivers
