"""What comes of a group of inputs of a pure node, as the engine writes it into the transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from onex.agent.telemetry.tracing import MessageTrace
from onex.bus.protocols import Emitted, Partition
from onex.model.enums import EnumFailureClass, EnumStage
from onex.node import CancelTimer, SetTimer
from onex.workflow.facts import Fact


@dataclass(frozen=True, slots=True)
class Failed:
    """Why an input becomes a dead letter."""

    error: BaseException
    stage: EnumStage
    trace: MessageTrace | None = None


@dataclass(frozen=True, slots=True)
class Traced:
    """The result of a traced message: its outputs are encoded as soon as its handler has returned."""

    records: Sequence[Emitted]
    timers: Sequence[SetTimer | CancelTimer] = ()
    facts: Sequence[Fact] = ()


class DeadLetter(NamedTuple):
    """A dead letter on its way into the transaction."""

    origin: Partition
    """The partition that must not advance before the dead letter is written."""
    record: Emitted
    failure_class: EnumFailureClass


@dataclass(slots=True)
class GroupOutcome:
    """Outputs and dead letters, each in the order of the inputs."""

    outputs: list[Emitted] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    entries: list[Emitted] = field(default_factory=list)
    """What capabilities write about the inputs."""
    facts: list[Fact] = field(default_factory=list)
    """What changes in the runs of a declared workflow."""
    forwarded: int = 0
    """The number of ``outputs`` that are inputs on the way to the partition of their key."""

    def add(self, later: "GroupOutcome") -> None:
        """Append the outcome of inputs that come after these."""
        self.outputs += later.outputs
        self.dead_letters += later.dead_letters
        self.entries += later.entries
        self.facts += later.facts
        self.forwarded += later.forwarded


@dataclass(slots=True)
class BatchTotals:
    """Counts over the groups of one batch."""

    sent: int = 0
    """Outputs, with those that were forwarded."""
    forwarded: int = 0
    failure_classes: list[EnumFailureClass] = field(default_factory=list)
    """One per dead letter."""
    facts: list[Fact] = field(default_factory=list)
    """What changes in the runs of a declared workflow."""

    def add(self, outcome: GroupOutcome) -> None:
        """Count what comes of a group."""
        self.sent += len(outcome.outputs)
        self.forwarded += outcome.forwarded
        self.facts += outcome.facts
        self.failure_classes += [letter.failure_class for letter in outcome.dead_letters]
