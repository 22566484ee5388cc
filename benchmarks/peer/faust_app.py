"""faust-streaming as an expert would set it up, for bytes in and out."""

import faust

from benchmarks.field.job import Job


def app_of(job: Job, **more: object) -> faust.App:
    """An application for one job; ``more`` are settings of its own."""
    return faust.App(
        job.group,
        broker=f"kafka://{job.bootstrap}",
        value_serializer="raw",
        key_serializer="raw",
        web_enabled=False,
        topic_disable_leader=True,
        datadir=job.folder,
        consumer_auto_offset_reset="earliest",
        producer_compression_type="lz4",
        producer_linger=0.005,
        stream_wait_empty=False,
        **more,
    )
