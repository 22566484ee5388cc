"""From answers to records: type -> topic, key, derived id, headers, bytes."""

from binascii import hexlify
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple, Protocol, cast

from onex.agent.message.envelope import Envelope
from onex.agent.message.handlers import Emission
from onex.agent.message.program import Output
from onex.agent.topic_limits import TopicLimits
from onex.bus.protocols import Emitted
from onex.errors import RejectedError, WrongOutputError
from onex.model.message import Message
from onex.node import Addressed
from onex.util.clock import to_datetime
from onex.util.interrupts import raise_if_interrupted
from onex.wire import headers as h

_ID, _CORRELATION, _CAUSATION, _SUBJECT = h.ID, h.CORRELATION, h.CAUSATION, h.SUBJECT
_REPLY_KEY, _TRACE_PARENT, _TRACE_STATE, _DEADLINE = h.REPLY_KEY, h.TRACE_PARENT, h.TRACE_STATE, h.DEADLINE


class _Hash(Protocol):
    """A digest that has taken what is the same for all messages, to be copied."""

    def copy(self) -> "_Hash": ...
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


Write = Callable[[bytes, bytes | None, Envelope, bytes | None, _Hash, tuple[str, bytes]], Emitted]
"""Value, key, envelope of the input, reply key, begin of the id, header with the time."""


class _Way(NamedTuple):
    """How messages of one type become records."""

    key_of: Callable[[Message], bytes | None]
    encode: Callable[[Message], bytes]
    write: Write


