"""What recording tells Prometheus."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from media.recording.recorder import Recorder


class RecorderCollector(Collector):
    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def collect(self) -> Iterable[Metric]:
        recorder = self._recorder
        yield GaugeMetricFamily(
            "roomcast_recordings", "Rooms that are being recorded.", value=recorder.active
        )
        yield GaugeMetricFamily(
            "roomcast_recording_queue_packets", "Packets that wait for the disk.", value=recorder.waiting
        )
        yield GaugeMetricFamily(
            "roomcast_recordings_failing",
            "Rooms that are not recorded at present, because of an error.",
            value=recorder.failing,
        )
        yield CounterMetricFamily(
            "roomcast_recording_failures", "Recordings stopped by an error.", value=recorder.failures
        )
        yield CounterMetricFamily(
            "roomcast_recording_restarts",
            "Recordings started again after an error.",
            value=recorder.restarts,
        )
        yield CounterMetricFamily(
            "roomcast_recording_packets_dropped",
            "Packets not recorded because the disk did not keep up.",
            value=recorder.dropped,
        )
        yield CounterMetricFamily(
            "roomcast_recording_uploads", "Recordings that the store has confirmed.", value=recorder.uploaded
        )
        yield CounterMetricFamily(
            "roomcast_recording_upload_failures",
            "Uploads that will be tried again.",
            value=recorder.upload_failures,
        )
