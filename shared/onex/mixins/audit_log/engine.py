"""Entries on their way into the topic."""

import asyncio
import json
from collections.abc import Mapping
from uuid import uuid4

import structlog

from onex.capability import Event, NodeIdentity, Proceed, ProtocolCurrentMessage, ProtocolEventSink
from onex.capability.sender import SENDER
from onex.errors import NotNowError, OnexError, RejectedError, TransientError
from onex.mixins.audit_log.chain import FIRST, sealed
from onex.mixins.audit_log.model_audit_log_subcontract import ModelAuditLogSubcontract
from onex.mixins.audit_log.unsent import UnsentEntries
from onex.model.context import Context
from onex.model.error_text import error_text
from onex.model.mesh import AuditRecorded
from onex.model.message import Message
from onex.util.clock import ProtocolClock, to_datetime
from onex.util.redaction import Redactor

log = structlog.get_logger(__name__)
_AT_ONCE = 100
"""Entries of one request; what waits is not sent whole again with each message while brokers are away."""
_MOST_FACTS = 65_536
"""Characters of all facts of an entry: an entry must fit into a record, whatever a message holds."""
_LOG_EVERY = 10.0


class AuditLogEngine:
    """See :class:`ProtocolAuditLog`. One chain a process, which begins with the first entry."""

    def __init__(
        self,
        settings: ModelAuditLogSubcontract,
        identity: NodeIdentity,
        current_message: ProtocolCurrentMessage,
        sink: ProtocolEventSink,
        clock: ProtocolClock,
    ) -> None:
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
        self._logged = float("-inf")
        self._awaited: dict[int, RejectedError | None] = {}
        """Numbers of entries that are waited for, and why one of them can never be written."""
        self._writing = asyncio.Lock()

    async def around(self, message: Message, context: Context, proceed: Proceed) -> object:
        """Record a message before its handler, and what came of it."""
        if not self._settings.record_messages:
            return await proceed(message, context)
        what, facts = type(message).__name__, self._facts_of(message)
        SENDER.set("")  # tasks begin with what the one before them knew
        await self._append(what, "received", "", facts)
        try:
            answer = await proceed(message, context)
        except NotNowError:
            raise  # nothing was done, and nothing is known yet
        except RejectedError as error:
            await self._append(what, "refused", error_text(error), {})
            raise
        except Exception as error:
            await self._append(what, "failed", error_text(error), {})
            raise
        await self._append(what, "done", "", {})
        return answer

    async def record(self, what: str, /, *, detail: str = "", **facts: object) -> None:
        """See the protocol."""
        await self._append(what, "recorded", detail, facts)

    def _facts_of(self, message: Message) -> dict[str, object]:
        return {name: getattr(message, name, None) for name in self._settings.include_fields}

    def reported_metrics(self) -> Mapping[str, float]:
        """Entries that wait for the topic, and those that were given up: verification reports them as missing."""
        return {"unsent": float(len(self._unsent)), "dropped": float(self._unsent.dropped)}

    async def _append(self, what: str, outcome: str, detail: str, facts: dict[str, object]) -> None:
        """Number and seal an entry, then see it written with all that wait before it."""
        while self._settings.fail_closed and self._unsent.full:
            await self._write(self._count)  # what is not done needs no entry: none is made until there is room
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
            detail=detail[: self._settings.max_detail],
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
        """Up to this entry. Raises TransientError where that is not possible and the contract wants it."""
        self._awaited[number] = None
        try:
            await self._write_up_to(number)
        except OnexError as error:
            if self._settings.fail_closed:
                raise TransientError(f"the audit log cannot be written: {error}") from error
            self._report(error)
        finally:
            refused = self._awaited.pop(number, None)
        if refused is not None and self._settings.fail_closed:
            raise RejectedError(f"the audit log cannot hold this: {refused}") from refused

    def _report(self, error: OnexError) -> None:
        """One line in some seconds: while brokers are away there is an error for each message."""
        now = self._clock.monotonic()
        if now - self._logged < _LOG_EVERY:
            return
        self._logged = now
        unsent = self._unsent
        log.error("the audit log cannot be written", error=str(error), unsent=len(unsent), dropped=unsent.dropped)

    async def _write_up_to(self, number: int) -> None:
        """Together with whatever came meanwhile; what was not acknowledged goes out again, as it was."""
        async with self._writing:
            while batch := self._unsent.first(_AT_ONCE, number):
                try:
                    await self._send(batch)
                except RejectedError:
                    await self._send_each(batch)
                self._unsent.sent(batch[-1].number)

    async def _send(self, batch: list[AuditRecorded]) -> None:
        await self._sink.send([Event(entry, entry.chain) for entry in batch])

    async def _send_each(self, batch: list[AuditRecorded]) -> None:
        """One that no record can hold must not keep the others back: it is given up."""
        for entry in batch:
            try:
                await self._send([entry])
            except RejectedError as error:
                self._unsent.give_up(entry.number)
                self._report(error)
                if entry.number in self._awaited:
                    self._awaited[entry.number] = error
            else:
                self._unsent.sent(entry.number)


def _text_of(facts: object) -> str:
    """Facts as JSON. Values that are too long are left out, with their length in their place."""
    text = json.dumps(facts, default=str, sort_keys=True)
    if len(text) <= _MOST_FACTS:
        return text
    assert isinstance(facts, dict), "as the redactor makes it of a mapping"
    most = _MOST_FACTS // max(1, len(facts))
    lengths = {name: len(json.dumps(value, default=str)) for name, value in facts.items()}
    kept = {
        name: value if lengths[name] <= most else f"[{lengths[name]} characters]" for name, value in facts.items()
    }
    return json.dumps(kept, default=str, sort_keys=True)
