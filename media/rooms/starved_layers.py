"""Layers to which their publisher leaves a few pictures only: a lower one is the better picture then.

A browser whose uplink has become narrow does not end its best layer: it goes on with the least bit rate that
the layer may have, in two to five pictures a second where the next layer has fifteen.
"""

from collections.abc import Sequence

from media.tracks.sent_track import SentTrack

STARVED = 0.4  # of the pictures of a lower layer
WELL = 0.75
ROUNDS_DOWN = 2  # measurements in a row; some seconds have a picture more or less
ROUNDS_UP = 3
_LEAST_PICTURES = 4  # a screen at which nothing moves has no pace


class StarvedLayers:
    """Says of each layer of one picture whether it starves. It looks at them about once a second."""

    def __init__(self) -> None:
        self._seen: dict[SentTrack, int] = {}  # up to which index
        self._rounds: dict[SentTrack, int] = {}  # in a row in which the layer was not what it is said to be

    def look(self, layers: Sequence[SentTrack]) -> None:
        """Set `starves` of the layers that come, best first, by the pictures since the last look."""
        for layer in self._seen.keys() - layers[:-1]:  # it has stopped, or is the lowest now
            layer.starves = False
        self._rounds = {layer: self._rounds.get(layer, 0) for layer in layers}
        most = 0
        for layer in reversed(layers):
            pictures = self._pictures(layer)
            if max(most, pictures) >= _LEAST_PICTURES:
                self._judge(layer, pictures, most)
            if not layer.starves:
                most = max(most, pictures)
        self._seen = {layer: layer.history.next_index for layer in layers}

    def _pictures(self, layer: SentTrack) -> int:
        """How many came since the last look."""
        newest = layer.history.next_index
        return len({packet.timestamp for packet in layer.history.since(self._seen.get(layer, newest))})

    def _judge(self, layer: SentTrack, pictures: int, most: int) -> None:
        """`most` is how many there were of a lower layer."""
        differs = pictures >= WELL * most if layer.starves else pictures < STARVED * most
        self._rounds[layer] = self._rounds[layer] + 1 if differs else 0
        if self._rounds[layer] >= (ROUNDS_UP if layer.starves else ROUNDS_DOWN):
            layer.starves, self._rounds[layer] = not layer.starves, 0
