"""MeshClient: what an application needs of the mesh."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar, cast, overload

import structlog
from aiokafka.errors import KafkaError
from opentelemetry import trace

from onex.agent.program import event_type
from onex.bus import headers as h
from onex.bus.aio import AioKafka, Listener
from onex.bus.aio.client import translate
from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.open import open_bus, open_catalogue
from onex.bus.protocols import Outgoing
from onex.bus.schema import Codec, ProtocolSchemaCatalogue
from onex.contract import ResolvedNode, find_contracts, resolve_node
from onex.contract.load import FILE_NAME
from onex.mesh.address_book import Address, AddressBook
from onex.mesh.calls import Call, Calls
from onex.mesh.discovery import Discovery
from onex.mesh.errors import CommandTimeoutError, UnknownCommandError
from onex.mesh.run import MeshRun
from onex.mesh.tracing import ClientTracing
from onex.model.errors import BusUnavailableError, ConfigurationError, MessageError
from onex.model.message import Message
from onex.settings import Settings

log = structlog.get_logger(__name__)
M = TypeVar("M", bound=Message)


class MeshClient:
    """Commands, events and progress over topics. One a process is enough: safe for any number of tasks.

    Addresses come from the contracts below ``Settings.services``; without any there, from what the
    nodes have introspected (see ``onex nodes``), and then ``models`` names the message classes.
    """

    def __init__(
        self, settings: Settings, models: Iterable[type[Message]], provider: trace.TracerProvider | None
    ) -> None:
        self._settings = settings
        self._models = {model.__name__: model for model in models}
        self._book = AddressBook()
        self._bus: KafkaEventBusAdapter = open_bus(settings)
        self._catalogue: ProtocolSchemaCatalogue = open_catalogue(settings, self._bus)
        self._kafka = AioKafka(self._bus.config)
        self._codecs: dict[str, Codec] = {}
        self._calls = Calls(self._codecs.get)
        self._listeners: list[Listener] = []
        self._listening = asyncio.Lock()
        self._tracing = ClientTracing(settings.otlp_endpoint, provider)

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        settings: Settings | None = None,
        *,
        services: Sequence[Path] | None = None,
        models: Iterable[type[Message]] = (),
        tracer_provider: trace.TracerProvider | None = None,
    ) -> AsyncIterator["MeshClient"]:
        """A connected client. Raises BusUnavailableError, ConfigurationError, ContractError.

        ``services`` replaces the folders of the settings. ``tracer_provider`` is the application's
        own; without it traces go to ``OTEL_EXPORTER_OTLP_ENDPOINT`` when that is set.
        """
        given: dict[str, object] = {} if services is None else {"services": list(services)}
        client = cls(settings or Settings.load(**given), models, tracer_provider)
        try:
            await client._open()
            yield client
        finally:
            await client._close()

    # -- what an application does ---------------------------------------------------------------

    @overload
    async def execute(
        self, command: Message, *, answer: type[M], timeout: float = 60.0, command_id: str = "", key: str = ""
    ) -> M: ...
    @overload
    async def execute(
        self, command: Message, *, answer: None = None, timeout: float = 60.0, command_id: str = "", key: str = ""
    ) -> Message: ...
    async def execute(
        self,
        command: Message,
        *,
        answer: type[Message] | None = None,
        timeout: float = 60.0,
        command_id: str = "",
        key: str = "",
    ) -> Message:
        """Publish a command and wait for its completion event.

        ``command_id``: the same id starts nothing twice, and gives the same completion, for as long
        as the workflow remembers its runs. ``answer`` types the result. ``key`` is for messages
        without a key of their own.

        Raises UnknownCommandError, CommandRejectedError, WorkflowFailedError, CommandTimeoutError
        (the broker has the command) or BusUnavailableError (it may not have it: execute again with
        the same id). Cancellation gives up waiting, not the workflow.
        """
        address = await self._address(type(command))
        call = self._call(address, command_id)
        await self._listen(self._ends(address))
        with self._tracing.call(address.topic, call.command_id):
            self._calls.open(call)
            try:
                await self._send_and_wait(call, command, key, timeout)
            finally:
                self._calls.close(call)
            self._tracing.received(call.ended_by)
        result = call.result.result()
        if answer is not None and not isinstance(result, answer):
            raise TypeError(f"{address.message} was answered by {type(result).__name__}, not {answer.__name__}")
        return result

    @asynccontextmanager
    async def run(
        self, command: Message, *, timeout: float = 60.0, command_id: str = "", key: str = ""
    ) -> AsyncIterator[MeshRun]:
        """Start a command and follow it: iterate over the steps, then ask for the completion.

        Raises as :meth:`execute`; the time runs for the whole block.
        """
        address = await self._address(type(command))
        call = self._call(address, command_id)
        call.steps = asyncio.Queue()
        await self._listen(self._ends(address) | set(address.steps.values()))
        with self._tracing.call(address.topic, call.command_id):
            self._calls.open(call)
            try:
                async with asyncio.timeout(timeout) as scope:
                    await self._publish(command, address.topic, call.command_id, call.command_id, key)
                    yield MeshRun(call, self._listeners)
            except TimeoutError:
                if scope.expired():
                    raise CommandTimeoutError(call.command_id, timeout) from None
                raise
            finally:
                self._calls.close(call)
            self._tracing.received(call.ended_by)

    async def publish(
        self, message: Message, *, message_id: str = "", key: str = "", correlation_id: str = ""
    ) -> str:
        """Write a message to its topic and wait for the broker's acknowledgement; gives its id.

        Raises UnknownCommandError, BusUnavailableError, MessageTooLargeError.
        """
        try:
            topic = (await self._address(type(message))).topic
        except UnknownCommandError:
            topic = self._book.topic(type(message))
        identity = message_id or uuid.uuid4().hex
        await self._publish(message, topic, identity, correlation_id or identity, key)
        return identity

    async def subscribe(
        self, model: type[M], *, group: str = "", from_beginning: bool = False
    ) -> AsyncGenerator[M, None]:
        """Events of a type. Without a group: all of them, from now on, and nothing is remembered.

        With a group the members share the events, and go on where the group has come to: an event
        counts as handled when the next one is asked for, so one that was interrupted comes again.
        What cannot be decoded is logged and passed over. Raises UnknownCommandError, BusUnavailableError.
        """
        topic = self._book.topic(model)
        codec = await self._codec(topic, model)
        name = f"{self._settings.env}.{group}.subscribe.v1" if group else None
        consumer = self._kafka.consumer(name, topic, from_beginning=from_beginning or bool(group))
        try:
            await consumer.start()
            while True:
                record = await consumer.getone()
                try:
                    yield cast(M, codec.decode(record.value))
                except MessageError as error:
                    place = f"{record.topic}[{record.partition}]@{record.offset}"
                    log.warning("event cannot be read", place=place, error=str(error))
                if name is not None:
                    await consumer.commit()
        except KafkaError as error:
            raise translate(error, f"reading {topic}") from None
        finally:
            await consumer.stop()

    # -- how ------------------------------------------------------------------------------------

    async def _open(self) -> None:
        nodes = await asyncio.to_thread(self._contracts)
        self._book.add_contracts(nodes)
        for node in nodes:
            for model in (*(route.model for route in node.routes.values()), *node.outputs):
                self._models.setdefault(model.__name__, model)
        await self._kafka.start()

    def _contracts(self) -> list[ResolvedNode]:
        """An application without contracts at hand is as welcome: it asks the registry."""
        folders = [folder for folder in self._settings.services if any(folder.rglob(FILE_NAME))]
        return [resolve_node(file) for file in find_contracts(folders)] if folders else []

    async def _close(self) -> None:
        await asyncio.gather(*(listener.close() for listener in self._listeners))
        await self._kafka.close()
        await asyncio.to_thread(self._bus.close)
        await asyncio.to_thread(self._tracing.close)

    async def _address(self, model: type[Message]) -> Address:
        """Asks the registry's snapshot for what the contracts at hand do not know."""
        self._models.setdefault(model.__name__, model)
        try:
            return self._book.command(model)
        except UnknownCommandError:
            await asyncio.to_thread(self._discover)
            return self._book.command(model)

    def _discover(self) -> None:
        discovery = Discovery(self._bus, self._catalogue)
        discovery.refresh()
        self._book.add_registered(entry.node for entry in discovery.find(env=self._settings.env))

    def _call(self, address: Address, command_id: str) -> Call:
        missing = [name for name in (*address.completed, *address.failed) if name not in self._models]
        if missing:
            raise ConfigurationError(
                f"{address.message} may be answered by {', '.join(missing)}; connect(models=[...]) with these classes"
            )
        identity = command_id or uuid.uuid4().hex
        return Call(identity, address, asyncio.get_running_loop().create_future())

    async def _send_and_wait(self, call: Call, command: Message, key: str, timeout: float) -> None:
        acknowledged = False
        try:
            async with asyncio.timeout(timeout) as scope:
                await self._publish(command, call.address.topic, call.command_id, call.command_id, key)
                acknowledged = True
                await asyncio.wait([call.result])
        except TimeoutError:
            if not scope.expired():
                raise
            if acknowledged:
                raise CommandTimeoutError(call.command_id, timeout) from None
            raise BusUnavailableError(
                f"no broker acknowledged command {call.command_id} within {timeout:g} s; "
                "execute it again with this id"
            ) from None

    async def _publish(self, message: Message, topic: str, identity: str, correlation: str, key: str) -> None:
        codec = await self._codec(topic, type(message))
        record_key = message.partition_key() or key.encode() or identity.encode()
        headers = [
            (h.SPEC_VERSION, b"1.0"),
            (h.TYPE, event_type(topic).encode()),
            (h.SOURCE, b"/onex/client"),
            (h.ID, identity.encode()),
            (h.CORRELATION, correlation.encode()),
            (h.CONTENT_TYPE, h.AVRO),
        ]
        await self._kafka.publish(Outgoing(topic, codec.encode(message), record_key, headers))

    async def _codec(self, topic: str, model: type[Message]) -> Codec:
        found = self._codecs.get(topic)
        if found is None:
            found = await asyncio.to_thread(Codec.of_topic, model, topic, self._catalogue)
            self._codecs[topic] = found
        return found

    def _ends(self, address: Address) -> set[str]:
        """Every ending known, so that later commands need no further listener."""
        return self._book.endings() | {address.dead_letter}

    async def _listen(self, topics: set[str]) -> None:
        """Hear of these topics from now on, and be able to read what this client has classes for."""
        async with self._listening:
            covered = {topic for listener in self._listeners for topic in listener.topics}
            if not (missing := topics - covered):
                return
            names = {self._book.topic(m): m for m in self._models.values() if self._book.knows(m)}
            for topic in missing & set(names):
                await self._codec(topic, names[topic])
            listener = Listener(self._kafka, sorted(missing), self._calls.take)
            await listener.start()
            self._listeners.append(listener)
