"""Known bugs that only a loss shows: of positions, records or a changelog, or of how long a copy was not read."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from unittest.mock import PropertyMock, patch

from onex.agent.state import lost_positions as lost
from onex.agent.state.lost_positions import Changelog, PositionCheck
from onex.agent.state.partition_store import PartitionStore
from onex.agent.state.standby import Standby
from onex.bus.protocols import Partition, Position, ProtocolEventBus
from onex.wire.positions import Mark

Mutant = Callable[[], AbstractContextManager[object]]
"""A context manager that puts a bug into the engine."""


def _state_without_a_position_is_believed() -> AbstractContextManager[object]:
    return patch.object(PartitionStore, "is_empty", PropertyMock(return_value=True))


def _seen_through(change: Callable[[Changelog, Sequence[Mark]], tuple[Changelog, Sequence[Mark]]]) -> Mutant:
    """State is compared with another changelog than there is."""

    def lost_state(marks: Sequence[Mark], checkpoint: int, now: Changelog) -> str:
        now, marks = change(now, marks)
        return lost.lost_state(marks, checkpoint, now)

    return lambda: patch("onex.agent.state.store_manager.lost_state", lost_state)


def _records_below_the_start_are_passed_over() -> AbstractContextManager[object]:
    check = lost.check_positions

    def go_on(committed: Mapping[Partition, Position], bus: ProtocolEventBus, node: str) -> PositionCheck:
        checked = check(committed, bus, node)
        firsts = bus.admin.ends(list(checked.lost))
        return PositionCheck({}, {**checked.begins, **{partition: first for partition, (first, _) in firsts.items()}})

    return patch("onex.agent.state.lost_positions.check_positions", go_on)


def _an_unread_store_counts_as_complete() -> AbstractContextManager[object]:
    close = PartitionStore.close

    def complete(self: PartitionStore) -> None:
        self._is_complete = True
        close(self)

    return patch.object(PartitionStore, "close", complete)


def _an_unread_copy_counts_as_complete() -> AbstractContextManager[object]:
    def complete(self: Standby, number: int) -> None:
        copy = self._copies.pop(number)
        copy.mark_complete()
        copy.close()

    return patch.object(Standby, "_release", complete)


LOSS_MUTANTS: dict[str, Mutant] = {
    "state_without_a_position_is_believed": _state_without_a_position_is_believed,
    "a_changelog_that_was_made_again_is_believed": _seen_through(
        lambda now, marks: (now, [mark._replace(identity=now.identity) for mark in marks])
    ),
    "a_changelog_that_was_cut_is_believed": _seen_through(lambda now, marks: (now._replace(end=1 << 62), marks)),
    "a_changelog_that_was_emptied_is_believed": _seen_through(lambda now, marks: (now._replace(first=0), marks)),
    "records_below_the_start_are_passed_over": _records_below_the_start_are_passed_over,
    "an_unread_store_counts_as_complete": _an_unread_store_counts_as_complete,
    "an_unread_copy_counts_as_complete": _an_unread_copy_counts_as_complete,
}
