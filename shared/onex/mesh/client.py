"""MeshClient: what an application needs of the mesh."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Literal, TypeVar, cast, overload

import structlog
from aiokafka.errors import KafkaError
from opentelemetry import trace

from onex.bus.aio.client import translate
from onex.bus.aio.listener import getone
from onex.bus.protocols import Headers
from onex.errors import BusUnavailableError, MessageError
from onex.mesh.calls import Call
from onex.mesh.connection import Connection
from onex.mesh.errors import CommandTimeoutError, UnknownCommandError
from onex.mesh.run import MeshRun
from onex.mesh.tracing import ClientTracing
from onex.model.message import Message
from onex.settings import Settings
from onex.wire import headers as h
from onex.wire.ids import MADE_UP, clean_id

log = structlog.get_logger(__name__)
M = TypeVar("M", bound=Message)


class MeshClient:
    """Commands, events and progress over topics. One a process is enough: safe for any number of tasks.

    Addresses come from the contracts below ``Settings.services``; without any there, from what the
    nodes have introspected (see ``onex nodes``), and then ``models`` names the message classes.
    """

    def __init__(
        self,
        settings: Settings,
        models: Iterable[type[Message]],
        provider: trace.TracerProvider | None,
        headers: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self._headers = headers
        self._connection = Connection(settings, models)
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
        headers: Callable[[], Mapping[str, str]] = dict,
    ) -> AsyncIterator["MeshClient"]:
        """A connected client. Raises BusUnavailableError, ConfigurationError, ContractError.

        ``services`` replaces the folders of the settings. ``tracer_provider`` is the application's
        own; without it traces go to ``OTEL_EXPORTER_OTLP_ENDPOINT`` when that is set. ``headers`` is asked
        for each message: ``lambda: {"authorization": f"Bearer {token()}"}`` for nodes with MixinAuthentication.
        """
        given: dict[str, object] = {} if services is None else {"services": list(services)}
        client = cls(settings or Settings.load(**given), models, tracer_provider, headers)
        try:
            await client._connection.open()
            yield client
        finally:
            await client._connection.close()
            await asyncio.to_thread(client._tracing.close)

    # -- what an application does ---------------------------------------------------------------

    @overload
    async def execute(
        self,
        command: Message,
        *,
        answer: type[M],
        timeout: float = 60.0,
        command_id: str = "",
        key: str = "",
        answer_within: float = 0.0,
    ) -> M: ...
    @overload
    async def execute(
        self,
        command: Message,
        *,
        answer: None = None,
        timeout: float = 60.0,
        command_id: str = "",
        key: str = "",
        answer_within: float = 0.0,
    ) -> Message: ...
    async def execute(
        self,
        command: Message,
        *,
        answer: type[Message] | None = None,
        timeout: float = 60.0,
        command_id: str = "",
        key: str = "",
        answer_within: float = 0.0,
    ) -> Message:
        """Publish a command and wait for its completion event.

        ``command_id``: the same id starts nothing twice, and gives the same completion, for as long
        as the workflow remembers its runs. ``answer`` types the result. ``key`` is for messages
        without a key of their own. ``answer_within``: seconds after which the answer is of no use to
        anybody; it travels with the command, and nodes with MixinTimeout keep to it.

        Raises UnknownCommandError, CommandRejectedError, WorkflowFailedError, CommandTimeoutError
        (the broker has the command) or BusUnavailableError (it may not have it: execute again with
        the same id). Cancellation gives up waiting, not the workflow.
        """
        deadline = asyncio.get_running_loop().time() + timeout
        call = await self._call(command, command_id, timeout, steps=False)
        with self._tracing.call(call.address.topic, call.command_id):
            self._connection.calls.open(call)
            try:
                await self._send_and_wait(call, command, key, timeout, deadline, answer_within)
            finally:
                self._connection.calls.close(call)
            self._tracing.received(call.ended_by)
        result = call.result.result()
        if answer is not None and not isinstance(result, answer):
            raise TypeError(f"{call.address.message} was answered by {type(result).__name__}, not {answer.__name__}")
        return result

    @asynccontextmanager
    async def run(
        self,
        command: Message,
        *,
        timeout: float = 60.0,
        command_id: str = "",
        key: str = "",
        answer_within: float = 0.0,
    ) -> AsyncIterator[MeshRun]:
        """Start a command and follow it: iterate over the steps, then ask for the completion.

        Raises as :meth:`execute`; the time runs for the whole block.
        """
        call = await self._call(command, command_id, timeout, steps=True)
        with self._tracing.call(call.address.topic, call.command_id):
            self._connection.calls.open(call)
            try:
                async with asyncio.timeout(timeout) as scope:
                    await self._send(call, command, key, answer_within)
                    yield MeshRun(call, self._connection.listeners)
            except TimeoutError:
                if scope.expired():
                    raise CommandTimeoutError(call.command_id, timeout) from None
                raise
            finally:
                self._connection.calls.close(call)
            self._tracing.received(call.ended_by)

    async def publish(
        self,
        message: Message,
        *,
        message_id: str = "",
        key: str = "",
        correlation_id: str = "",
        answer_within: float = 0.0,
    ) -> str:
        """Write a message to its topic and wait for the broker's acknowledgement; gives its id.

        Raises UnknownCommandError, BusUnavailableError, MessageTooLargeError.
        """
        topic = await self._connection.topic(type(message))
        identity = message_id or uuid.uuid4().hex
        headers = self._carried(answer_within)
        await self._connection.publish(message, topic, identity, correlation_id or identity, key, headers)
        return identity

    @overload
    def subscribe(
        self, model: type[M], *, group: str = "", from_beginning: bool = False, with_ids: Literal[False] = False
    ) -> AsyncGenerator[M, None]: ...
    @overload
    def subscribe(
        self, model: type[M], *, group: str = "", from_beginning: bool = False, with_ids: Literal[True]
    ) -> AsyncGenerator[tuple[str, M], None]: ...
    def subscribe(
        self, model: type[M], *, group: str = "", from_beginning: bool = False, with_ids: bool = False
    ) -> AsyncGenerator[M, None] | AsyncGenerator[tuple[str, M], None]:
        """Events of a type. Without a group: all of them, from now on, and nothing is remembered.

        With a group the members share the events, and go on where the group has come to: an event
        counts as handled when the next one is asked for, so one that was interrupted comes again.
        ``with_ids`` yields the message id with each event: the same event always has the same id.
        What cannot be decoded is logged and passed over. Raises UnknownCommandError, BusUnavailableError.
        """
        found = self._events(model, group, from_beginning=from_beginning)
        return found if with_ids else _without_ids(found)

    async def _events(
        self, model: type[M], group: str, *, from_beginning: bool
    ) -> AsyncGenerator[tuple[str, M], None]:
        topic = await self._connection.topic(model)
        codec = await self._connection.codec(topic, model)
        settings = self._connection.settings
        name = f"{settings.topic_prefix}{settings.env}.{group}.subscribe.v1" if group else None
        consumer = self._connection.kafka.consumer(name, topic, from_beginning=from_beginning or bool(group))
        try:
            await consumer.start()
            while True:
                record = await getone(consumer)
                self._tracing.received(record)
                place = f"{record.topic}-{record.partition}-{record.offset}"
                own = clean_id(dict(record.headers).get(h.ID))
                try:
                    identity = own.decode() if own else f"{MADE_UP.decode()}{place}"
                    yield identity, cast(M, codec.decode(record.value))
                except MessageError as error:
                    log.warning("event cannot be read", place=place, error=str(error))
                if name is not None:
                    await consumer.commit()
        except KafkaError as error:
            raise translate(error, f"reading {topic}") from None
        finally:
            await consumer.stop()

    async def _send_and_wait(
        self, call: Call, command: Message, key: str, timeout: float, deadline: float, answer_within: float
    ) -> None:
        """``timeout`` is what the caller gave; ``deadline`` on the loop's clock is what it comes to."""
        acknowledged = False
        try:
            async with asyncio.timeout_at(deadline) as scope:
                await self._send(call, command, key, answer_within)
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

    async def _send(self, call: Call, command: Message, key: str, answer_within: float) -> None:
        carried = self._carried(answer_within)
        await self._connection.publish(command, call.address.topic, call.command_id, call.command_id, key, carried)

    def _carried(self, answer_within: float) -> Headers:
        own = [(name, value.encode()) for name, value in self._headers().items()]
        return own + h.deadline_in(answer_within)

    async def _call(self, command: Message, command_id: str, timeout: float, *, steps: bool) -> Call:
        """A waiter for this command, with somebody listening; raises BusUnavailableError when that takes long."""
        command_id = command_id or uuid.uuid4().hex
        try:
            async with asyncio.timeout(timeout) as scope:
                return await self._listened(command, command_id, steps=steps)
        except TimeoutError:
            if not scope.expired():
                raise
            raise BusUnavailableError(
                f"no broker answered for command {command_id} within {timeout:g} s; execute it again with this id"
            ) from None

    async def _listened(self, command: Message, command_id: str, *, steps: bool) -> Call:
        address = await self._connection.address(type(command))
        if not (address.completed or address.failed):
            raise UnknownCommandError(f"nothing answers {address.message}: publish it instead")
        self._connection.require_answers(address)
        await self._connection.listen(address, steps=steps)
        result = asyncio.get_running_loop().create_future()
        return Call(command_id, address, result, asyncio.Queue() if steps else None)


async def _without_ids(found: AsyncGenerator[tuple[str, M], None]) -> AsyncGenerator[M, None]:
    async with aclosing(found):
        async for _, message in found:
            yield message
