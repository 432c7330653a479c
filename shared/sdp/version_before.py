"""Offers and fragments as control processes of bd7d3b1 hand them to a worker: as text.

The next version drops this file, together with `shared/messages/version_before.py`.
"""

import re

from shared.sdp.encoding import decode_fragment, decode_offer
from shared.sdp.fragment import Fragment, parse_fragment
from shared.sdp.offer import Offer, parse_offer

_TEXT = re.compile(rb"[a-z]=")  # no msgpack map begins so


def read_offer(data: bytes) -> Offer:
    """Raises what `decode_offer` raises, or, for text, what `parse_offer` raises."""
    return parse_offer(_text(data)) if _TEXT.match(data) else decode_offer(data)


def read_fragment(data: bytes) -> Fragment:
    """Raises what `decode_fragment` raises, or, for text, what `parse_fragment` raises."""
    return parse_fragment(_text(data)) if _TEXT.match(data) else decode_fragment(data)


def _text(data: bytes) -> str:
    return data.decode(errors="replace")
