"""Entries on their way into the topic."""

import asyncio
import json
from uuid import uuid4

import structlog

from onex.capability import SENDER, Event, NodeIdentity, Proceed, ProtocolEventSink, ProtocolInHand
from onex.mixins.audit_log.chain import FIRST, sealed
from onex.mixins.audit_log.model_audit_log_subcontract import ModelAuditLogSubcontract
from onex.model.clock import ProtocolClock, to_datetime
from onex.model.context import Context
from onex.model.errors import NotNowError, OnexError, RejectedError, TransientError
from onex.model.mesh import AuditRecorded
from onex.model.message import Message
from onex.model.redaction import Redactor

log = structlog.get_logger(__name__)


class AuditLogEngine:
    """See :class:`ProtocolAuditLog`. One chain a process, which begins with the first entry."""

    def __init__(
        self,
        settings: ModelAuditLogSubcontract,
        identity: NodeIdentity,
        in_hand: ProtocolInHand,
        sink: ProtocolEventSink,
        clock: ProtocolClock,
    ) -> None:
        self._settings = settings
        self._identity = identity
        self._in_hand = in_hand
        self._sink = sink
        self._clock = clock
        self._key = settings.seal_key.get_secret_value().encode()
        self._redact = Redactor(settings.sensitive_field_patterns)
        self._chain = f"{identity.name}/{identity.instance or 'alone'}/{uuid4().hex[:12]}"
        self._last = FIRST
        self._count = self._written = 0
        self._unsent: list[AuditRecorded] = []
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
            await self._append(what, "refused", str(error), {})
            raise
        except Exception as error:
            await self._append(what, "failed", str(error), {})
            raise
        await self._append(what, "done", "", {})
        return answer

    async def record(self, what: str, /, *, detail: str = "", **facts: object) -> None:
        """See the protocol."""
        await self._append(what, "recorded", detail, facts)

    def _facts_of(self, message: Message) -> dict[str, object]:
        return {name: getattr(message, name, None) for name in self._settings.include_fields}

    async def _append(self, what: str, outcome: str, detail: str, facts: dict[str, object]) -> None:
        """Number and seal an entry, then see it written with all that wait before it."""
        self._count += 1
        number = self._count
        clean = self._redact.clean(facts)
        entry = AuditRecorded(
            chain=self._chain,
            number=number,
            previous=self._last,
            seal="",
            node=self._identity.name,
            what=what,
            outcome=outcome,
            detail=detail[: self._settings.max_detail],
            who=SENDER.get(),
            facts=json.dumps(clean, default=str, sort_keys=True),
            message_id=self._in_hand.message_id,
            correlation_id=self._in_hand.correlation_id,
            at=to_datetime(self._clock.now_ms()),
        )
        entry = sealed(entry, self._key)
        self._last = entry.seal
        self._unsent.append(entry)
        try:
            await self._write_up_to(number)
        except OnexError as error:
            if self._settings.fail_closed:
                raise TransientError(f"the audit log cannot be written: {error}") from error
            log.error("the audit log cannot be written", error=str(error), what=what)

    async def _write_up_to(self, number: int) -> None:
        """Together with whatever came meanwhile; what was not acknowledged goes out again, as it was."""
        async with self._writing:
            if self._written >= number:
                return
            batch = list(self._unsent)
            await self._sink.send([Event(entry, entry.chain) for entry in batch])
            del self._unsent[: len(batch)]
            self._written = batch[-1].number
