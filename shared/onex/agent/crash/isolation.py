"""The journal and the suspects of one instance slot. All engines that one process makes share them."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import structlog

from onex.agent.crash.journal import Journal
from onex.agent.crash.suspects import Suspect, Suspects
from onex.bus.protocols import Partition
from onex.errors import ProcessEndedError
from onex.util.clock import ProtocolClock
from onex.wire.skip import Skip

log = structlog.get_logger(__name__)


class Isolation:
    """Journal and suspects. Without a folder nothing outlives the process, and there are no suspects."""

    def __init__(self, folder: Path | None, clock: ProtocolClock) -> None:
        """Count one end for each record that ran when the process before ended."""
        self.suspects = Suspects(folder, clock.now_ms())
        self.journal = Journal(folder)
        self.suspects.count(self.journal.left, clock.now_ms())
        for suspect in self.suspects:
            log.warning(
                "the process ended while these offsets ran",
                topic=suspect.partition.topic,
                partition=suspect.partition.partition,
                first=suspect.first,
                last=suspect.end - 1,
                times=suspect.count,
                blocked=suspect.blocked,
            )

    def pass_to(self, positions: Mapping[Partition, int]) -> None:
        """Remove the suspects before these offsets: their records are done."""
        self.suspects.replace(lambda s: None if s.end <= positions.get(s.partition, 0) else s)

    def pass_at(self, locations: Collection[tuple[Partition, int]]) -> None:
        """Remove the suspects that are exactly one of these records, which are done."""
        done = set(locations)
        self.suspects.replace(lambda s: None if s.is_exact and (s.partition, s.first) in done else s)

    def decide(self, skip: Skip) -> bool:
        """Store an operator's decision. Return False when it is not about a record that is blocked here."""
        blocked = next((s for s in self.suspects if s.awaits_decision and (s.partition, s.first) == skip.place), None)
        if blocked is None:
            return False
        decided = replace(blocked, skip=f"{skip.reason} ({skip.who})")
        self.suspects.replace(lambda s: decided if s is blocked else s)
        log.warning("a blocked record becomes a dead letter", topic=skip.topic, offset=skip.offset, who=skip.who)
        return True


def error_of(suspect: Suspect) -> ProcessEndedError:
    """Return the error for which a skipped record is a dead letter."""
    return ProcessEndedError(
        f"the process ended {suspect.count} times while it handled this record; skipped: {suspect.skip}"
    )


def complaint_of(suspect: Suspect, node: str) -> str:
    """Return the complaint about a blocked record, with the remedy."""
    topic, number = suspect.partition
    return (
        f"at offset {suspect.first} the process ended {suspect.count} times; "
        f"`onex offsets skip {node} {topic} {number} {suspect.first} --reason TEXT --yes` makes it a dead letter"
    )
