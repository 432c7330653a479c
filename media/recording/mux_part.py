"""One file with all tracks, written by FFmpeg's muxers through PyAV, without transcoding."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import av
from av.container import OutputContainer

from media.payload.picture import Setup
from media.recording.display_order import DisplayOrder, Shown
from media.recording.frame import Frame
from media.recording.ogg_opus import MAX_GAP_SAMPLES, packet_samples, silence
from media.recording.part_file import PartFile
from shared.sdp.codec import Codec

# FFmpeg's names for video.
_VIDEO = {"VP8": "vp8", "VP9": "vp9", "AV1": "av1", "H264": "h264", "H265": "hevc"}
_OPUS = {"opus", "multiopus"}
# FFmpeg's names for the channels of Opus, by their number. Its header says the streams as multiopus does.
_LAYOUTS = {2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
# FFmpeg's decoder and sample rate for sound that its containers do not hold: it becomes plain PCM.
_TELEPHONE = {"PCMU": ("pcm_mulaw", 8_000), "PCMA": ("pcm_alaw", 8_000), "G722": ("g722", 16_000)}
# Both write a second of media at a time; a track that stalls does not hold back the others for long.
_COMMON = {"flush_packets": "1", "max_interleave_delta": "500000"}
# The header comes first, so that a crash leaves a file. A file that ends well gets a table of all its frames,
# without which a browser asks for each fragment by itself before it plays. `frag_discont` keeps the time of a
# track's first frame in the fragments, and the edit list in the table.
_MOVFLAGS = "empty_moov+default_base_moof+hybrid_fragmented+frag_discont+negative_cts_offsets"
_OPTIONS = {
    "webm": _COMMON | {"cluster_time_limit": "1000"},
    "mkv": _COMMON | {"cluster_time_limit": "1000"},
    "mp4": _COMMON | {"movflags": _MOVFLAGS, "frag_duration": "1000000", "use_editlist": "1"},
}
_FORMATS = {"webm": "webm", "mkv": "matroska", "mp4": "mp4"}


def suffix_for(codecs: Mapping[int, Codec]) -> str:
    """The container that holds tracks of these codecs and that most players open."""
    names = {codec.name for codec in codecs.values()}
    if names <= {"VP8", "VP9", "AV1"} | _OPUS:
        return "webm"
    return "mp4" if names <= {"H264", "H265"} | _OPUS else "mkv"


def holds_change(codec: Codec) -> bool:
    """Whether the parameters of `codec` may change within a file: yes, if they are not in its header."""
    return codec.name in ("VP8", "VP9")


class MuxPart:
    """Tracks by number; `setups` describes video. Raises `OSError`, also for what FFmpeg refuses."""

    def __init__(self, file: PartFile, codecs: Mapping[int, Codec], setups: Mapping[int, Setup]) -> None:
        suffix = suffix_for(codecs)
        self.file = file
        self.setups = dict(setups)
        self._container: OutputContainer = av.open(
            file, "w", format=_FORMATS[suffix], options=_OPTIONS[suffix]
        )
        self._streams: dict[int, Any] = {}
        self._expanders: dict[int, Any] = {}
        self._bases: dict[int, Fraction] = {}
        self._opus = {number for number, codec in codecs.items() if codec.name in _OPUS}
        self._filled = {number for number, codec in codecs.items() if codec.name == "opus"}
        self._heard_until: dict[int, int] = {}  # where the sound of these ends
        self._orders: dict[int, DisplayOrder] = {number: DisplayOrder() for number in setups}
        self._latest: dict[int, int] = {}  # time of decoding
        self._taken = 0  # bytes of frames
        self._has_table = suffix == "mp4"
        self.tabled = 0  # frames whose places FFmpeg keeps in memory until the file ends: 74 bytes each
        for number, codec in codecs.items():
            self._bases[number] = Fraction(1, codec.clock_rate)
            self._streams[number] = self._add(number, codec, setups.get(number))

    def _add(self, number: int, codec: Codec, setup: Setup | None) -> Any:
        if setup is not None:
            return self._container.add_mux_stream(_VIDEO[codec.name], width=setup.width, height=setup.height)
        if codec.name in _OPUS:
            layout = _LAYOUTS[codec.channels]
            return self._container.add_stream("libopus", rate=48_000, layout=layout)  # it never encodes
        name, rate = _TELEPHONE[codec.name]
        expander: Any = av.CodecContext.create(name, "r")
        expander.sample_rate, expander.layout = rate, "mono"
        self._expanders[number] = expander
        audio: Any = self._container.add_stream("pcm_s16le", rate=rate)
        audio.layout = "mono"
        return audio

    def has(self, number: int) -> bool:
        return number in self._streams

    def write(self, number: int, seconds: float, frame: Frame) -> None:
        """Add a frame of a track, `seconds` after the start of the part; earlier ones are left out."""
        if seconds < 0:
            return
        order = self._orders.get(number)
        if order is None:
            self._fill(number, seconds, frame)
            self._mux(number, Shown(seconds, seconds, frame))
            return
        for shown in order.push(seconds, frame):
            self._mux(number, shown)

    def _fill(self, number: int, seconds: float, frame: Frame) -> None:
        """Write silence up to a packet of sound: Chromium plays sound on over a hole, before its picture."""
        if number not in self._filled:
            return
        rate = self._bases[number].denominator
        begins = round(seconds * rate)
        at = self._heard_until.get(number, begins)
        if 0 < begins - at <= MAX_GAP_SAMPLES:
            for data, samples in silence(frame.data, begins - at):
                filler = Frame(frame.timestamp, data)
                self._mux(number, Shown(at / rate, at / rate, filler))
                at += samples
        self._heard_until[number] = begins + packet_samples(frame.data)

    def _mux(self, number: int, shown: Shown) -> None:
        base = self._bases[number]
        rate = base.denominator  # a float divided by a fraction takes ten times as long
        decoded = round(shown.decoded * rate)
        pace = 0
        if number in self._latest:
            decoded = max(decoded, self._latest[number] + 1)
            pace = decoded - self._latest[number]
        self._latest[number] = decoded
        data = self._expanded(number, shown.frame.data)
        self._taken += len(data)
        self.tabled += self._has_table
        packet = av.Packet(data)
        packet.stream = self._streams[number]
        packet.time_base = base
        packet.dts, packet.pts = decoded, max(decoded, round(shown.shown * rate))
        if number in self._opus:  # FFmpeg would take each packet for one of 20 ms
            packet.duration = packet_samples(data)
        elif self._has_table:  # the end of the last picture, which is also that of the edit list
            packet.duration = min(pace or rate // 30, rate)
        packet.is_keyframe = shown.frame.keyframe or number not in self.setups
        try:
            self._container.mux_one(packet)
        except av.error.FFmpegError as error:
            raise OSError(error.errno, error.strerror) from error
        self.file.commit()

    @property
    def held(self) -> int:
        """Bytes that FFmpeg has taken and not written yet: until a second has passed by the timestamps."""
        return self._taken - self.file.size

    def _expanded(self, number: int, data: bytes) -> bytes:
        expander = self._expanders.get(number)
        if expander is None:
            return data
        parts = expander.decode(av.Packet(data))
        return b"".join([bytes(part.planes[0])[: 2 * part.samples] for part in parts])

    def close(self) -> None:
        """End the file. A broken one stays as it was cut, as after a crash."""
        if self.file.broken:
            self.file.close()  # then PyAV writes no trailer
        try:
            for number, order in self._orders.items():
                for shown in [] if self.file.broken else order.close():
                    self._mux(number, shown)
            self._container.close()
        except av.error.FFmpegError as error:
            raise OSError(error.errno, error.strerror) from error
        finally:
            self.file.close()
