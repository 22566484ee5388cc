"""From answers to records: type -> topic, key, derived id, headers, bytes."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from onex.agent.answers import Emission
from onex.agent.envelope import Envelope
from onex.agent.program import Output
from onex.bus.protocols import Headers
from onex.model.errors import WrongOutputError
from onex.model.message import Message
from onex.node import Addressed


class Emitted(NamedTuple):
    """One record, ready for the producer (in the order of its arguments)."""

    topic: str
    value: bytes | None
    key: bytes | None
    headers: Headers


class Emitter:
    """Turns the outputs of one node into records."""

    def __init__(self, outputs: Mapping[type[Message], Output], node: str) -> None:
        self._outputs = outputs
        self._node = node.encode()
        self.time = b""
        """RFC 3339 time of the batch in hand."""

    def emit(
        self, emissions: Iterable[Emission], envelope: Envelope, reply_key: bytes | None, first: int = 0
    ) -> list[Emitted]:
        """Records of all outputs of one input, or none of them: raises before anything is written.

        ``reply_key`` is where answers to these messages shall go. ``first`` numbers the outputs.
        """
        records: list[Emitted] = []
        for index, emission in enumerate(emissions, first):
            if type(emission) is Addressed:
                records.append(self._addressed(emission, envelope, reply_key, index))
                continue
            output = self._outputs.get(type(emission))  # type: ignore[arg-type]  # Addressed was handled above
            if output is None:
                raise WrongOutputError(f"{type(emission).__name__} is no output of this node's contract")
            message: Message = emission  # type: ignore[assignment]  # outputs are keyed by message types
            key = message.partition_key() or envelope.reply_key or envelope.key
            headers = envelope.headers(output, envelope.derived_id(self._node, index), self.time, key, reply_key)
            records.append(Emitted(output.topic, output.encode(message), key, headers))
        return records

    def _addressed(self, emission: Addressed, envelope: Envelope, reply_key: bytes | None, index: int) -> Emitted:
        message = emission.message
        output = self._outputs.get(type(message))
        if output is None:
            raise WrongOutputError(f"{type(message).__name__} is no output of this node's contract")
        key = emission.key.encode() or message.partition_key() or envelope.reply_key or envelope.key
        headers = envelope.headers(
            output,
            emission.id.encode() or envelope.derived_id(self._node, index),
            self.time,
            key,
            emission.reply_key.encode() or reply_key,
            emission.idempotency_key.encode() or None,
        )
        return Emitted(output.topic, output.encode(message), key, headers)
