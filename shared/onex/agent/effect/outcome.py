"""The message of a lane, its outcome, and a commit of several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from onex.agent.effect.idempotent_results import PendingResult
from onex.agent.message.decoding import DecodedInput
from onex.agent.message.envelope import Envelope
from onex.agent.telemetry.tracing import MessageTrace
from onex.bus.protocols import Emitted, Partition, Position, ProtocolRecord
from onex.wire.retry import Moved, Placeholder


class Task(NamedTuple):
    """A record in a lane. A tuple, like :class:`Outcome`, because one is made for every message."""

    record: ProtocolRecord
    partition: Partition
    envelope: Envelope
    received: DecodedInput | BaseException | None
    """Decoded, or the exception for which it cannot be; None for a placeholder, and for the release of one."""
    trace: MessageTrace | None = None
    retry: Moved | Placeholder | None = None
    """As what the record waits on the retry topic; None for a record that does not wait there."""
    is_final: bool = False
    """Whether the record was decoded again as often as it may be."""

    @property
    def awaited_id(self) -> bytes:
        """Id of the dead letter for which the key of a placeholder waits."""
        match self.retry:
            case Placeholder(message_id):
                return message_id
            case _:
                return self.envelope.id


class Outcome(NamedTuple):
    """What is committed for one record: outputs, or a dead letter, or a record on the retry topic."""

    record: ProtocolRecord
    partition: Partition
    emitted: Sequence[Emitted] = ()
    """Outputs, or the one dead letter."""
    dead: str = ""
    """Failure class of the dead letter; empty for other outcomes."""
    trace: MessageTrace | None = None
    done: bool = True
    """Whether the offset is done; False for a note about a record that stays in its place."""
    to_retry_topic: Emitted | None = None
    """A moved message, a placeholder or a note. It goes into the retry partition of the same number."""
    retry: Moved | Placeholder | None = None
    """As what the record itself waits on the retry topic, as in :class:`Task`."""
    stored: PendingResult | None = None
    """The idempotent result, where the contract has results stored."""

    @property
    def blocks_key(self) -> bool:
        """Whether later messages of the key wait on the retry topic behind this outcome."""
        return self.done and self.to_retry_topic is not None


@dataclass(frozen=True, slots=True)
class Commit:
    """Outcomes, and the positions that are committed with them."""

    outcomes: Sequence[Outcome]
    positions: Mapping[Partition, Position]
