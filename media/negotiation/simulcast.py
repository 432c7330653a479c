"""Chooses a layer from a simulcast offer (RFC 8853).

An offer does not say how good each layer is, but clients use the same few naming schemes.
"""

from collections.abc import Sequence

# full, half, quarter; high, middle, low: best first
_CUSTOMS = (
    ("f", "h", "q"),
    ("h", "m", "l"),
    ("hi", "mid", "lo"),
    ("high", "mid", "low"),
    ("high", "medium", "low"),
)


def best_layer(rids: Sequence[str]) -> str:
    """The best layer by its name; "" if there are none.

    OBS numbers its layers, best first. If the names say nothing, take the first, which the offerer
    prefers (RFC 8853 5.2).
    """
    if not rids:
        return ""
    for custom in _CUSTOMS:
        if set(rids) <= set(custom):
            return min(rids, key=custom.index)
    if all(rid.isdecimal() for rid in rids):
        return min(rids, key=int)
    return rids[0]
