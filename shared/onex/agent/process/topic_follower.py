"""Reads topics for capabilities, outside of the node's group."""

import asyncio
from collections.abc import Mapping

import structlog
from typing_extensions import override

from onex.agent.runtime import ProtocolCallRunner
from onex.bus.protocols import Partition, ProtocolEventBus, ProtocolReader, ProtocolRecord
from onex.bus.topics import all_partitions, require_topics
from onex.capability.following import ProtocolFollowing, ProtocolTopicFollower, Take
from onex.contract import ResolvedNode
from onex.errors import BusError, CompositionError, MessageError, SchemaMismatchError, TransientError
from onex.model.message import Message
from onex.schema import Codec, ProtocolSchemaCatalogue

log = structlog.get_logger(__name__)
_PAUSE = 0.1
"""Seconds between two reads of topics without new records."""
_RETRY_WAIT = 1.0
_LOOK_EVERY = 10.0
"""Seconds between two requests for partitions that were added."""
_BATCH = 1_000


class TopicFollower(ProtocolTopicFollower):
    """Reads with the bus of one agent."""

    def __init__(
        self,
        resolved: ResolvedNode,
        bus: ProtocolEventBus,
        catalogue: ProtocolSchemaCatalogue,
        run_call: ProtocolCallRunner,
    ) -> None:
        """``run_call`` makes the calls of the bus and the catalogue, which wait for brokers."""
        self._node = resolved.contract.name
        self._models = resolved.models
        self._prefix = resolved.contract.topic_prefix
        self._bus = bus
        self._catalogue = catalogue
        self._run_call = run_call

    @override
    def model(self, name: str) -> type[Message]:
        model = self._models.get(name)
        if model is None:
            raise CompositionError(f"{self._node} has no message {name}; its models are {', '.join(self._models)}")
        return model

    @override
    async def follow(self, topics: Mapping[str, type[Message]], take: Take) -> "Following":
        following = Following(self._bus, self._run_call, self._prefix, take)
        try:
            codecs = {
                self._prefix + topic: await self._run_call(
                    Codec.of_topic, model, self._prefix + topic, self._catalogue
                )
                for topic, model in topics.items()
            }
            await following.start(codecs)
        except (BusError, SchemaMismatchError) as error:
            await following.close()
            raise TransientError(f"cannot follow {', '.join(topics)}: {error}") from error
        return following


class Following(ProtocolFollowing):
    """One reader of all partitions. After an error it is opened again at the same positions."""

    def __init__(self, bus: ProtocolEventBus, run_call: ProtocolCallRunner, prefix: str, take: Take) -> None:
        self._bus = bus
        self._run_call = run_call
        self._prefix = prefix
        self._take = take
        self._codecs: Mapping[str, Codec] = {}
        self._positions: dict[Partition, int] = {}
        self._reader: ProtocolReader | None = None
        self._task: asyncio.Task[None] | None = None
        self._problem = ""
        self._unreadable = 0

    @property
    @override
    def problem(self) -> str:
        return self._problem

    @property
    @override
    def unreadable(self) -> int:
        return self._unreadable

    async def start(self, codecs: Mapping[str, Codec]) -> None:
        """Find the present ends and read from there on. Raise BusError."""
        self._codecs = codecs
        self._positions = await self._run_call(self._ends)
        self._reader = await self._run_call(self._bus.read, self._positions)
        self._task = asyncio.create_task(self._read_always())

    def _ends(self) -> dict[Partition, int]:
        partitions = all_partitions(require_topics(self._bus.admin, sorted(self._codecs)).values())
        return {partition: end for partition, (_, end) in self._bus.admin.ends(partitions).items()}

    async def _read_always(self) -> None:
        while True:
            try:
                await self._read_on()
            except Exception as error:  # noqa: BLE001 - a reader that fails once must not end following
                if not self._problem:
                    log.warning("following topics is interrupted", topics=sorted(self._codecs), reason=str(error))
                self._problem = str(error) or type(error).__name__
                await self._close_reader()
                await asyncio.sleep(_RETRY_WAIT)

    async def _read_on(self) -> None:
        """Read until an error. Raise BusError."""
        if self._reader is None:
            await self._open_again()
        loop = asyncio.get_running_loop()
        looked = loop.time()
        while True:
            assert self._reader is not None
            records = await self._run_call(self._reader.batch, _BATCH, 0.0)
            self._problem = ""
            for record in records:
                self._pass_on(record)
            if not records:
                await asyncio.sleep(_PAUSE)
            if loop.time() - looked >= _LOOK_EVERY:
                looked = loop.time()
                if await self._run_call(self._has_more):
                    await self._close_reader()
                    await self._open_again()

    def _has_more(self) -> bool:
        states = require_topics(self._bus.admin, sorted(self._codecs))
        return any(partition not in self._positions for partition in all_partitions(states.values()))

    async def _open_again(self) -> None:
        """Open the reader at the positions. Partitions that were added are read from their beginning."""
        states = await self._run_call(require_topics, self._bus.admin, sorted(self._codecs))
        for partition in all_partitions(states.values()):
            self._positions.setdefault(partition, 0)
        self._reader = await self._run_call(self._bus.read, self._positions)

    def _pass_on(self, record: ProtocolRecord) -> None:
        topic = record.topic()
        self._positions[Partition(topic, record.partition())] = record.offset() + 1
        try:
            message = self._codecs[topic].decode(record.value())
        except MessageError as error:
            self._unreadable += 1
            log.warning("a record is no message of its topic", topic=topic, offset=record.offset(), error=str(error))
            return
        try:
            self._take(topic.removeprefix(self._prefix), message)
        except Exception:
            log.exception("a message could not be taken", topic=topic, offset=record.offset())

    async def _close_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            await self._run_call(reader.close)

    @override
    async def close(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        await self._close_reader()
