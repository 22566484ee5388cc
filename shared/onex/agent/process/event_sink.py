"""Publishes the events of capabilities: acknowledged by the brokers, and outside of the agent's transaction."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from uuid import uuid4

from typing_extensions import override

from onex.agent.failure.classify import Classifier, Failure
from onex.agent.failure.dead_letter import DeadLetterBuilder
from onex.agent.failure.synthetic_records import UnsentRecord
from onex.agent.message.seal import Seal
from onex.agent.runtime import ProtocolCallRunner
from onex.agent.topic_limits import TopicLimits
from onex.bus.protocols import Headers, Outgoing, ProtocolEventBus
from onex.bus.topics import require_topic
from onex.capability import Event, ProtocolEventSink
from onex.contract import ResolvedNode
from onex.errors import BusError, MessageTooLargeError, MissingTopicError, RejectedError, TransientError
from onex.model.enums import EnumStage
from onex.model.mesh import AUDIT_TOPICS, CAPABILITY_TOPICS
from onex.model.mesh.topics import with_prefix
from onex.model.message import Message
from onex.schema import Codec, ProtocolSchemaCatalogue
from onex.util.clock import ProtocolClock
from onex.wire import headers as h
from onex.wire.cloudevents import first_headers
from onex.wire.ids import derived_id


class EventSink(ProtocolEventSink):
    """Sends what is waiting in one batch, in order, while the batch before is being acknowledged."""

    def __init__(
        self,
        resolved: ResolvedNode,
        bus: ProtocolEventBus,
        catalogue: ProtocolSchemaCatalogue,
        group: str,
        clock: ProtocolClock,
        run_call: ProtocolCallRunner,
    ) -> None:
        """``run_call`` makes the calls of the bus and the catalogue, which wait for brokers."""
        contract = resolved.contract
        self._bus = bus
        self._catalogue = catalogue
        self._clock = clock
        self._run_call = run_call
        self._topics: Mapping[type[Message], str] = {
            **with_prefix({**AUDIT_TOPICS, **CAPABILITY_TOPICS}, contract.topic_prefix),
            **resolved.outputs,
        }
        self._source = f"/onex/{contract.name}/{contract.contract_version}".encode()
        self._dead_letters = DeadLetterBuilder(contract, group, TopicLimits.usual())
        self._classify = Classifier().classify
        self._encoders: dict[type[Message], Callable[[Message], bytes]] = {}
        self._pending: list[tuple[list[Outgoing], asyncio.Future[None]]] = []
        self._turn = asyncio.Lock()
        self.seal: Seal | None = None
        """Adds the headers of capabilities to events. Set when the node has its capabilities."""

    @override
    async def send(self, events: Sequence[Event]) -> None:
        records = [record for event in events for record in await self._records(event)]
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((records, written))
        async with self._turn:
            if not written.done():
                await self._write_pending()
        await written

    @override
    async def dead_letter(self, event: Event, error: BaseException) -> None:
        now = self._clock.now_ms()
        (record, *_) = await self._records(event)
        failure = Failure(self._classify(error), EnumStage.ENCODE, error, 1, now, now)
        topic, value, key, headers = self._dead_letters.letter(UnsentRecord(record, now), failure)
        await self._publish([Outgoing(topic, value, key, headers)])

    async def _write_pending(self) -> None:
        """Write all in one batch; where that fails, the events of each caller alone: it gets its own error."""
        pending, self._pending = self._pending, []
        error = await self._try([record for records, _ in pending for record in records])
        for records, written in pending:
            if error is not None and len(pending) > 1:
                _resolve(written, await self._try(records))
            else:
                _resolve(written, error)

    async def _try(self, records: Sequence[Outgoing]) -> Exception | None:
        try:
            await self._publish(records)
        except Exception as error:  # noqa: BLE001 - its caller gets it
            return error
        return None

    async def _publish(self, records: Sequence[Outgoing]) -> None:
        try:
            await self._run_call(self._bus.publish_batch, records)
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
        if self.seal is not None:
            _, _, _, headers = self.seal((topic, value, key, headers))
        if not event.broadcast:
            return [Outgoing(topic, value, key, headers)]
        return [Outgoing(topic, value, key, headers, number) for number in range(await self._partitions(topic))]

    async def _encoded(self, message: Message, topic: str) -> bytes:
        model = type(message)
        if model not in self._encoders:
            codec = await self._run_call(Codec.of_topic, model, topic, self._catalogue)
            self._encoders[model] = codec.encode
        return self._encoders[model](message)

    async def _partitions(self, topic: str) -> int:
        try:
            state = await self._run_call(require_topic, self._bus.admin, topic)
        except MissingTopicError as error:
            raise TransientError(str(error)) from error
        return state.partitions

    def _headers(self, event: Event, topic: str, value: bytes) -> Headers:
        """Return the headers. An event that is published again for the same message has the same id."""
        if event.causation_id:
            identity = derived_id(self._source, event.causation_id, topic, event.key, value)
        else:
            identity = uuid4().hex
        headers = first_headers(topic, self._source, identity, event.correlation_id)
        if event.causation_id:
            headers.append((h.CAUSATION, event.causation_id.encode()))
        if event.trace_parent:
            headers.append((h.TRACE_PARENT, event.trace_parent.encode()))
        return headers


def _resolve(written: "asyncio.Future[None]", error: Exception | None) -> None:
    """End the wait of a caller, unless the caller was cancelled."""
    if written.done():
        return
    if error is None:
        written.set_result(None)
    else:
        written.set_exception(error)
