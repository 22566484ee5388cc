"""From answers to records: type -> topic, key, derived id, headers, bytes."""

from collections.abc import Iterable, Mapping

from onex.agent.answers import Emission
from onex.agent.clock import to_datetime
from onex.agent.envelope import Envelope
from onex.agent.program import Output
from onex.bus import headers as h
from onex.bus.protocols import Emitted
from onex.model.errors import WrongOutputError
from onex.model.message import Message
from onex.node import Addressed

MAX_MESSAGE_BYTES = 1_048_576
"""Largest value of an output; the limit of the topics."""


class Emitter:
    """Turns the outputs of one node into records."""

    def __init__(self, outputs: Mapping[type[Message], Output], node: str) -> None:
        self._outputs = outputs
        self._node = node.encode()
        self._time = (h.TIME, b"")

    def at(self, now_ms: int) -> None:
        """The time of the batch in hand: of all outputs from here on."""
        self._time = (h.TIME, to_datetime(now_ms).isoformat().encode())

    def only(self, result: object, envelope: Envelope, reply_key: bytes | None) -> Emitted | None:
        """The record of a result that is one declared message, as most are; None for anything else."""
        output = self._outputs.get(type(result))  # type: ignore[arg-type]  # other types are just not found
        if output is None:
            return None
        message: Message = result  # type: ignore[assignment]  # outputs are keyed by message types
        key = output.key_of(message) or envelope.reply_key or envelope.key
        headers = envelope.headers(output, envelope.derived_id(self._node, 0), self._time, key, reply_key)
        return output.topic, output.encode(message), key, headers

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
            key = output.key_of(message) or envelope.reply_key or envelope.key
            headers = envelope.headers(output, envelope.derived_id(self._node, index), self._time, key, reply_key)
            records.append((output.topic, output.encode(message), key, headers))
        return records

    def _addressed(self, emission: Addressed, envelope: Envelope, reply_key: bytes | None, index: int) -> Emitted:
        message = emission.message
        output = self._outputs.get(type(message))
        if output is None:
            raise WrongOutputError(f"{type(message).__name__} is no output of this node's contract")
        key = emission.key.encode() or output.key_of(message) or envelope.reply_key or envelope.key
        headers = envelope.headers(
            output,
            emission.id.encode() or envelope.derived_id(self._node, index),
            self._time,
            key,
            emission.reply_key.encode() or reply_key,
            emission.idempotency_key.encode() or None,
            emission.correlation_id.encode() or None,
            emission.answers_id.encode() or None,
        )
        return (output.topic, output.encode(message), key, headers)
