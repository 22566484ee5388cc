"""Calls that wait for the end of their command. All calls share the listeners."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import ValidationError

from onex.bus.protocols import ProtocolRecord
from onex.errors import MessageError
from onex.mesh.address_book import Address
from onex.mesh.errors import CommandRejectedError, WorkflowFailedError
from onex.model.enums import EnumFailureClass
from onex.model.message import Message
from onex.model.repeated import CompletionRepeated
from onex.schema import TopicCodecs
from onex.schema.topic_codecs import UnlistedTypeError
from onex.util.clock import to_datetime
from onex.util.error_text import validation_text
from onex.wire import dead_letter as d
from onex.wire import headers as h
from onex.wire.foreign_headers import headers_of

_REFUSED = (
    EnumFailureClass.POISON,
    EnumFailureClass.SCHEMA,
    EnumFailureClass.REJECTED,
    EnumFailureClass.UNFINISHED,
)
_MOST_STEPS = 10_000
"""Steps that one call receives. Any client that may write to the topic of a step can name the command of a call."""


@dataclass(frozen=True, slots=True)
class Step:
    """A message between a command and its end."""

    name: str
    """Type of the message."""
    source: str
    """Node that published it."""
    at: datetime
    message: Message | None
    """None when this client does not have its class."""


@dataclass(eq=False, slots=True)
class Call:
    """One caller that waits for the end of a command. ``steps`` is None when it wants the end only."""

    command_id: str
    address: Address
    result: asyncio.Future[Message]
    steps: asyncio.Queue[Step | None] | None = None
    seen: set[str] = field(default_factory=set)
    """Ids of the steps so far: a step that is delivered again has the same id."""
    ended_by: ProtocolRecord | None = None


class Calls:
    """Open calls by command id, which is the correlation id. A repeated command may have several."""

    def __init__(self, codecs_of: Callable[[str], TopicCodecs | None]) -> None:
        """``codecs_of`` returns the codecs of a topic; None for one whose messages this client cannot read."""
        self._codecs_of = codecs_of
        self._waiting: dict[str, list[Call]] = {}

    def open(self, call: Call) -> None:
        """Pass records of its command to this call from now on."""
        self._waiting.setdefault(call.command_id, []).append(call)

    def close(self, call: Call) -> None:
        """Remove a call that has ended, timed out or was cancelled."""
        others = [other for other in self._waiting.get(call.command_id, ()) if other is not call]
        if others:
            self._waiting[call.command_id] = others
        else:
            self._waiting.pop(call.command_id, None)
        if not call.result.cancel() and not call.result.cancelled():
            call.result.exception()  # retrieved, so that asyncio logs nothing when the caller was cancelled meanwhile

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def take(self, record: ProtocolRecord) -> None:
        """Take a record of a listener. Most records belong to no call of this client."""
        headers = dict(record.headers() or ())
        correlation = headers.get(h.CORRELATION) or headers.get(h.ID) or b""
        for call in tuple(self._waiting.get(correlation.decode(errors="replace"), ())):
            # Steps come over other partitions than the end does: some arrive after it.
            if call.steps is not None or not call.result.done():
                self._process(call, record)

    def _process(self, call: Call, record: ProtocolRecord) -> None:
        headers, topic = headers_of(record), record.topic()
        if topic == call.address.dead_letter:
            self._end_by_dead_letter(call, headers)
            return
        codecs = self._codecs_of(topic)
        message: Message | None = None
        try:
            message = codecs.of(headers, record.value()).decode(record.value()) if codecs else None
        except UnlistedTypeError:
            return  # a message that this client does not know
        except MessageError as error:
            if topic in (*call.address.completed.values(), *call.address.failed.values()):
                self._end(call, WorkflowFailedError(call.command_id, f"{topic} cannot be read: {error}"))
        if isinstance(message, CompletionRepeated):
            message, topic = self._original(call, message)
        else:
            self._add_step(call, record, headers, message)
        if message is not None:
            name = type(message).__name__
            if call.address.completed.get(name) == topic:
                call.ended_by = record
                self._end(call, message)
            elif call.address.failed.get(name) == topic:
                call.ended_by = record
                reason = str(getattr(message, "reason", name))
                self._end(call, WorkflowFailedError(call.command_id, reason, message))

    def _original(self, call: Call, repeated: CompletionRepeated) -> tuple[Message | None, str]:
        """Return the completion that is repeated, and its topic; None for one that this client cannot read."""
        topic = {**call.address.completed, **call.address.failed}.get(repeated.completion, "")
        codecs = self._codecs_of(topic)
        model = None if codecs is None else codecs.named(repeated.completion)
        try:
            return (None if model is None else model.from_stored_json(repeated.content)), topic
        except ValidationError as error:
            self._end(call, WorkflowFailedError(call.command_id, f"{topic} cannot be read: {validation_text(error)}"))
            return None, topic

    def _end_by_dead_letter(self, call: Call, headers: Mapping[str, bytes]) -> None:
        """End a call whose command became a dead letter. The workflow handles dead letters of later messages."""
        letter = {name: value.decode(errors="replace") for name, value in headers.items()}
        if letter.get(d.MESSAGE_ID) != call.command_id or letter.get(d.NODE) != call.address.node:
            return
        if letter.get(d.CLASS) not in set(EnumFailureClass):
            return  # not written by a node
        failure, reason = EnumFailureClass(letter[d.CLASS]), letter.get(d.MESSAGE, "")
        if failure in _REFUSED:
            self._end(call, CommandRejectedError(call.command_id, failure, reason, letter))
        else:
            self._end(call, WorkflowFailedError(call.command_id, f"{failure}: {reason}"))

    def _add_step(
        self, call: Call, record: ProtocolRecord, headers: Mapping[str, bytes], message: Message | None
    ) -> None:
        names = {topic: name for name, topic in call.address.steps.items()}
        identity = headers.get(h.ID, b"").decode(errors="replace")
        if call.steps is None or record.topic() not in names or identity in call.seen:
            return
        if len(call.seen) >= _MOST_STEPS:
            return
        call.seen.add(identity)
        source = headers.get(h.SOURCE, b"").decode(errors="replace").removeprefix("/onex/").partition("/")[0]
        call.steps.put_nowait(Step(names[record.topic()], source, to_datetime(record.timestamp()[1]), message))

    def _end(self, call: Call, outcome: Message | Exception) -> None:
        if call.result.done():
            return
        if isinstance(outcome, Message):
            call.result.set_result(outcome)
        else:
            call.result.set_exception(outcome)
        if call.steps is not None:
            call.steps.put_nowait(None)
