"""Dead letters for operators: find, count, replay to the failing node only, park, drop, edit, export, audit."""

from onex.dlq.audit import Audit, Author, EnumLetterState
from onex.dlq.checkpoint_manager import CheckpointManager, RestorePlan
from onex.dlq.filters import LetterFilter
from onex.dlq.manager import DeadLetterManager, Edit, exported
from onex.dlq.positions import OffsetManager, PartitionPosition, Reset
from onex.dlq.reading import DeadLetter, read_letters
from onex.dlq.replay import ReplayOptions, ReplayReport
from onex.dlq.skip import OffsetSkipper
from onex.dlq.state_manager import StateChange, StateManager
from onex.dlq.stats import LetterGroup, group_letters

__all__ = [
    "Audit",
    "Author",
    "CheckpointManager",
    "DeadLetter",
    "DeadLetterManager",
    "Edit",
    "EnumLetterState",
    "LetterFilter",
    "LetterGroup",
    "OffsetManager",
    "OffsetSkipper",
    "PartitionPosition",
    "ReplayOptions",
    "ReplayReport",
    "Reset",
    "RestorePlan",
    "StateChange",
    "StateManager",
    "exported",
    "group_letters",
    "read_letters",
]
