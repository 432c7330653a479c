"""Layers to which their publisher leaves a few pictures only: a lower one is the better picture then.

A browser whose uplink has become narrow does not end its best layer: it goes on with the least bit rate that
the layer may have, in two to five pictures a second where the next layer has fifteen.
"""

from collections.abc import Sequence

from media.tracks.sent_track import SentTrack

STARVED = 0.5  # of the pictures of a lower layer
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
        """Set `starves` of the layers that come, best first, by the pictures since the last look.

        One that starves and stops has to come well for a while before it counts again.
        """
        self._rounds = {layer: self._rounds.get(layer, 0) for layer in layers}
        most = 0
        for layer in reversed(layers):
            if layer in self._seen:
                pictures = len(
                    {at for run in layer.history.since(self._seen[layer]) for at in run.timestamps()}
                )
                if max(most, pictures) >= _LEAST_PICTURES:
                    self._judge(layer, pictures, most)
                if not layer.starves:
                    most = max(most, pictures)
        for lowest in layers[-1:]:
            lowest.starves = False
        self._seen = {layer: layer.history.next_index for layer in layers}

    def _judge(self, layer: SentTrack, pictures: int, most: int) -> None:
        """`most` is how many there were of a lower layer."""
        differs = pictures >= WELL * most if layer.starves else pictures < STARVED * most
        self._rounds[layer] = self._rounds[layer] + 1 if differs else 0
        stands = not pictures and not layer.starves
        if stands or self._rounds[layer] >= (ROUNDS_UP if layer.starves else ROUNDS_DOWN):
            layer.starves, self._rounds[layer] = not layer.starves, 0
