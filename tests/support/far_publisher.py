"""The far end of a publisher's session."""

from collections.abc import Sequence

from media.negotiation.agreed_tracks import PublishedTrack
from media.rtp.srtp import Profile
from tests.support.far_end import far_sender, new_keys, rtp
from tests.support.published import TICKS

SOURCES = (0x51, 0x52)  # SSRCs of its tracks


class FarPublisher:
    """Sends SRTP by libsrtp under keys of its own, and keeps the RTCP that it gets in `told`.

    Its SSRCs, sequence numbers and timestamps are its own, too. `sequences` are those of the latest packet of
    each track. A publisher whose RTX is tested names the SSRC itself: see `protect`.
    """

    def __init__(
        self,
        published: Sequence[PublishedTrack],
        *,
        first: int = 1,
        ssrcs: Sequence[int] = SOURCES,
        profile: Profile = Profile.AEAD_AES_128_GCM,
    ) -> None:
        self.keys = new_keys(profile)
        self.ssrcs = list(ssrcs)
        self.sequences = [first - 1] * len(published)
        self.told: list[bytes] = []
        self._types = [track.codec.payload_type for track in published]
        self._srtp = far_sender(self.keys)

    def packet(
        self,
        track: int,
        payload: bytes = b"media",
        *,
        sequence: int | None = None,
        timestamp: int | None = None,
        marker: bool = False,
        extension: tuple[int, bytes] | None = None,
    ) -> bytes:
        """The next packet of a track, protected; or the one of that `sequence`."""
        if sequence is None:
            sequence = self.sequences[track] + 1
        self.sequences[track] = max(sequence, self.sequences[track])
        plain = rtp(
            sequence,
            payload,
            payload_type=self._types[track],
            timestamp=TICKS[track] * sequence if timestamp is None else timestamp,
            ssrc=self.ssrcs[track],
            marker=marker,
            extension=extension,
        )
        return self.protect(plain, sequence)

    def protect(self, plain: bytes, _index: int = 0) -> bytes:
        """Any RTP packet under its keys."""
        return self._srtp.protect(plain)

    def protect_rtcp(self, compound: bytes) -> bytes:
        return self._srtp.protect_rtcp(compound)

    def receive(self, compound: bytes, now: float) -> None:
        """Take RTCP, which nobody encrypted on the way."""
        self.told.append(compound)
