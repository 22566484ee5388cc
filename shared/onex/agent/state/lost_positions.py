"""Positions and changelogs that do not fit together: data was lost, and an engine that went on would hide that.

The engine checks this when a partition is assigned. It blocks the partition until an operator decides: only an
operator can know whether the group was deleted, or the records expired.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import structlog

from onex.bus.protocols import Partition, Position, ProtocolConsumer, ProtocolEventBus
from onex.errors import BusUnavailableError
from onex.wire.positions import Mark, in_progress, out_of_range

log = structlog.get_logger(__name__)


class Changelog(NamedTuple):
    """The current state of one partition of a changelog."""

    topic: str
    identity: str
    """Of the topic. A topic that was deleted and created again has another one."""
    first: int
    end: int


class PositionCheck(NamedTuple):
    """Committed positions, compared with what the topics hold."""

    lost: Mapping[Partition, str]
    """Why partitions cannot go on from their position: the records there are gone."""
    begins: Mapping[Partition, int]
    """Where partitions continue whose position is shortly before the first offset: only markers of transactions, or a
    few records, were deleted."""


def check_positions(committed: Mapping[Partition, Position], bus: ProtocolEventBus, node: str) -> PositionCheck:
    """Compare positions with the first and last offsets of the topics. Raise BusError."""
    lost: dict[Partition, str] = {}
    begins: dict[Partition, int] = {}
    ends = bus.admin.ends(list(committed)) if committed else {}
    for partition, position in committed.items():
        first, end = ends[partition]
        if reason := out_of_range(position.offset, first, end):
            lost[partition] = reason + remedy(node, partition)
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


def seek_to_first(
    consumer: ProtocolConsumer, committed: Mapping[Partition, Position], bus: ProtocolEventBus, node: str
) -> Mapping[Partition, str]:
    """Seek assigned partitions that are shortly before the first offset of their topic. Return those that cannot
    continue from their position, with the reason. Raise BusError."""
    checked = check_positions(committed, bus, node)
    for partition, offset in checked.begins.items():
        consumer.seek(partition, offset)
    return checked.lost


def lost_state(marks: Sequence[Mark], checkpoint: int, now: Changelog) -> str:
    """Return why inputs of a partition cannot continue with its state; empty when no state is missing.

    ``checkpoint``: the changelog offset up to which the state is on this machine. ``marks``: the marks of the inputs'
    positions. Positions without a mark were set by an operator, who has decided.
    """
    if not marks:
        return ""
    for mark in marks:
        if begun := in_progress(mark):
            return f"{begun[0]} in {now.topic} was begun and has not ended"
    if any(mark.identity != now.identity for mark in marks):
        return f"{now.topic} was deleted and made again: state is gone"
    reached = max(checkpoint, *(mark.checkpoint for mark in marks))
    if reached > now.end:
        return f"{now.topic} ends at offset {now.end}, but it had reached {reached}: state is gone"
    if now.first > checkpoint:
        return f"{now.topic} begins at offset {now.first}: state that was written before is deleted"
    return ""


def lost_position(changelog: str) -> str:
    """Return why inputs of a partition cannot continue: there is state without a position that belongs to it."""
    return f"{changelog} holds state, but no position is committed: records would be applied to it again"


def read_again(partition: Partition, offset: int, done: int) -> BusUnavailableError:
    """Return the error for a client that has gone back to records that are done. A new client reads the positions
    again.

    A client goes back when its own request for the committed position fails, or when the topic no longer contains
    that position, because the topic was created again (``auto.offset.reset``).
    """
    return BusUnavailableError(
        f"reading {partition.topic}[{partition.partition}]: the client went back to offset {offset}, but everything "
        f"below {done} was read before"
    )


def remedy(node: str, *partitions: Partition) -> str:
    """Return the end of a reason: how an operator sets the positions of these partitions."""
    return f"; stop {node}, then decide where it goes on: {_resets(node, partitions)}"


def state_remedy(node: str, *partitions: Partition) -> str:
    """Return the end of a reason: how an operator rebuilds the state, or sets the positions of these partitions."""
    return (
        f"; stop {node}, then rebuild its state from its inputs (onex state rebuild {node} --reason TEXT), or "
        f"decide where it goes on: {_resets(node, partitions)}"
    )


def _resets(node: str, partitions: Sequence[Partition]) -> str:
    return " and ".join(
        f"onex offsets reset {node} {partition.topic} --partition {partition.partition} --to earliest|latest|OFFSET "
        "--reason TEXT"
        for partition in partitions
    )
