"""Dead letters as a product: find, count, replay to the failing node only, park, drop, edit, export, audit."""

from onex.dlq.audit import Audit, Author, EnumLetterState
from onex.dlq.desk import DeadLetterDesk, Edit, exported
from onex.dlq.filters import LetterFilter
from onex.dlq.letters import DeadLetter, read_letters
from onex.dlq.positions import OffsetDesk, PartitionPosition, Reset
from onex.dlq.replay import ReplayOptions, ReplayReport
from onex.dlq.skip import OffsetSkipper
from onex.dlq.state_desk import StateChange, StateDesk
from onex.dlq.stats import LetterGroup, group_letters

__all__ = [
    "Audit",
    "Author",
    "DeadLetter",
    "DeadLetterDesk",
    "Edit",
    "EnumLetterState",
    "LetterFilter",
    "LetterGroup",
    "OffsetDesk",
    "OffsetSkipper",
    "PartitionPosition",
    "ReplayOptions",
    "ReplayReport",
    "Reset",
    "StateChange",
    "StateDesk",
    "exported",
    "group_letters",
    "read_letters",
]
