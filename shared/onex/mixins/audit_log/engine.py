"""Writes sealed entries to the audit topic: of an EFFECT before its work, of a pure node with its results."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from uuid import uuid4

import structlog
from typing_extensions import override

from onex.capability import BatchFacts, Event, NodeIdentity, Proceed, ProtocolCurrentMessage, ProtocolEventSink
from onex.capability.current_record import NoCurrentRecord, ProtocolCurrentRecord
from onex.capability.sender import SENDER
from onex.errors import NodeUseError, NotNowError, OnexError, RejectedError, TransientError
from onex.mixins.audit_log.chain import FIRST, sealed
from onex.mixins.audit_log.model_audit_log_subcontract import ModelAuditLogSubcontract
from onex.mixins.audit_log.protocol_audit_log import ProtocolAuditLog
from onex.mixins.audit_log.unsent import UnsentEntries
from onex.model.context import Context
from onex.model.enums import EnumNodeKind
from onex.model.mesh import AuditRecorded
from onex.model.message import Message
from onex.util.clock import ProtocolClock, to_datetime
from onex.util.error_text import error_text
from onex.util.redaction import Redactor

log = structlog.get_logger(__name__)
_BATCH_ENTRIES = 100
"""Entries of one request, so that not all waiting entries are sent again with each message while brokers are away."""
_MAX_FACTS_CHARACTERS = 65_536
"""Characters of all facts of an entry. An entry must fit into a record, whatever a message contains."""
_LOG_INTERVAL = 10.0
"""Seconds between two log lines about failures."""


class AuditLogEngine(ProtocolAuditLog):
    """One chain for each process, from its first entry. Belongs to one event loop, or one thread of a pure node."""

    def __init__(
        self,
        settings: ModelAuditLogSubcontract,
        identity: NodeIdentity,
        current_message: ProtocolCurrentMessage,
        sink: ProtocolEventSink,
        clock: ProtocolClock,
        current_record: ProtocolCurrentRecord | None = None,
        kind: EnumNodeKind = EnumNodeKind.EFFECT,
    ) -> None:
        self._is_effect = kind is EnumNodeKind.EFFECT
        self._kind = kind
        self._current_record = current_record or NoCurrentRecord()
        self._committed = 0, FIRST
        """Number and seal of the last entry of a pure node that is committed."""
        self._senders: dict[str, str] = {}
        """Senders of a pure node's messages, by place of the record."""
        self._notes: dict[str, list[tuple[str, str, dict[str, object]]]] = {}
        """What the handler of a pure node has recorded, by place of the record: what, detail, facts."""
        self._settings = settings
        self._identity = identity
        self._current_message = current_message
        self._sink = sink
        self._clock = clock
        self._key = settings.seal_key.get_secret_value().encode()
        self._redact = Redactor(settings.sensitive_field_patterns)
        self._chain = f"{identity.name}/{identity.instance or 'alone'}/{uuid4().hex[:12]}"
        self._last = FIRST
        self._count = 0
        self._unsent = UnsentEntries(settings.max_unsent)
        self._last_logged = float("-inf")
        self._awaited: dict[int, RejectedError | None] = {}
        """Numbers of entries that a caller waits for, with the error of an entry that can never be written."""
        self._writing = asyncio.Lock()

    async def around(self, message: Message, context: Context, proceed: Proceed) -> object:
        """Record a message before its handler, and the outcome after it."""
        if not self._settings.record_messages:
            return await proceed(message, context)
        what, facts = type(message).__name__, self._facts_of(message)
        SENDER.set("")  # a task starts with the context of the task that created it
        await self._append(what, "received", "", facts)
        try:
            result = await proceed(message, context)
        except NotNowError:
            raise  # no work was done, so there is no outcome yet
        except RejectedError as error:
            await self._append(what, "refused", error_text(error), {})
            raise
        except Exception as error:
            await self._append(what, "failed", error_text(error), {})
            raise
        await self._append(what, "done", "", {})
        return result

    @override
    async def record(self, what: str, /, *, detail: str = "", **facts: object) -> None:
        if not self._is_effect:
            raise NodeUseError(f"a {self._kind} cannot wait for the audit log; call `note`, which needs no await")
        await self._append(what, "recorded", detail, facts)

    @override
    def note(self, what: str, /, *, detail: str = "", **facts: object) -> None:
        if self._is_effect:
            raise NodeUseError("the entries of an EFFECT are written before its work: `await self.audit.record(...)`")
        self._notes.setdefault(self._place(), []).append((what, detail, facts))

    # -- pure nodes: see ProtocolCheck, ProtocolAfter, ProtocolRecorder and ProtocolBatchObserver

    def check(self, message: Message) -> None:
        """Forget what an earlier call of the handler with this record has left."""
        SENDER.set("")
        if not self._is_effect:
            place = self._place()
            self._notes.pop(place, None)
            self._senders.pop(place, None)

    def after(self) -> None:
        """Store the sender, which an inner layer has set."""
        if sender := SENDER.get():
            self._senders[self._place()] = sender

    def began(self) -> None:
        """Continue after the last committed entry."""
        self._count, self._last = self._committed
        self._senders.clear()
        self._notes.clear()

    def entries(self, message: Message | None, error: BaseException | None) -> Sequence[Message]:
        """Return the entries about the current message: those of its handler, and its outcome."""
        place = self._place()
        notes = self._notes.pop(place, [])
        SENDER.set(self._senders.pop(place, ""))
        entries = [self._sealed(what, "recorded", detail, facts) for what, detail, facts in notes if error is None]
        if self._settings.record_messages:
            what = "a record that cannot be decoded" if message is None else type(message).__name__
            facts = {} if message is None else self._facts_of(message)
            is_refused = message is None or isinstance(error, RejectedError)
            outcome = "done" if error is None else "refused" if is_refused else "failed"
            entries.append(self._sealed(what, outcome, "" if error is None else error_text(error), facts))
        SENDER.set("")
        return entries

    def observed(self, batch: BatchFacts) -> None:
        """Take the entries of a committed batch as written."""
        self._committed = self._count, self._last

    def _place(self) -> str:
        record = self._current_record.facts()
        return "" if record is None else record.place

    def _facts_of(self, message: Message) -> dict[str, object]:
        return {name: getattr(message, name, None) for name in self._settings.include_fields}

    def reported_metrics(self) -> Mapping[str, float]:
        """Entries that wait to be written, and dropped entries, which verification reports as missing."""
        return {"unsent": float(len(self._unsent)), "dropped": float(self._unsent.dropped)}

    async def _append(self, what: str, outcome: str, detail: str, facts: dict[str, object]) -> None:
        """Number and seal an entry, then write it and all entries that wait before it."""
        while self._settings.fail_closed and self._unsent.full:
            await self._write(self._count)  # the work has not started, so no entry is made until there is room
        entry = self._sealed(what, outcome, detail, facts)
        self._unsent.add(entry)
        await self._write(entry.number)

    def _sealed(self, what: str, outcome: str, detail: str, facts: dict[str, object]) -> AuditRecorded:
        self._count += 1
        entry = AuditRecorded(
            chain=self._chain,
            number=self._count,
            previous=self._last,
            seal="",
            node=self._identity.name,
            what=what[: self._settings.max_detail],
            outcome=outcome,
            detail=detail[: self._settings.max_detail].encode(errors="replace").decode(),
            who=SENDER.get(),
            facts=_text_of(self._redact.clean(facts)),
            message_id=self._current_message.message_id,
            correlation_id=self._current_message.correlation_id,
            at=to_datetime(self._clock.now_ms()),
        )
        entry = sealed(entry, self._key)
        self._last = entry.seal
        return entry

    async def _write(self, number: int) -> None:
        """Write entries up to ``number``. With ``fail_closed``, raise TransientError when that is not possible."""
        self._awaited[number] = None
        try:
            await self._write_up_to(number)
        except OnexError as error:
            if self._settings.fail_closed:
                raise TransientError(f"the audit log cannot be written: {error}") from error
            self._log_failure(error)
        finally:
            refused = self._awaited.pop(number, None)
        if refused is not None and self._settings.fail_closed:
            raise RejectedError(f"the audit log cannot hold this: {refused}") from refused

    def _log_failure(self, error: OnexError) -> None:
        """Log at most one line in 10 seconds. While brokers are away each message fails."""
        now = self._clock.monotonic()
        if now - self._last_logged < _LOG_INTERVAL:
            return
        self._last_logged = now
        unsent = self._unsent
        log.error("the audit log cannot be written", error=str(error), unsent=len(unsent), dropped=unsent.dropped)

    async def _write_up_to(self, number: int) -> None:
        """Write entries up to ``number``, and later ones with them. Send unacknowledged entries again unchanged."""
        async with self._writing:
            while batch := self._unsent.first(_BATCH_ENTRIES, number):
                try:
                    await self._send(batch)
                except RejectedError:
                    await self._send_each(batch)
                self._unsent.sent(batch[-1].number)

    async def _send(self, batch: list[AuditRecorded]) -> None:
        await self._sink.send([Event(entry, entry.chain) for entry in batch])

    async def _send_each(self, batch: list[AuditRecorded]) -> None:
        """Send entries one by one. Drop an entry that is too large for a record, so that the others are sent."""
        for entry in batch:
            try:
                await self._send([entry])
            except RejectedError as error:
                self._unsent.give_up(entry.number)
                self._log_failure(error)
                if entry.number in self._awaited:
                    self._awaited[entry.number] = error
            else:
                self._unsent.sent(entry.number)


def _text_of(facts: object) -> str:
    """Return facts as JSON. The length of a value takes the place of a value that is too long."""
    text = json.dumps(facts, default=str, sort_keys=True)
    if len(text) <= _MAX_FACTS_CHARACTERS:
        return text
    assert isinstance(facts, dict), "the redactor returns a dict for a mapping"
    limit = _MAX_FACTS_CHARACTERS // max(1, len(facts))
    lengths = {name: len(json.dumps(value, default=str)) for name, value in facts.items()}
    shortened = {
        name: value if lengths[name] <= limit else f"[{lengths[name]} characters]" for name, value in facts.items()
    }
    return json.dumps(shortened, default=str, sort_keys=True)
