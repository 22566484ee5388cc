"""What an effect has in work, and what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from onex.agent.emit import Emitted
from onex.agent.receive import Received
from onex.agent.tracing import MessageTrace
from onex.bus.protocols import Partition, Position, ProtocolRecord


@dataclass(frozen=True, slots=True)
class Task:
    """A record in a lane."""

    record: ProtocolRecord
    partition: Partition
    received: Received
    trace: MessageTrace | None = None
    queued: bool = False
    """It comes from the retry topic, where it waits in place until it is done."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a record: outputs, one dead letter and its class, or a place on the retry topic."""

    record: ProtocolRecord
    partition: Partition
    emitted: Sequence[Emitted]
    dead: str = ""
    trace: MessageTrace | None = None
    moved: bool = False
    """It goes to the retry topic."""
    done: bool = True
    """False for a note about a record that stays where it is."""

    @property
    def to_partition(self) -> int:
        """Partition of the outputs; -1 lets their keys decide."""
        return self.partition.partition if self.moved or not self.done else -1


@dataclass(frozen=True, slots=True)
class Commit:
    """Outcomes and the positions that go with them."""

    outcomes: Sequence[Outcome]
    positions: Mapping[Partition, Position]
