"""Entries in turns: every run starts each of them anew, checks what it wrote, and keeps what it measured."""

import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.field.cluster import Cluster
from benchmarks.field.entries import JOB, Entry, missing
from benchmarks.field.job import Job, Schema
from benchmarks.field.meter import PeerFailedError, Reading, measure
from onex.bus.protocols import Partition
from onex.bus.schema.catalogue import subject_of

_END = 20.0
Check = Callable[[Entry, Mapping[Partition, int]], int]
"""Gives how many outputs are right; raises AssertionError."""


@dataclass(frozen=True, slots=True)
class Turns:
    """One job that all entries do."""

    cluster: Cluster
    input: str
    output: str
    count: int
    window: float
    """Seconds after which a slow entry is stopped."""
    check: Check

    def take(self, entries: Sequence[Entry], runs: int) -> dict[str, list[Reading]]:
        """Readings by entry. An entry that cannot run here is left out, and said so."""
        able: list[Entry] = []
        for entry in entries:
            if why := missing(entry):
                print(f"{entry.name:<34} left out, {why}")
            else:
                able.append(entry)
        readings: dict[str, list[Reading]] = {entry.name: [] for entry in able}
        for run in range(1, runs + 1):
            for entry in able:
                reading = self._once(entry)
                readings[entry.name].append(reading)
                print(
                    f"run {run} {entry.name:<34} {reading.rate:>9,.0f}/s {reading.cpu:8.2f} us CPU "
                    f"{reading.memory:6.0f} MiB",
                    flush=True,
                )
        return readings

    def _once(self, entry: Entry) -> Reading:
        name = f"bench{uuid.uuid4().hex[:8]}"
        begins = self.cluster.ends(self.output)
        scratch = self.cluster.scratch(name)
        processes = [self._start(entry, name, scratch / str(number)) for number in range(entry.instances)]
        inputs = self.cluster.partitions(self.input)
        group = entry.group.format(group=name)
        done = (
            (lambda: self.cluster.committed(group, inputs))
            if entry.exactly_once
            else (lambda: self.cluster.written(begins))
        )
        try:
            reading = measure(processes, done, self.count, self.window)
            moved = sum(done().values())
        except PeerFailedError as error:
            log = "".join(file.read_text()[-2000:] for file in scratch.glob("*/log"))
            raise SystemExit(f"{entry.name}: {error}\n{log}") from None
        finally:
            _end(processes)
        right = self.check(entry, begins)
        assert right >= moved, f"{entry.name}: {right} right outputs for {moved} done"
        shutil.rmtree(scratch, ignore_errors=True)
        return reading

    def _start(self, entry: Entry, name: str, folder: Path) -> subprocess.Popen[bytes]:
        folder.mkdir()
        job = Job(
            bootstrap=self.cluster.bootstrap,
            group=name,
            input=self.input,
            output=self.output,
            exactly_once=entry.exactly_once,
            input_schema=self._schema(self.input)[1],
            output_schema=self._schema(self.output)[1],
            output_schema_id=self._schema(self.output)[0],
            folder=str(folder),
        )
        file = job.write(folder / "job.json")
        environment = entry.environment_of() | {
            "KAFKA_BOOTSTRAP_SERVERS": self.cluster.bootstrap,
            "ONEX_HOME": str(folder.parent),
            "ONEX_ENV": name,
        }
        command = [str(file) if part == JOB else part for part in entry.command]
        with (folder / "log").open("wb") as log:
            return subprocess.Popen(
                command, env=environment, cwd=folder, stdout=log, stderr=log, preexec_fn=os.setpgrp
            )

    def _schema(self, topic: str) -> tuple[int, Schema]:
        version = self.cluster.catalogue.versions(subject_of(topic))[-1]
        schema = self.cluster.catalogue.schema_of(version.id)
        assert isinstance(schema, dict)
        return version.id, dict(schema)


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        try:
            process.wait(_END)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
