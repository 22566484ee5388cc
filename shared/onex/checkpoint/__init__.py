"""Named checkpoints of keyed state: copies of a changelog's current values on a topic of the node."""

from onex.checkpoint.comparison import Comparison, EnumKeyChange, KeyChanges
from onex.checkpoint.copying import Making
from onex.checkpoint.manifest import Manifest, PartitionCut
from onex.checkpoint.source import CheckpointSource
from onex.checkpoint.store import CheckpointStore, Retention

__all__ = [
    "CheckpointSource",
    "CheckpointStore",
    "Comparison",
    "EnumKeyChange",
    "KeyChanges",
    "Making",
    "Manifest",
    "PartitionCut",
    "Retention",
]