class Encoder:
    """Turns the outputs of one node into records."""

    def __init__(
        self,
        outputs: Mapping[type[Message], Output],
        node: str,
        limits: TopicLimits | None = None,
        *,
        keeps_deadline: bool = False,
    ) -> None:
        """``keeps_deadline``: outputs carry the deadline of the input on. With ``limits``, ``each`` refuses records
        that their topics do not take; without, the caller asks that."""
        self._limits = limits
        self._ways = {
            model: _Way(output.key_of, output.encode, _writer(output, keeps_deadline=keeps_deadline))
            for model, output in outputs.items()
        }
        self._node = node.encode()
        self._first = _hash(self._node, 0)
        self._now_ms = -1
        self._time = (h.TIME, b"")

    def set_time(self, now_ms: int) -> None:
        """The time of the batch in hand: of all outputs from here on."""
        if now_ms != self._now_ms:
            self._now_ms = now_ms
            self._time = (h.TIME, to_datetime(now_ms).isoformat().encode())

    def encode_one(self, result: object, envelope: Envelope) -> Emitted | None:
        """The record of a result that is one declared message, as most are; None for anything else."""
        way = self._ways.get(type(result))  # type: ignore[arg-type]  # other types are just not found
        if way is None:
            return None
        message: Message = result  # type: ignore[assignment]  # ways are keyed by message types
        key = way.key_of(message) or envelope.reply_key or envelope.key
        return way.write(way.encode(message), key, envelope, envelope.reply_key, self._first, self._time)

    def encode_each(
        self, results: Sequence[object], envelopes: Sequence[Envelope | None]
    ) -> list[Emitted | BaseException | None]:
        """What ``only`` gives for each result, or raises; None where there is no envelope. RejectedError for a record
        that its topic does not take, where that is asked here.

        All are encoded before the first gets its headers: see :class:`onex.agent.pure.processor.Processor`.
        """
        records, values = self._alike(results, envelopes) or self._unlike(results, envelopes)
        if self._limits is None or self._limits.surely_fit(values):
            return records
        return [self._fitting(record, self._limits) for record in records]

    def _alike(
        self, results: Sequence[object], envelopes: Sequence[Envelope | None]
    ) -> tuple[list[Emitted | BaseException | None], Sequence[object]] | None:
        """Records of messages of one type, with their values; None where the results are anything else, or one of
        them fails.

        Encoding and keys take no turn of the interpreter's loop: a fifth of what a message costs here.
        """
        types = {*map(type, results)}
        way = self._ways.get(types.pop()) if len(types) == 1 else None
        if way is None or None in envelopes:
            return None
        messages, known = cast("Sequence[Message]", results), cast("Sequence[Envelope]", envelopes)
        write, start, time = way.write, self._first, self._time
        try:
            values = [*map(way.encode, messages)]
            records: list[Emitted | BaseException | None] = [
                write(value, key or envelope.reply_key or envelope.key, envelope, envelope.reply_key, start, time)
                for value, key, envelope in zip(values, map(way.key_of, messages), known, strict=True)
            ]
        except BaseException as error:  # noqa: BLE001 - found out one by one whose it is
            raise_if_interrupted(error)
            return None
        return records, values

    def _unlike(
        self, results: Sequence[object], envelopes: Sequence[Envelope | None]
    ) -> tuple[list[Emitted | BaseException | None], Sequence[object]]:
        """Records of any results, one by one, with their values."""
        ways, start, time = self._ways, self._first, self._time
        values: list[bytes | BaseException | None] = []
        for result in results:
            way = ways.get(type(result))  # type: ignore[arg-type]  # as in ``only``
            try:
                values.append(None if way is None else way.encode(result))  # type: ignore[arg-type]  # as in ``only``
            except BaseException as error:  # noqa: BLE001 - handed to the caller, who knows whose it is
                raise_if_interrupted(error)
                values.append(error)
        records: list[Emitted | BaseException | None] = []
        for result, value, envelope in zip(results, values, envelopes, strict=True):
            if envelope is None or type(value) is not bytes:
                records.append(None if envelope is None else value)  # type: ignore[arg-type]  # no bytes are left
                continue
            key_of, _, write = ways[type(result)]  # type: ignore[index]  # as in ``only``
            try:
                key = key_of(result) or envelope.reply_key or envelope.key  # type: ignore[arg-type]  # as in ``only``
                records.append(write(value, key, envelope, envelope.reply_key, start, time))
            except BaseException as error:  # noqa: BLE001 - as above
                raise_if_interrupted(error)
                records.append(error)
        return records, values

    def encode_all(
        self, emissions: Iterable[Emission], envelope: Envelope, reply_key: bytes | None, first: int = 0
    ) -> list[Emitted]:
        """Records of all outputs of one input, or none of them: raises before anything is written.

        Whether they fit into their topics is the caller's to ask, for many inputs at a time.

        ``reply_key`` is where answers to these messages shall go. ``first`` numbers the outputs.
        """
        records: list[Emitted] = []
        for index, emission in enumerate(emissions, first):
            message = emission.message if isinstance(emission, Addressed) else emission
            way = self._ways.get(type(message))
            if way is None:
                raise WrongOutputError(f"{type(message).__name__} is no output of this node's contract")
            own, value, start = way.key_of(message), way.encode(message), _hash(self._node, index)
            if isinstance(emission, Addressed):
                key = emission.key.encode() or own or envelope.reply_key or envelope.key
                answers_to = emission.reply_key.encode() or reply_key
                record = way.write(value, key, envelope, answers_to, start, self._time)
                records.append(_addressed(record, emission, self._now_ms))
            else:
                key = own or envelope.reply_key or envelope.key
                records.append(way.write(value, key, envelope, reply_key, start, self._time))
        return records

    def _fitting(self, record: Emitted | BaseException | None, limits: TopicLimits) -> Emitted | BaseException | None:
        if not isinstance(record, tuple):
            return record
        try:
            limits.require_fit([record], "output")
        except RejectedError as error:
            return error
        return record


def _writer(output: Output, *, keeps_deadline: bool) -> Write:
    """How messages of one type become records, with all that is the same for each of them at hand."""
    topic, constant = output.topic, tuple(output.constant_headers)

    def write(
        value: bytes,
        key: bytes | None,
        envelope: Envelope,
        reply_key: bytes | None,
        start: _Hash,
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


def _addressed(record: Emitted, emission: Addressed, now_ms: int) -> Emitted:
    """With what the handler said itself instead of what follows from the input."""
    said = {
        h.ID: emission.id,
        h.CORRELATION: emission.correlation_id,
        h.ANSWER_TO: emission.answers_id,
        h.IDEMPOTENCY_KEY: emission.idempotency_key,
        h.DEADLINE: str(now_ms + round(emission.answer_within * 1000)) if emission.answer_within else "",
    }
    topic, value, key, headers = record
    merged = dict(headers) | {name: text.encode() for name, text in said.items() if text}
    return topic, value, key, list(merged.items())


@lru_cache(maxsize=10_000)
def _hash(node: bytes, index: int) -> _Hash:
    """Where the ids of the output ``index`` of a node begin: the same input gives the same ids, however often."""
    return blake2b(b"%b|%d|" % (node, index), digest_size=16)
