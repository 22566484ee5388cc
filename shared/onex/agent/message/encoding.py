"""From results to records: type -> topic, key, derived id, headers, bytes."""

from binascii import hexlify
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, cast

from onex.agent.message.any_command import AnyCommandWriter
from onex.agent.message.envelope import Envelope
from onex.agent.message.handlers import Emission
from onex.agent.message.program import Output
from onex.agent.message.seal import Seal
from onex.agent.topic_limits import TopicLimits
from onex.bus.protocols import Emitted
from onex.errors import RejectedError, WrongOutputError
from onex.model.message import Message
from onex.node import Addressed
from onex.schedules import CommandText
from onex.util.clock import to_datetime
from onex.util.interrupts import raise_if_interrupted
from onex.wire import headers as h
from onex.wire.ids import IdDigest, output_digest

_ID, _CORRELATION, _CAUSATION, _SUBJECT = h.ID, h.CORRELATION, h.CAUSATION, h.SUBJECT
_REPLY_KEY, _TRACE_PARENT, _TRACE_STATE, _DEADLINE = h.REPLY_KEY, h.TRACE_PARENT, h.TRACE_STATE, h.DEADLINE


_Write = Callable[[bytes, bytes | None, Envelope, bytes | None, IdDigest, tuple[str, bytes]], Emitted]
"""Takes value, key, envelope of the input, reply key, digest of what all ids begin with, header with the time."""


class _RecordWriter(NamedTuple):
    """How messages of one type become records."""

    key_of: Callable[[Message], bytes | None]
    keys_of: Callable[[Sequence[Message]], Iterable[bytes | None]]
    encode: Callable[[Message], bytes]
    write_plain: _Write
    """Without the headers of capabilities."""
    write: _Write


class Encoder:
    """Turns the outputs of one node into records."""

    def __init__(
        self,
        outputs: Mapping[type[Message], Output],
        node: str,
        limits: TopicLimits | None = None,
        *,
        keeps_deadline: bool = False,
        seal: Seal | None = None,
        any_command: AnyCommandWriter | None = None,
    ) -> None:
        """``keeps_deadline``: outputs have the deadline of the input. With ``limits``, ``encode_each`` refuses
        records that their topics do not take; without, the caller checks them. ``seal`` adds headers to outputs.
        ``any_command``: for nodes that send commands to topics which their contract does not list."""
        self._limits = limits
        self._seal = seal
        self._any_command = any_command
        self._writers = {
            model: _RecordWriter(
                output.key_of,
                output.keys_of,
                output.encode,
                (write := _write_function(output, keeps_deadline=keeps_deadline)),
                write if seal is None else _sealed(write, seal),
            )
            for model, output in outputs.items()
        }
        self._node = node.encode()
        self._first = output_digest(self._node, 0)
        self._now_ms = -1
        self._time = (h.TIME, b"")

    def set_time(self, now_ms: int) -> None:
        """Set the time of the outputs that follow, in milliseconds since 1970."""
        if now_ms != self._now_ms:
            self._now_ms = now_ms
            self._time = (h.TIME, to_datetime(now_ms).isoformat().encode())

    def encode_each(
        self, results: Sequence[object], envelopes: Sequence[Envelope | None]
    ) -> list[Emitted | BaseException | None]:
        """Return the record of each declared message, or why it cannot be encoded; None for any other result.

        With ``limits``, RejectedError for a record that its topic does not take. All values are encoded before the
        headers of the first record are made: see :meth:`onex.agent.pure.processor.Processor.carry`.
        """
        records, values = self._alike(results, envelopes) or self._unlike(results, envelopes)
        if self._limits is None or self._limits.surely_fit(values):
            return records
        return [self._fitting(record, self._limits) for record in records]

    def _alike(
        self, results: Sequence[object], envelopes: Sequence[Envelope | None]
    ) -> tuple[list[Emitted | BaseException | None], Sequence[object]] | None:
        """Return records of messages of one type, with their values; None for any other results, or when one fails.

        Values and text keys are made in C loops over the group, which call nothing but the codec.
        """
        types = {*map(type, results)}
        writer = self._writers.get(types.pop()) if len(types) == 1 else None
        if writer is None or None in envelopes:
            return None
        messages, causes = cast("Sequence[Message]", results), cast("Sequence[Envelope]", envelopes)
        write, start, time = writer.write, self._first, self._time
        try:
            values = [*map(writer.encode, messages)]
            records: list[Emitted | BaseException | None] = [
                write(value, key or envelope.reply_key or envelope.key, envelope, envelope.reply_key, start, time)
                for value, key, envelope in zip(values, writer.keys_of(messages), causes, strict=True)
            ]
        except BaseException as error:  # noqa: BLE001 - ``_unlike`` finds the result that it is about
            raise_if_interrupted(error)
            return None
        return records, values

    def _unlike(
        self, results: Sequence[object], envelopes: Sequence[Envelope | None]
    ) -> tuple[list[Emitted | BaseException | None], Sequence[object]]:
        """Return records of any results, with their values, one by one."""
        writers, start, time = self._writers, self._first, self._time
        values: list[bytes | BaseException | None] = []
        for result in results:
            writer = writers.get(type(result))  # type: ignore[arg-type]  # other types have no writer
            try:
                values.append(None if writer is None else writer.encode(result))  # type: ignore[arg-type]  # as above
            except BaseException as error:  # noqa: BLE001 - returned, because the caller knows its record
                raise_if_interrupted(error)
                values.append(error)
        records: list[Emitted | BaseException | None] = []
        for result, value, envelope in zip(results, values, envelopes, strict=True):
            if envelope is None or type(value) is not bytes:
                records.append(None if envelope is None else value)  # type: ignore[arg-type]  # no bytes are left
                continue
            key_of, _, _, _, write = writers[type(result)]  # type: ignore[index]  # as above
            try:
                key = key_of(result) or envelope.reply_key or envelope.key  # type: ignore[arg-type]  # as above
                records.append(write(value, key, envelope, envelope.reply_key, start, time))
            except BaseException as error:  # noqa: BLE001 - as above
                raise_if_interrupted(error)
                records.append(error)
        return records, values

    def encode_all(
        self, emissions: Iterable[Emission], envelope: Envelope, reply_key: bytes | None, first: int = 0
    ) -> list[Emitted]:
        """Return records of all outputs of one input. Raise when one of them cannot be encoded.

        The caller checks that they fit into their topics, for many inputs together. ``reply_key``: where replies to
        these messages go. ``first``: number of the first output, of which the ids are made.
        """
        records: list[Emitted] = []
        for index, emission in enumerate(emissions, first):
            message = emission.message if isinstance(emission, Addressed) else emission
            writer = self._writers.get(type(message))
            if writer is None and self._any_command is not None:
                match emission:
                    case Addressed(message=CommandText() as command):
                        written = self._any_command.write(command, emission, envelope, self._time)
                        records.append(written if self._seal is None else self._seal(written))
                        continue
            if writer is None:
                raise WrongOutputError(f"{type(message).__name__} is no output of this node's contract")
            own_key, value, start = writer.key_of(message), writer.encode(message), output_digest(self._node, index)
            if isinstance(emission, Addressed):
                key = emission.key.encode() or own_key or envelope.reply_key or envelope.key
                emission_reply_key = emission.reply_key.encode() or reply_key
                record = writer.write_plain(value, key, envelope, emission_reply_key, start, self._time)
                addressed = _addressed(record, emission, self._now_ms)
                records.append(addressed if self._seal is None else self._seal(addressed))
            else:
                key = own_key or envelope.reply_key or envelope.key
                records.append(writer.write(value, key, envelope, reply_key, start, self._time))
        return records

    def _fitting(self, record: Emitted | BaseException | None, limits: TopicLimits) -> Emitted | BaseException | None:
        if not isinstance(record, tuple):
            return record
        try:
            limits.require_fit([record], "output")
        except RejectedError as error:
            return error
        return record


