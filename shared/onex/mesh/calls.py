"""Commands in the air: thousands of them share the listeners, and each hears only its own."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from aiokafka import ConsumerRecord
from pydantic import ValidationError

from onex.errors import MessageError
from onex.mesh.address_book import Address
from onex.mesh.errors import CommandRejectedError, WorkflowFailedError
from onex.model.enums import EnumFailureClass
from onex.model.message import Message
from onex.model.repeated import CompletionRepeated
from onex.schema import Codec
from onex.util.clock import to_datetime
from onex.util.error_text import validation_text
from onex.wire import dead_letter as d
from onex.wire import headers as h

_REFUSED = (EnumFailureClass.POISON, EnumFailureClass.SCHEMA, EnumFailureClass.REJECTED)


_MOST_STEPS = 10_000
"""Steps that one call is told of: everyone who may write to a step's topic can name its command."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened on the way of a command."""

    name: str
    """Type of the message."""
    source: str
    """Node that published it."""
    at: datetime
    message: Message | None
    """None when this client does not have its class."""


@dataclass(eq=False, slots=True)
class Call:
    """One waiter. ``steps`` is None for those who want the end alone."""

    command_id: str
    address: Address
    result: asyncio.Future[Message]
    steps: asyncio.Queue[Step | None] | None = None
    seen: set[str] = field(default_factory=set)
    """Ids of steps shown: redelivered ones have the same."""
    ended_by: ConsumerRecord[bytes, bytes] | None = None


class Calls:
    """Waiters by correlation id. A repeated command may have several."""

    def __init__(self, codec_of: Callable[[str], Codec | None]) -> None:
        self._codec_of = codec_of
        self._waiting: dict[str, list[Call]] = {}

    def open(self, call: Call) -> None:
        """From now on this call hears of its command."""
        self._waiting.setdefault(call.command_id, []).append(call)

    def close(self, call: Call) -> None:
        """Nobody waits any more: done, timed out or cancelled."""
        left = [other for other in self._waiting.get(call.command_id, ()) if other is not call]
        if left:
            self._waiting[call.command_id] = left
        else:
            self._waiting.pop(call.command_id, None)
        if not call.result.cancel() and not call.result.cancelled():
            call.result.exception()  # seen, even when the waiter was cancelled before it could look

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def take(self, record: ConsumerRecord[bytes, bytes]) -> None:
        """A record from a listener; most are for somebody else."""
        headers = dict(record.headers)
        correlation = headers.get(h.CORRELATION) or headers.get(h.ID) or b""
        for call in tuple(self._waiting.get(correlation.decode(errors="replace"), ())):
            # Steps come over other partitions than the end does: some arrive after it.
            if call.steps is not None or not call.result.done():
                self._tell(call, record)

    def _tell(self, call: Call, record: ConsumerRecord[bytes, bytes]) -> None:
        headers = {name: value or b"" for name, value in record.headers}
        if record.topic == call.address.dead_letter:
            self._dead(call, headers)
            return
        codec = self._codec_of(record.topic)
        message: Message | None = None
        try:
            message = codec.decode(record.value) if codec else None
        except MessageError as error:
            if record.topic in (*call.address.completed.values(), *call.address.failed.values()):
                self._end(call, WorkflowFailedError(call.command_id, f"{record.topic} cannot be read: {error}"))
        if isinstance(message, CompletionRepeated):
            message, topic = self._repeated(call, message)
        else:
            topic = record.topic
            self._show(call, record, headers, message)
        if message is not None:
            name = type(message).__name__
            if call.address.completed.get(name) == topic:
                call.ended_by = record
                self._end(call, message)
            elif call.address.failed.get(name) == topic:
                call.ended_by = record
                reason = str(getattr(message, "reason", name))
                self._end(call, WorkflowFailedError(call.command_id, reason, message))

    def _repeated(self, call: Call, repeated: CompletionRepeated) -> tuple[Message | None, str]:
        """The completion that is repeated, and its topic; None for one that this client cannot read."""
        topic = {**call.address.completed, **call.address.failed}.get(repeated.completion, "")
        codec = self._codec_of(topic)
        try:
            return (codec.model.from_stored_json(repeated.content) if codec else None), topic
        except ValidationError as error:
            self._end(call, WorkflowFailedError(call.command_id, f"{topic} cannot be read: {validation_text(error)}"))
            return None, topic

    def _dead(self, call: Call, headers: dict[str, bytes]) -> None:
        """Only the command itself: what becomes of its consequences is the workflow's to judge."""
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

    def _show(
        self, call: Call, record: ConsumerRecord[bytes, bytes], headers: dict[str, bytes], message: Message | None
    ) -> None:
        names = {topic: name for name, topic in call.address.steps.items()}
        identity = headers.get(h.ID, b"").decode(errors="replace")
        if call.steps is None or record.topic not in names or identity in call.seen:
            return
        if len(call.seen) >= _MOST_STEPS:
            return
        call.seen.add(identity)
        source = headers.get(h.SOURCE, b"").decode(errors="replace").removeprefix("/onex/").partition("/")[0]
        call.steps.put_nowait(Step(names[record.topic], source, to_datetime(record.timestamp), message))

    def _end(self, call: Call, outcome: Message | Exception) -> None:
        if call.result.done():
            return
        if isinstance(outcome, Message):
            call.result.set_result(outcome)
        else:
            call.result.set_exception(outcome)
        if call.steps is not None:
            call.steps.put_nowait(None)
