"""Starting and ending the processes of an entry."""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.field.cluster import Cluster
from benchmarks.field.entries import JOB, Entry
from benchmarks.field.job import Job, Schema
from onex.schema.catalogue import subject_of

_END = 20.0


def launch(cluster: Cluster, entry: Entry, source: str, target: str, name: str) -> list[subprocess.Popen[bytes]]:
    """All instances of an entry, from topic to topic; ``name`` is the group or, for mesh nodes, the environment."""
    home = cluster.scratch(name)
    processes: list[subprocess.Popen[bytes]] = []
    for number in range(entry.instances):
        folder = home / str(number)
        folder.mkdir()
        identity, writing = _schema(cluster, target)
        job = Job(
            bootstrap=cluster.bootstrap,
            group=name,
            input=source,
            output=target,
            exactly_once=entry.exactly_once,
            input_schema=_schema(cluster, source)[1],
            output_schema=writing,
            output_schema_id=identity,
            folder=str(folder),
        )
        file = job.write(folder / "job.json")
        environment = entry.environment_of() | {
            "KAFKA_BOOTSTRAP_SERVERS": cluster.bootstrap,
            "ONEX_HOME": str(home),
            "ONEX_ENV": name,
        }
        command = [str(file) if part == JOB else part for part in entry.command]
        processes.append(_spawn(command, environment, folder))
    return processes


def _spawn(command: Sequence[str], environment: dict[str, str], folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log, preexec_fn=os.setpgrp)


def _schema(cluster: Cluster, topic: str) -> tuple[int, Schema]:
    subject = subject_of(topic)
    version = cluster.catalogue.versions([subject])[subject][-1]
    schema = cluster.catalogue.schema_of(version.id)
    assert isinstance(schema, dict)
    return version.id, dict(schema)


def end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """SIGTERM, then SIGKILL for what does not heed it."""
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        try:
            process.wait(_END)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
