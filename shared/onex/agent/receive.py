"""From a record to a typed message: which input it belongs to, what its envelope says, what it holds."""

from collections.abc import Mapping

from onex.agent.envelope import Envelope
from onex.agent.program import Input, Program
from onex.bus import headers as h
from onex.bus.protocols import ProtocolRecord
from onex.model.errors import RejectedError
from onex.model.message import Message

Received = tuple[Input, Message, Envelope]
"""A decoded input. A plain tuple: it is made for every record."""


class Receiver:
    """Decodes records of one node's topics."""

    def __init__(self, program: Program) -> None:
        self._inputs: Mapping[str, Input] = program.inputs
        self._needs_key = program.contract.node_type.is_stateful

    def receive(self, record: ProtocolRecord) -> Received:
        """Decode one record; raises PoisonError, SchemaMismatchError or RejectedError."""
        entry = self._inputs.get(record.topic())
        if entry is None:
            entry = self._replayed(record)
        envelope = Envelope(record)
        if envelope.type is not None and envelope.type != entry.event_type:
            raise RejectedError(f"event type {envelope.type!r} does not belong on {entry.topic}")
        if self._needs_key and not envelope.key:
            raise RejectedError("the record has no key, and state is kept by key")
        return entry, entry.decode(record.value()), envelope

    def _replayed(self, record: ProtocolRecord) -> Input:
        """Records on the retry topic name the topic they came from."""
        topic = dict(record.headers() or []).get(h.ORIGINAL_TOPIC, b"").decode(errors="replace")
        entry = self._inputs.get(topic)
        if entry is None:
            raise RejectedError(f"record on {record.topic()} names no input of this node ({topic!r})")
        return entry
