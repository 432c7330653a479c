"""The layers of a picture that one receiver gets beside each other: an edge, whose viewers watch several."""

from collections.abc import Callable, Collection

from media.rtp.run import Run
from media.switch.feed import Feed
from media.switch.switch import PacketSwitch
from media.switch.viewer import Place, Viewer
from media.tracks.sent_track import FRESH_SECONDS


class LayerSet:
    """Which of the tracks `layers` one viewer gets. `now` is in seconds of a steady clock.

    Each has an SSRC of its own on the viewer's wire. A layer that comes on begins with a keyframe, for which
    `want_keyframe` asks, and its numbers go on without a gap, however long it was off.
    """

    def __init__(
        self,
        switch: PacketSwitch,
        feed: Feed,
        viewer: Viewer,
        layers: Collection[int],
        want_keyframe: Callable[[int, float], None],
    ) -> None:
        self._switch = switch
        self._feed = feed
        self._viewer = viewer
        self._layers = layers
        self._want_keyframe = want_keyframe
        self._coming: set[int] = set()  # they wait for their keyframes

    def get(self, wanted: Collection[int], now: float) -> None:
        """Get the `wanted` layers, and no others. Call it several times a second: it asks again."""
        for layer in self._layers:
            is_on = self._viewer.wires[layer] is not None
            if layer not in wanted:
                self._forget(layer)
                if is_on:
                    self._change(leaves=layer, takes=None, now=now)
            elif not is_on:
                self._come(layer, now)

    def _come(self, layer: int, now: float) -> None:
        sent = self._feed.sent[layer]
        if layer not in self._coming:
            self._coming.add(layer)
            if (fresh := sent.keyframe_since(now - FRESH_SECONDS, now)) is not None:
                self._begin(fresh, now)
                return
            sent.await_keyframe(self, self._keyframe)
        self._want_keyframe(layer, now)

    def end(self) -> None:
        """The viewer has left."""
        for layer in self._layers:
            self._forget(layer)

    def _forget(self, layer: int) -> None:
        if layer in self._coming:
            self._coming.remove(layer)
            self._feed.sent[layer].forget(self)

    def _keyframe(self, packet: Run, _now: float) -> None:
        """A keyframe begins. When the burst that brought it is sent, the layer begins with it."""
        self._feed.after_burst[self, packet.track] = lambda now: self._begin(packet, now)

    def _begin(self, packet: Run, now: float) -> None:
        if packet.track not in self._coming:  # it is not wanted any more, or the viewer has left
            return
        self._coming.remove(packet.track)
        self._change(leaves=None, takes=Place(packet.track, packet.first, 0), now=now)

    def _change(self, *, leaves: int | None, takes: Place | None, now: float) -> None:
        self._switch.change(self._feed, self._viewer, leaves=leaves, takes=takes, behind=None, now=now)
