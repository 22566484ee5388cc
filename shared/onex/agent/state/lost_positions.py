"""Positions and changelogs that do not fit together: something was lost, and going on would hide it.

The engine looks for this when a partition is assigned. It blocks the partition until an operator decides: only an
operator can know whether the group was deleted, or the records expired.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import structlog

from onex.bus.protocols import Partition, Position, ProtocolEventBus
from onex.errors import BusUnavailableError
from onex.wire.positions import UNFINISHED, Mark, out_of_range

log = structlog.get_logger(__name__)


class Changelog(NamedTuple):
    """One partition of a changelog as it is now."""

    topic: str
    identity: str
    """Of the topic: another one, when a topic of the same name was made again."""
    first: int
    end: int


class PositionCheck(NamedTuple):
    """Committed positions, compared with what the topics hold."""

    lost: Mapping[Partition, str]
    """Why partitions cannot go on from their position: the records there are gone."""
    begins: Mapping[Partition, int]
    """Where partitions go on that are a little behind: between were markers of transactions, or few records."""


def check_positions(committed: Mapping[Partition, Position], bus: ProtocolEventBus, node: str) -> PositionCheck:
    """Compare positions with where the topics begin and end. Raises BusError."""
    lost: dict[Partition, str] = {}
    begins: dict[Partition, int] = {}
    ends = bus.admin.ends(list(committed)) if committed else {}
    for partition, position in committed.items():
        first, end = ends[partition]
        if what := out_of_range(position.offset, first, end):
            lost[partition] = what + remedy(node, partition)
        elif position.offset < first:
            log.warning(
                "offsets were deleted before they were read: markers of transactions, or a few records",
                topic=partition.topic,
                partition=partition.partition,
                first=position.offset,
                last=first - 1,
            )
            begins[partition] = first
    return PositionCheck(lost, begins)


def lost_state(marks: Sequence[Mark], checkpoint: int, now: Changelog) -> str:
    """Why the inputs of a partition can't go on with its state, of which ``checkpoint`` offsets are on this machine.

    ``marks`` are those of their positions: without any, an operator has decided. Empty when nothing is missing.
    """
    if not marks:
        return ""
    if UNFINISHED in marks:
        return f"deleting the state in {now.topic} was begun and has not ended"
    if any(mark.identity != now.identity for mark in marks):
        return f"{now.topic} was deleted and made again: state is gone"
    reached = max(checkpoint, *(mark.checkpoint for mark in marks))
    if reached > now.end:
        return f"{now.topic} ends at offset {now.end}, but it had reached {reached}: state is gone"
    if now.first > checkpoint:
        return f"{now.topic} begins at offset {now.first}: state that was written before is deleted"
    return ""


def lost_position(changelog: str) -> str:
    """Why the inputs of a partition can't go on: there is state, but no position that belongs to it."""
    return f"{changelog} holds state, but no position is committed: records would be applied to it again"


def read_again(partition: Partition, offset: int, done: int) -> BusUnavailableError:
    """A client has gone back to records that are done; what is committed is looked at again with a new one.

    It does so where its own question for the committed position has no answer, or where that position is not in the
    topic any more, which may have been made again (``auto.offset.reset``).
    """
    return BusUnavailableError(
        f"reading {partition.topic}[{partition.partition}]: the client went back to offset {offset}, but everything "
        f"below {done} was read before"
    )


def remedy(node: str, *partitions: Partition) -> str:
    """What an operator does about it, as the end of a reason: the positions of these are to be set."""
    return f"; stop {node}, then decide where it goes on: {_resets(node, partitions)}"


def state_remedy(node: str, *partitions: Partition) -> str:
    """The same, where state is lost."""
    return (
        f"; stop {node}, then make its state again from its inputs (onex state rebuild {node} --reason TEXT), or "
        f"decide where it goes on: {_resets(node, partitions)}"
    )


def _resets(node: str, partitions: Sequence[Partition]) -> str:
    return " and ".join(
        f"onex offsets reset {node} {partition.topic} --partition {partition.partition} --to earliest|latest|OFFSET "
        "--reason TEXT"
        for partition in partitions
    )
