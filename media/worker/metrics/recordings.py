"""Recordings and uploads: how many, how much waits, and what failed."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from media.recording.recorder import Recorder


def recorder_metrics(recorder: Recorder) -> Iterable[Metric]:
    totals = recorder.totals()
    yield GaugeMetricFamily("roomcast_recordings", "Rooms being recorded.", value=recorder.active)
    yield GaugeMetricFamily(
        "roomcast_recording_queue_packets", "Packets that wait for the disk.", value=recorder.waiting
    )
    yield GaugeMetricFamily(
        "roomcast_recordings_failing",
        "Rooms that are not recorded at present, because of an error.",
        value=recorder.failing,
    )
    if recorder.space is not None:
        free, size = recorder.space
        yield GaugeMetricFamily(
            "roomcast_recording_disk_free_bytes",
            "Room that is left where recordings go.",
            value=free,
        )
        yield GaugeMetricFamily("roomcast_recording_disk_bytes", "All room of that disk.", value=size)
    yield CounterMetricFamily(
        "roomcast_recording_failures", "Recordings stopped by an error.", value=totals["failures"]
    )
    yield CounterMetricFamily(
        "roomcast_recording_restarts",
        "Recordings started again after an error.",
        value=totals["restarts"],
    )
    yield CounterMetricFamily(
        "roomcast_recording_packets_dropped",
        "Packets not recorded because the disk was too slow.",
        value=totals["dropped"],
    )
    yield CounterMetricFamily(
        "roomcast_recording_changes_refused",
        "Keyframes not recorded because the stream had changed too often for another file.",
        value=totals["changes_refused"],
    )
    deleted = CounterMetricFamily(
        "roomcast_recordings_deleted", "Recordings deleted here, and why.", labels=["why"]
    )
    deleted.add_metric(["age"], recorder.deleted_old)
    deleted.add_metric(["space"], recorder.deleted_for_space)
    yield deleted
    yield CounterMetricFamily(
        "roomcast_recording_uploads", "Files that the store confirmed.", value=recorder.uploaded
    )
    yield CounterMetricFamily(
        "roomcast_recording_upload_failures",
        "Uploads that failed and will be retried.",
        value=recorder.upload_failures,
    )
