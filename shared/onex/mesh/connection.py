"""What a client holds open: addresses, codecs, one producer, and the listeners that all calls share."""

import asyncio
from collections.abc import Iterable

import structlog

from onex.bus.aio import AioKafka, Listener
from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.protocols import Headers, Outgoing
from onex.connect import open_bus, open_catalogue
from onex.contract import ResolvedNode, resolve_node
from onex.contract.load import FILE_NAME
from onex.contract.versions import newest_contracts
from onex.errors import ConfigurationError, SchemaMismatchError
from onex.mesh.address_book import Address, AddressBook
from onex.mesh.calls import Calls
from onex.mesh.discovery import Discovery
from onex.mesh.errors import UnknownCommandError
from onex.model.message import Message
from onex.model.repeated import CompletionRepeated
from onex.provisioning.environment import require_environment
from onex.schema import Codec, ProtocolSchemaCatalogue
from onex.settings import Settings
from onex.wire.cloudevents import first_headers

log = structlog.get_logger(__name__)
_SOURCE = b"/onex/client"


class Connection:
    """Belongs to one event loop. Schemas, topics and discovery go over librdkafka, in threads."""

    def __init__(self, settings: Settings, models: Iterable[type[Message]]) -> None:
        self.settings = settings
        self.book = AddressBook()
        self._models = {model.__name__: model for model in models}
        self._bus: KafkaEventBusAdapter = open_bus(settings)
        self._catalogue: ProtocolSchemaCatalogue = open_catalogue(settings, self._bus)
        self.kafka = AioKafka(self._bus.config)
        self._codecs: dict[str, Codec] = {}
        self.calls = Calls(self._codecs.get)
        self.listeners: list[Listener] = []
        self._unheard: set[str] = set()
        self._listening = asyncio.Lock()

    async def open(self) -> None:
        """Read the contracts at hand, connect. Raises ContractError, BusUnavailableError; ConfigurationError when the
        topics belong to another environment."""
        nodes = await asyncio.to_thread(self._contracts)
        self.book.add_contracts(nodes)
        for node in nodes:
            for model in (*(route.model for route in node.routes.values()), *node.outputs):
                self._models.setdefault(model.__name__, model)
        await self.kafka.start()
        settings = self.settings
        await asyncio.to_thread(require_environment, self._bus, settings.env, settings.topic_prefix)

    def _contracts(self) -> list[ResolvedNode]:
        """An application without contracts at hand is as welcome: it asks the registry."""
        folders = [folder for folder in self.settings.services if any(folder.rglob(FILE_NAME))]
        return (
            [resolve_node(file, self.settings.topic_prefix) for file in newest_contracts(folders)] if folders else []
        )

    async def close(self) -> None:
        """Stop listening, send what is queued, disconnect."""
        await asyncio.gather(*(listener.close() for listener in self.listeners))
        await self.kafka.close()
        await asyncio.to_thread(self._bus.close)

    async def address(self, model: type[Message]) -> Address:
        """Where a command goes; asks the registry's snapshot for what the contracts at hand do not know.

        Raises UnknownCommandError.
        """
        self._models.setdefault(model.__name__, model)
        try:
            return self.book.command(model)
        except UnknownCommandError:
            await asyncio.to_thread(self._discover)
            return self.book.command(model)

    async def topic(self, model: type[Message]) -> str:
        """The topic that carries messages of a type, found like an address; raises UnknownCommandError."""
        if not self.book.knows(model):
            await asyncio.to_thread(self._discover)
        return self.book.topic(model)

    def _discover(self) -> None:
        discovery = Discovery(self._bus, self._catalogue, self.settings.topic_prefix)
        discovery.refresh()
        self.book.add_registered(entry.node for entry in discovery.find(env=self.settings.env))

    def require_answers(self, address: Address) -> None:
        """A completion that cannot be read would be waited for in vain; raises ConfigurationError."""
        missing = [name for name in (*address.completed, *address.failed) if name not in self._models]
        if missing:
            raise ConfigurationError(
                f"{address.message} may be answered by {', '.join(missing)}; connect(models=[...]) with these classes"
            )

    async def _unknown(self, topics: Iterable[str]) -> set[str]:
        """Those topics of repeated completions that the mesh does not have yet: its workflows are older."""
        for topic in topics:
            try:
                await self.codec(topic, CompletionRepeated)
            except SchemaMismatchError:
                self._unheard.add(topic)
                log.warning("completions of repeated commands are not heard; run `onex apply`", topic=topic)
        return self._unheard

    async def codec(self, topic: str, model: type[Message]) -> Codec:
        """Codec of a topic; raises SchemaMismatchError when its schema is not registered."""
        found = self._codecs.get(topic)
        if found is None:
            found = await asyncio.to_thread(Codec.of_topic, model, topic, self._catalogue)
            self._codecs[topic] = found
        return found

    async def publish(
        self, message: Message, topic: str, identity: str, correlation: str, key: str, headers: Headers
    ) -> None:
        """Write one message and wait for its acknowledgement; raises BusError."""
        codec = await self.codec(topic, type(message))
        record_key = message.partition_key() or key.encode() or identity.encode()
        carried = [*first_headers(topic, _SOURCE, identity, correlation), *headers]
        await self.kafka.publish(Outgoing(topic, codec.encode(message), record_key, carried))

    async def listen(self, address: Address, *, steps: bool) -> None:
        """From now on hear how commands end (all that are known: later ones need no further listener).

        ``steps``: and what happens on the way of this one.
        """
        topics = (self.book.endings() | {address.dead_letter} | self.book.repeated()) - self._unheard
        if steps:
            topics |= set(address.steps.values())
        async with self._listening:
            covered = {topic for listener in self.listeners for topic in listener.topics}
            if not (missing := topics - covered):
                return
            names = {self.book.topic(m): m for m in self._models.values() if self.book.knows(m)}
            for topic in missing & set(names):
                await self.codec(topic, names[topic])
            missing -= await self._unknown(missing & self.book.repeated())
            listener = Listener(self.kafka, sorted(missing), self.calls.take)
            await listener.start()
            self.listeners.append(listener)
