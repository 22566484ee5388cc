"""The shared parts of a client: addresses, codecs, one producer, and the listeners of all calls."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import structlog

from onex.bus.async_protocols import ProtocolAsyncEventBus, ProtocolAsyncListener
from onex.bus.protocols import Headers, Outgoing, ProtocolEventBus, ProtocolRecord
from onex.connect import open_async_bus, open_bus, open_catalogue
from onex.errors import ConfigurationError, SchemaMismatchError
from onex.mesh.address_book import Address, AddressBook
from onex.mesh.calls import Calls
from onex.mesh.discovery import Discovery
from onex.mesh.errors import UnknownCommandError
from onex.model.contract import ModelEventBus
from onex.model.message import Message
from onex.model.repeated import CompletionRepeated
from onex.provisioning.environment import require_environment
from onex.schema import ProtocolCodec, ProtocolSchemaCatalogue, TopicCodecs, codec_of
from onex.schema.message_types import TypeOf, type_reader
from onex.settings import Settings
from onex.wire.cloudevents import first_headers
from onex.wire.foreign_headers import headers_of

if TYPE_CHECKING:
    from onex.contract import ResolvedNode

log = structlog.get_logger(__name__)
_SOURCE = b"/onex/client"
Sign = Callable[[str, bytes | None, bytes, bytes], Sequence[tuple[str, bytes]]]
"""Takes topic, key, message id and value of a record. Returns headers with its signature."""


class Connection:
    """Belongs to one event loop. Schemas, topics and discovery use librdkafka, in threads."""

    def __init__(self, settings: Settings, models: Iterable[type[Message]], sign: Sign | None = None) -> None:
        self.settings = settings
        self.book = AddressBook()
        self._models = {model.__name__: model for model in models}
        self._bus: ProtocolEventBus = open_bus(settings)
        self._catalogue: ProtocolSchemaCatalogue = open_catalogue(settings, self._bus)
        self.kafka: ProtocolAsyncEventBus = open_async_bus(settings)
        self._codecs: dict[tuple[str, type[Message]], ProtocolCodec] = {}
        self._readers: dict[str, TopicCodecs] = {}
        """The codecs of topics that calls listen to."""
        self._types: dict[str, TypeOf | None] = {}
        """How the type of a record is found, by topic that was subscribed to."""
        self._bound: dict[str, ModelEventBus] = {}
        """By topic whose form a contract declares."""
        self._ignores_tombstones: set[str] = set()
        """Topics whose tombstones a contract reads over."""
        self.calls = Calls(self._readers.get)
        self.listeners: list[ProtocolAsyncListener] = []
        self._without_schema: set[str] = set()
        """Topics of repeated completions that the mesh does not have."""
        self._listening = asyncio.Lock()
        self._sign = sign

    async def open(self) -> None:
        """Read the contracts and connect.

        Raises ContractError, BusUnavailableError, and ConfigurationError when the topics belong to another
        environment.
        """
        nodes = await asyncio.to_thread(self._contracts)
        self.book.add_contracts(nodes)
        for node in nodes:
            self._bound |= dict.fromkeys(node.contract.event_bus.topics, node.contract.event_bus)
            self._ignores_tombstones |= {
                topic for topic, bound in node.contract.event_bus.topics.items() if bound.tombstones == "ignore"
            }
            for model in (*(route.model for route in node.all_routes), *node.outputs):
                self._models.setdefault(model.__name__, model)
        await self.kafka.start()
        settings = self.settings
        await asyncio.to_thread(require_environment, self._bus, settings.env, settings.topic_prefix)

    def _contracts(self) -> "list[ResolvedNode]":
        """Return the nodes below the folders of the settings. An application may have none: it uses the registry."""
        present = [folder for folder in self.settings.services if folder.is_dir()]
        if not present:
            return []
        from onex.contract import resolve_node  # an application without contracts does not need the reader
        from onex.contract.load import FILE_NAME
        from onex.contract.versions import newest_contracts

        folders = [folder for folder in present if any(folder.rglob(FILE_NAME))]
        if not folders:
            return []
        return [resolve_node(file, self.settings.topic_prefix) for file in newest_contracts(folders)]

    async def close(self) -> None:
        """Stop listening, send what is queued, disconnect."""
        await asyncio.gather(*(listener.close() for listener in self.listeners))
        await self.kafka.close()
        await asyncio.to_thread(self._bus.close)

    async def address(self, model: type[Message]) -> Address:
        """Return the address of a command, from the contracts or else from the snapshot of the registry.

        Raises UnknownCommandError.
        """
        self._models.setdefault(model.__name__, model)
        try:
            return self.book.command(model)
        except UnknownCommandError:
            await asyncio.to_thread(self._discover)
            return self.book.command(model)

    async def topic(self, model: type[Message]) -> str:
        """Return the topic of a message type, found like an address. Raise UnknownCommandError."""
        if not self.book.knows(model):
            await asyncio.to_thread(self._discover)
        return self.book.topic(model)

    def _discover(self) -> None:
        discovery = Discovery(self._bus, self._catalogue, self.settings.topic_prefix)
        discovery.refresh()
        self.book.add_registered(entry.node for entry in discovery.find(env=self.settings.env))

    def require_endings(self, address: Address) -> None:
        """Raise ConfigurationError when this client does not have the class of a message that ends the command."""
        missing = [name for name in (*address.completed, *address.failed) if name not in self._models]
        if missing:
            raise ConfigurationError(
                f"{address.message} may be answered by {', '.join(missing)}; connect(models=[...]) with these classes"
            )

    async def _missing(self, topics: Iterable[str]) -> set[str]:
        """Return the topics of repeated completions that the mesh does not have, because its workflows are older."""
        for topic in topics:
            try:
                await self._read(topic, [CompletionRepeated])
            except SchemaMismatchError:
                self._without_schema.add(topic)
                log.warning("completions of repeated commands are not received; run `onex apply`", topic=topic)
        return self._without_schema

    async def codec(self, topic: str, model: type[Message]) -> ProtocolCodec:
        """Return the codec of a message on a topic. Raise SchemaMismatchError when its schema is not registered."""
        codec = self._codecs.get((topic, model))
        if codec is None:
            bound = self._bound.get(topic)
            codec = await asyncio.to_thread(codec_of, bound, model, topic, self._catalogue)
            self._codecs[topic, model] = codec
        return codec

    def is_of(self, model: type[Message], record: ProtocolRecord) -> bool:
        """Return whether a record has this message, and not another one of its topic. Raise MessageError.

        A tombstone has none where a contract reads over it.
        """
        if record.value() is None and record.topic() in self._ignores_tombstones:
            return False
        event_bus = self._bound.get(record.topic())
        if event_bus is None:
            return True
        bound = event_bus.topics[record.topic()]
        if record.topic() not in self._types:
            self._types[record.topic()] = type_reader(bound, self._catalogue)
        if (type_of := self._types[record.topic()]) is None:
            return True
        headers = headers_of(record)
        return type_of(lambda name: headers.get(name, b""), record.value()) == bound.type_of(model.__name__)

    async def _read(self, topic: str, models: Sequence[type[Message]]) -> None:
        """Have calls read these messages of a topic. Raise SchemaMismatchError when a schema is not registered."""
        if topic not in self._readers:
            self._readers[topic] = await asyncio.to_thread(
                TopicCodecs, self._bound.get(topic), models, topic, self._catalogue
            )

    async def publish(
        self, message: Message, topic: str, identity: str, correlation: str, key: str, headers: Headers
    ) -> None:
        """Write one message and wait for its acknowledgement. Raise BusError."""
        codec = await self.codec(topic, type(message))
        record_key = message.partition_key() or key.encode() or identity.encode()
        carried = [*first_headers(topic, _SOURCE, identity, correlation, codec.content_type), *headers]
        if (bound := self._bound.get(topic)) is not None:
            carried += bound.type_headers(topic, type(message).__name__)
        value = codec.encode(message)
        if self._sign is not None:
            carried += self._sign(topic, record_key, identity.encode(), value)
        await self.kafka.publish(Outgoing(topic, value, record_key, carried))

    async def listen(self, address: Address, *, steps: bool) -> None:
        """Listen to the topics on which commands end: those of all known commands, so that later calls need no more.

        ``steps``: listen to the steps of this command as well. Raises BusError, SchemaMismatchError.
        """
        topics = (self.book.endings() | {address.dead_letter} | self.book.repeated()) - self._without_schema
        if steps:
            topics |= set(address.steps.values())
        async with self._listening:
            covered = {topic for listener in self.listeners for topic in listener.topics}
            if not (missing := topics - covered):
                return
            models: dict[str, list[type[Message]]] = {}
            for model in self._models.values():
                if self.book.knows(model):
                    models.setdefault(self.book.topic(model), []).append(model)
            for topic in missing & set(models):
                await self._read(topic, models[topic])
            missing -= await self._missing(missing & self.book.repeated())
            self.listeners.append(await self.kafka.listen(sorted(missing), self.calls.take))
