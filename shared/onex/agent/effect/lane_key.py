"""What runs one after the other: the lane of each message of an effect."""

from collections.abc import Callable, Hashable

from onex.agent.effect.outcome import Task
from onex.model.enums import EnumOrdering


def lane_of(ordering: EnumOrdering) -> Callable[[Task], Hashable]:
    """How a contract's ``delivery.ordering`` chooses the lane.

    What waits on the retry topic has a lane of its own: later messages move behind it, not into memory.
    """

    def of_its_own(task: Task) -> Hashable:
        return task.partition, task.record.offset()

    def by_key(task: Task) -> Hashable:
        key = task.record.key()
        return (task.partition.partition, key, task.queued) if key else of_its_own(task)

    match ordering:
        case EnumOrdering.KEY:
            return by_key
        case EnumOrdering.PARTITION:
            return lambda task: task.partition
        case _:
            return of_its_own
