"""What capabilities publish while a handler is at work: acknowledged, but not in the agent's transaction."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import ParamSpec, TypeVar
from uuid import uuid4

from onex.agent.failure.classify import Classifier, Failure
from onex.agent.failure.dead_letter import DeadLetterBuilder
from onex.agent.failure.synthetic_records import UnsentRecord
from onex.agent.message.topic_limits import TopicLimits
from onex.bus.protocols import Headers, Outgoing, ProtocolEventBus
from onex.bus.topics import require_topic
from onex.capability import Event
from onex.contract import ResolvedNode
from onex.errors import BusError, MessageTooLargeError, MissingTopicError, RejectedError, TransientError
from onex.model.enums import EnumStage
from onex.model.mesh import AUDIT_TOPICS
from onex.model.mesh.topics import with_prefix
from onex.model.message import Message
from onex.schema import Codec, ProtocolSchemaCatalogue
from onex.util.clock import ProtocolClock
from onex.wire import headers as h
from onex.wire.cloudevents import first_headers

P = ParamSpec("P")
T = TypeVar("T")


class EventSink:
    """See :class:`onex.capability.ProtocolEventSink`. What is sent at once travels together, in order."""

    def __init__(
        self,
        resolved: ResolvedNode,
        bus: ProtocolEventBus,
        catalogue: ProtocolSchemaCatalogue,
        group: str,
        clock: ProtocolClock,
        *,
        waits: bool = True,
    ) -> None:
        """``waits``: calls of the bus take time, and are made in a thread."""
        contract = resolved.contract
        self._bus = bus
        self._catalogue = catalogue
        self._clock = clock
        self._waits = waits
        self._topics: Mapping[type[Message], str] = {
            **with_prefix(AUDIT_TOPICS, contract.topic_prefix),
            **resolved.outputs,
        }
        self._source = f"/onex/{contract.name}/{contract.contract_version}".encode()
        self._office = DeadLetterBuilder(contract, group, TopicLimits.usual())
        self._classify = Classifier().classify
        self._encoders: dict[type[Message], Callable[[Message], bytes]] = {}
        self._pending: list[tuple[list[Outgoing], asyncio.Future[None]]] = []
        self._turn = asyncio.Lock()

    async def send(self, events: Sequence[Event]) -> None:
        """See the protocol."""
        records = [record for event in events for record in await self._records(event)]
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((records, written))
        async with self._turn:
            if not written.done():
                await self._write_pending()
        await written

    async def dead_letter(self, event: Event, error: BaseException) -> None:
        """See the protocol."""
        now = self._clock.now_ms()
        (record, *_) = await self._records(event)
        failure = Failure(self._classify(error), EnumStage.ENCODE, error, 1, now, now)
        topic, value, key, headers = self._office.letter(UnsentRecord(record, now), failure)
        await self._publish([Outgoing(topic, value, key, headers)])

    async def _write_pending(self) -> None:
        """All together; one by one where that fails, so that each hears of its own failure."""
        together, self._pending = self._pending, []
        error = await self._try([record for records, _ in together for record in records])
        for records, written in together:
            if error is not None and len(together) > 1:
                _settle(written, await self._try(records))
            else:
                _settle(written, error)

    async def _try(self, records: Sequence[Outgoing]) -> Exception | None:
        try:
            await self._publish(records)
        except Exception as error:  # noqa: BLE001 - whoever sent it hears of it
            return error
        return None

    async def _publish(self, records: Sequence[Outgoing]) -> None:
        try:
            await self._call(self._bus.publish_batch, records)
        except MessageTooLargeError as error:
            raise RejectedError(str(error)) from error
        except BusError as error:
            raise TransientError(str(error)) from error

    async def _records(self, event: Event) -> list[Outgoing]:
        message = event.message
        topic = self._topics.get(type(message))
        if topic is None:
            raise RejectedError(f"{type(message).__name__} is no output of this node's contract")
        value = await self._encoded(message, topic)
        key = event.key.encode() or message.partition_key()
        headers = self._headers(event, topic, value)
        if not event.broadcast:
            return [Outgoing(topic, value, key, headers)]
        return [Outgoing(topic, value, key, headers, number) for number in range(await self._partitions(topic))]

    async def _encoded(self, message: Message, topic: str) -> bytes:
        model = type(message)
        if model not in self._encoders:
            codec = await self._call(Codec.of_topic, model, topic, self._catalogue)
            self._encoders[model] = codec.encode
        return self._encoders[model](message)

    async def _call(self, ask: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """Ask the bus or the catalogue."""
        return await asyncio.to_thread(ask, *args, **named) if self._waits else ask(*args, **named)

    async def _partitions(self, topic: str) -> int:
        try:
            state = await self._call(require_topic, self._bus.admin, topic)
        except MissingTopicError as error:
            raise TransientError(str(error)) from error
        return state.partitions

    def _headers(self, event: Event, topic: str, value: bytes) -> Headers:
        """Published for the same message again, the same event has the same id."""
        if event.causation_id:
            parts = (self._source, event.causation_id.encode(), topic.encode(), event.key.encode(), value)
            identity = blake2b(b"|".join(parts), digest_size=16).hexdigest()
        else:
            identity = uuid4().hex
        headers = first_headers(topic, self._source, identity, event.correlation_id)
        if event.causation_id:
            headers.append((h.CAUSATION, event.causation_id.encode()))
        if event.trace_parent:
            headers.append((h.TRACE_PARENT, event.trace_parent.encode()))
        return headers


def _settle(written: "asyncio.Future[None]", error: Exception | None) -> None:
    """Who was cancelled waits no more."""
    if written.done():
        return
    if error is None:
        written.set_result(None)
    else:
        written.set_exception(error)
