"""What an effect has in work, and what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from onex.agent.effect.idempotent_results import Kept
from onex.agent.message.decoding import DecodedInput
from onex.agent.message.envelope import Envelope
from onex.agent.telemetry.tracing import MessageTrace
from onex.bus.protocols import Emitted, Partition, Position, ProtocolRecord


class Task(NamedTuple):
    """A record in a lane. A tuple, as :class:`Outcome`: both are made for every message."""

    record: ProtocolRecord
    partition: Partition
    envelope: Envelope
    received: DecodedInput | BaseException | None
    """Decoded, or why it cannot be; None for the place of a dead letter that its key waits for."""
    trace: MessageTrace | None = None
    queued: bool = False
    """It comes from the retry topic, where it waits in place until it is done."""


class Outcome(NamedTuple):
    """What became of a record: outputs, one dead letter and its class, or a place on the retry topic."""

    record: ProtocolRecord
    partition: Partition
    emitted: Sequence[Emitted] = ()
    dead: str = ""
    trace: MessageTrace | None = None
    done: bool = True
    """False for a note about a record that stays where it is."""
    queue: Emitted | None = None
    """What goes to the retry topic, into the partition of the same number: the message, a note, a held place."""
    waits: bool = False
    """``queue`` holds the key back."""
    kept: Kept | None = None
    """The answer, where the contract has it kept."""


@dataclass(frozen=True, slots=True)
class Commit:
    """Outcomes and the positions that go with them."""

    outcomes: Sequence[Outcome]
    positions: Mapping[Partition, Position]
