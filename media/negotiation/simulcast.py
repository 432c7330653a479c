"""Of the layers that a simulcast offer names (RFC 8853) the one to take.

An offer does not tell how good each of them is, but clients name them alike.
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
    """The best layer by its name; "" without any.

    OBS numbers its layers from the best on. Of names that tell nothing it is the first: the one that the
    offerer prefers (RFC 8853 5.2).
    """
    if not rids:
        return ""
    for custom in _CUSTOMS:
        if set(rids) <= set(custom):
            return min(rids, key=custom.index)
    if all(rid.isdecimal() for rid in rids):
        return min(rids, key=int)
    return rids[0]
