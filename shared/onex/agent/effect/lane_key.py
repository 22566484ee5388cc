"""The lane of each message of an effect: messages of one lane run one after the other."""

from collections.abc import Callable, Hashable
from typing import NamedTuple

from onex.agent.effect.outcome import Task
from onex.bus.protocols import Partition
from onex.model.enums import EnumOrdering


class UndecodedLane(NamedTuple):
    """Where records of a partition wait while the key of the first one is not known.

    Its message decides about the key, and its schema is being looked up. Any of the records behind it may have the
    same key. No handler runs here: each record goes on to the lane of its key, in the order of the partition.
    """

    partition: Partition


def lane_of(ordering: EnumOrdering) -> Callable[[Task], Hashable]:
    """Return how a contract's ``delivery.ordering`` chooses the lane."""

    def by_offset(task: Task) -> Hashable:
        return task.partition, task.record.offset()

    def by_key(task: Task) -> Hashable:
        key = task.record.key()
        return (task.partition.partition, key) if key else by_offset(task)

    match ordering:
        case EnumOrdering.KEY:
            return by_key
        case EnumOrdering.PARTITION:
            return lambda task: task.partition
        case _:
            return by_offset


def retry_lane(lane: Hashable) -> Hashable:
    """Return the lane in which messages of ``lane`` run that wait on the retry topic.

    It is another one, so that later messages of the key move to the retry topic instead of waiting in memory.
    """
    return "retry", lane
