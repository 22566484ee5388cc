"""Runs entries in turns: every run starts each entry again, checks its outputs, and stores its measurements."""

import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.field.cluster import Cluster
from benchmarks.field.entries import Entry, present
from benchmarks.field.launch import end, launch
from benchmarks.field.meter import Meter, PeerFailedError, Reading
from onex.bus.protocols import Partition

MESSAGES = 8_000_000
"""In the input: 1.4 times what the fastest entry did in its longest warm-up, half a minute, and its window."""
Check = Callable[[Entry, Mapping[Partition, int]], int]
"""Returns the number of correct outputs. Raises AssertionError for a wrong one."""


@dataclass(frozen=True, slots=True)
class Turns:
    """One job that all entries do."""

    cluster: Cluster
    input: str
    output: str
    count: int
    """Messages in the input; enough for the fastest entry's warm-up and window."""
    window: float
    """Seconds that are measured."""
    check: Check
    changelog: str = ""
    """Folder that is emptied before each turn, so that no entry uses data of the previous one."""
    warm_up: int = 1
    """Turns of the first entry that do not count: in its first minute the broker compiles its own code, and every
    entry would pay for that."""
    whole: bool = False
    """Measure from the first message to the last, at most ``window`` seconds; else in steady state."""
    wrong: dict[str, str] = field(default_factory=dict)
    """Why peers were left out: a fast wrong answer counts for nothing. The mesh's own make the benchmark fail; a peer
    that fails takes nothing from the others, whose turns took an hour."""

    def take(self, entries: Sequence[Entry], runs: int) -> dict[str, list[Reading]]:
        """Readings by entry. An entry that cannot run here is left out, and said so."""
        able = present(entries)
        readings: dict[str, list[Reading]] = {entry.name: [] for entry in able}
        for _ in range(self.warm_up if able else 0):
            try:
                self._once(able[0])
            except PeerFailedError as error:
                raise SystemExit(f"{able[0].name}: {error}") from None
        for run in range(1, runs + 1):
            for entry in [entry for entry in able if entry.name in readings]:
                try:
                    reading = self._once(entry)
                except PeerFailedError as error:
                    if entry.is_ours:
                        raise SystemExit(f"{entry.name}: {error}") from None
                    print(f"run {run} {entry.name:<34} failed: {error}", flush=True)
                    self.wrong[entry.name] = f"failed, {str(error).splitlines()[0]}"
                    del readings[entry.name]
                    continue
                except AssertionError as error:
                    if entry.is_ours:
                        raise
                    print(f"run {run} {entry.name:<34} wrong: {error}", flush=True)
                    self.wrong[entry.name] = f"wrong output, {error}"
                    del readings[entry.name]
                    continue
                readings[entry.name].append(reading)
                print(
                    f"run {run} {entry.name:<34} {reading.rate:>9,.0f}/s {reading.cpu:8.2f} us CPU "
                    f"{reading.memory:6.0f} MiB, start {reading.start:4.1f} s, warm-up {reading.warm_up:4.1f} s"
                    f"{'' if reading.is_steady or self.whole else ', NOT steady'}",
                    flush=True,
                )
        return readings

    def _once(self, entry: Entry) -> Reading:
        name = f"bench{uuid.uuid4().hex[:8]}"
        if self.changelog:
            self.cluster.make_anew(self.changelog)
        self.cluster.make_anew(self.output)
        begins = self.cluster.ends(self.output)
        processes = launch(self.cluster, entry, self.input, self.output, name)
        inputs = self.cluster.partitions(self.input)
        group = entry.group.format(group=name)

        def done() -> Mapping[Partition, int]:
            return self.cluster.committed(group, inputs) if entry.exactly_once else self.cluster.written(begins)

        limits = self.cluster.ends(self.input) if entry.exactly_once else None
        meter = Meter(processes, done, self.count, limits)
        try:
            reading = meter.whole(self.window) if self.whole else meter.steady(self.window)
            moved = sum(done().values())
        except PeerFailedError as error:
            log = "".join(file.read_text()[-2000:] for file in self.cluster.folder.glob(f"{name}/*/log"))
            raise PeerFailedError(f"{error}\n{log}") from None
        finally:
            end(processes)
        right = self.check(entry, begins)
        assert right >= moved, f"{entry.name}: {right} right outputs for {moved} done"
        shutil.rmtree(self.cluster.folder / name, ignore_errors=True)
        return reading