def _write_function(output: Output, *, keeps_deadline: bool) -> _Write:
    """Return the function that makes records of messages of one type. Its closure has what all of them share."""
    topic, constant = output.topic, tuple(output.constant_headers)

    def write(
        value: bytes,
        key: bytes | None,
        envelope: Envelope,
        reply_key: bytes | None,
        start: IdDigest,
        time: tuple[str, bytes],
    ) -> Emitted:
        identity = start.copy()
        identity.update(envelope.id)
        headers = [
            *constant,
            (_ID, hexlify(identity.digest())),
            time,
            (_CORRELATION, envelope.correlation),
            (_CAUSATION, envelope.id),
        ]
        if key:
            headers.append((_SUBJECT, key))
        if reply_key:
            headers.append((_REPLY_KEY, reply_key))
        if envelope.trace_parent:
            headers.append((_TRACE_PARENT, envelope.trace_parent))
            if envelope.trace_state:
                headers.append((_TRACE_STATE, envelope.trace_state))
        if keeps_deadline and envelope.deadline:
            headers.append((_DEADLINE, envelope.deadline))
        return topic, value, key, headers

    return write


def _sealed(write: _Write, seal: Seal) -> _Write:
    return lambda *parts: seal(write(*parts))


def _addressed(record: Emitted, emission: Addressed, now_ms: int) -> Emitted:
    """Return the record with the headers that the handler set instead of those that follow from the input."""
    own_headers = {
        h.ID: emission.id,
        h.CORRELATION: emission.correlation_id,
        h.ANSWER_TO: emission.answers_id,
        h.IDEMPOTENCY_KEY: emission.idempotency_key,
        h.DEADLINE: str(now_ms + round(emission.answer_within * 1000)) if emission.answer_within else "",
    }
    topic, value, key, headers = record
    merged = dict(headers) | {name: text.encode() for name, text in own_headers.items() if text}
    return topic, value, key, list(merged.items())
