"""Suspects: records at which the process ended, how often, and decisions about them. Stored on the local disk."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import structlog

from onex.agent.crash.journal import RunningRecords, Span, set_aside
from onex.bus.protocols import Partition

log = structlog.get_logger(__name__)
ENDS = 3
"""Ends of the process after which a record is carried alone."""
_ENDS_NEVER_ALONE = 2 * ENDS
"""Ends after which a record is blocked though it never ran alone: further attempts of effects may overlap."""
_FILE = "suspects.json"
_VERSION = 1
_MOST = 256
_FORGOTTEN_AFTER_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Suspect:
    """Offsets of which one is the record that ended the process. They are fewer after each end."""

    partition: Partition
    first: int
    end: int
    count: int
    """Ends of the process in a row, without the record having passed."""
    since_ms: int
    """Time of the first of them; milliseconds since 1970."""
    blocked: bool = False
    skip: str = ""
    """Reason and author of the decision that the record becomes a dead letter; empty without a decision."""

    @property
    def is_exact(self) -> bool:
        """Whether the suspect is one record."""
        return self.end == self.first + 1

    @property
    def runs_alone(self) -> bool:
        """Whether no other record may run together with it."""
        return self.count >= ENDS and self.is_exact and not self.blocked

    @property
    def awaits_decision(self) -> bool:
        """Whether its partition is blocked until an operator decides."""
        return self.blocked and not self.skip

    def covers(self, offset: int) -> bool:
        """Return whether a record of its partition is among its offsets."""
        return self.first <= offset < self.end


class Suspects:
    """All suspects of one instance slot. Every change is written; a disk that refuses it is logged."""

    def __init__(self, folder: Path | None, now_ms: int) -> None:
        self._file = None if folder is None else folder / _FILE
        stored = self._load()
        self._all = [s for s in stored if s.blocked or now_ms - s.since_ms < _FORGOTTEN_AFTER_MS]

    def __iter__(self) -> Iterator[Suspect]:
        return iter(self._all)

    def __bool__(self) -> bool:
        return bool(self._all)

    def at(self, partition: Partition, offset: int) -> Suspect | None:
        """Return the suspect that covers a record; None without one."""
        return next((s for s in self._all if s.partition == partition and s.covers(offset)), None)

    def count(self, left: RunningRecords, now_ms: int) -> None:
        """Count one more end of the process for each record that ran then."""
        if not left.spans:
            return
        counted: list[Suspect] = []
        narrowed: set[Suspect] = set()
        for span in left.spans:
            before = [s for s in self._all if _overlap(s, span)]
            narrowed.update(before)
            counted += [_counted(s, span, left) for s in before] or [Suspect(*span, 1, now_ms)]
        others = [s for s in self._all if s not in narrowed]
        self._all = sorted([*others, *counted], key=lambda s: (not s.blocked, -s.count))[:_MOST]
        self._save()

    def replace(self, change: Callable[[Suspect], Suspect | None]) -> None:
        """Replace each suspect by what ``change`` returns; None removes it."""
        changed = [new for s in self._all if (new := change(s)) is not None]
        if changed != self._all:
            self._all = changed
            self._save()

    def _load(self) -> list[Suspect]:
        if self._file is None:
            return []
        try:
            document = json.loads(self._file.read_bytes())
            if document["version"] != _VERSION:
                raise ValueError(f"version {document['version']!r} is not {_VERSION}")
            return [_parsed(entry) for entry in document["suspects"]]
        except FileNotFoundError:
            return []
        except OSError as error:
            log.warning("suspects cannot be read", file=str(self._file), reason=str(error))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            try:
                set_aside(self._file, f"{type(error).__name__}: {error}")
            except OSError as refused:
                log.warning("suspects cannot be read", file=str(self._file), reason=str(refused))
        return []

    def _save(self) -> None:
        if self._file is None:
            return
        part = self._file.with_name(f"{_FILE}.new")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps({"version": _VERSION, "suspects": [asdict(s) for s in self._all]}))
            part.replace(self._file)
        except OSError as error:
            log.warning("suspects cannot be written", file=str(self._file), reason=str(error))


def _overlap(suspect: Suspect, span: Span) -> bool:
    return suspect.partition == span.partition and suspect.first < span.end and span.first < suspect.end


def _counted(suspect: Suspect, span: Span, left: RunningRecords) -> Suspect:
    """Return the suspect after one more end: with only those offsets that ran each time."""
    first, end = max(suspect.first, span.first), min(suspect.end, span.end)
    counted = replace(suspect, first=first, end=end, count=suspect.count + 1)
    was_alone = left.alone and suspect.count >= ENDS
    if counted.is_exact and (was_alone or counted.count >= _ENDS_NEVER_ALONE):
        return replace(counted, blocked=True)
    return counted


def _parsed(entry: dict[str, object]) -> Suspect:
    """Return a stored suspect. Raise ValueError, TypeError or KeyError for an entry in another form."""
    match entry:
        case {
            "partition": [str(topic), int(number)],
            "first": int(first),
            "end": int(end),
            "count": int(count),
            "since_ms": int(since_ms),
            "blocked": bool(blocked),
            "skip": str(skip),
        } if first < end:
            return Suspect(Partition(topic, number), first, end, count, since_ms, blocked, skip)
    raise ValueError("an entry has another form")
