"""MeshClient: how an application uses the mesh."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Literal, TypeVar, cast, overload

import structlog
from opentelemetry import trace

from onex.bus.protocols import Headers
from onex.errors import BusUnavailableError, MessageError
from onex.mesh.calls import Call
from onex.mesh.connection import Connection, Sign
from onex.mesh.errors import CommandTimeoutError, UnknownCommandError
from onex.mesh.run import MeshRun
from onex.mesh.tracing import ClientTracing
from onex.model.message import Message
from onex.settings import Settings
from onex.wire import headers as h
from onex.wire.foreign_headers import headers_of
from onex.wire.ids import MADE_UP, clean_id

log = structlog.get_logger(__name__)
M = TypeVar("M", bound=Message)


class MeshClient:
    """Sends commands, follows them, and reads events. Any number of tasks may share one client.

    Addresses come from the contracts below ``Settings.services``. Without contracts they come from the introspection
    of the nodes (see ``onex nodes``), and ``models`` names the message classes.
    """

    def __init__(
        self,
        settings: Settings,
        models: Iterable[type[Message]],
        provider: trace.TracerProvider | None,
        headers: Callable[[], Mapping[str, str]] = dict,
        sign: Sign | None = None,
    ) -> None:
        self._headers = headers
        self._connection = Connection(settings, models, sign)
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
        sign: Sign | None = None,
    ) -> AsyncIterator["MeshClient"]:
        """Yield a connected client. Raise BusUnavailableError, ConfigurationError, ContractError.

        ``services`` replaces the folders of the settings. ``tracer_provider`` is that of the application. Without one
        traces go to ``OTEL_EXPORTER_OTLP_ENDPOINT`` when that is set. ``headers`` is called for each message:
        ``lambda: {"authorization": f"Bearer {token()}"}`` for nodes with MixinAuthentication. ``sign`` returns
        the signature of each message: ``MessageSigner(settings)`` for nodes with MixinHMACValidation.
        """
        folders: dict[str, object] = {} if services is None else {"services": list(services)}
        client = cls(settings or Settings.load(**folders), models, tracer_provider, headers, sign)
        try:
            await client._connection.open()
            yield client
        finally:
            await client._connection.close()
            await asyncio.to_thread(client._tracing.close)

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
        """Publish a command, wait for its completion event and return that.

        ``command_id``: a command with the same id starts nothing again and has the same completion, as long as the
        workflow stores its runs. ``answer`` is the type of the completion. ``key`` is for messages without a key
        field. ``answer_within``: seconds after which the reply is of no use; the deadline travels with the command,
        and nodes with MixinTimeout obey it. ``timeout`` is in seconds.

        Raises UnknownCommandError, CommandRejectedError, WorkflowFailedError, CommandTimeoutError (the broker has the
        command) or BusUnavailableError (the broker may not have it: execute it again with the same id). Cancellation
        ends the wait, and does not cancel the workflow.
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
        """Publish a command and follow it: iterate over the steps, then await the completion.

        Raises as :meth:`execute`. The timeout applies to the whole block.
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
        """Write a message to its topic, wait for the acknowledgement and return its id.

        Raises UnknownCommandError, BusUnavailableError, MessageTooLargeError.
        """
        topic = await self._connection.topic(type(message))
        identity = message_id or uuid.uuid4().hex
        headers = self._extra_headers(answer_within)
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
        """Yield the events of a type. Without a group: all of them, from now on, and no position is committed.

        The members of a group share the events, and continue at the position of the group. An event counts as handled
        when the caller requests the next one, so that an event whose handling was interrupted comes again.
        ``with_ids`` yields the message id with each event: the same event always has the same id.
        Events that cannot be decoded are logged and skipped. Raises UnknownCommandError, BusUnavailableError.
        """
        events = self._events(model, group, from_beginning=from_beginning)
        return events if with_ids else _without_ids(events)

    async def _events(
        self, model: type[M], group: str, *, from_beginning: bool
    ) -> AsyncGenerator[tuple[str, M], None]:
        topic = await self._connection.topic(model)
        codec = await self._connection.codec(topic, model)
        settings = self._connection.settings
        name = f"{settings.topic_prefix}{settings.env}.{group}.subscribe.v1" if group else None
        consumer = self._connection.kafka.subscribe(name, topic, from_beginning=from_beginning or bool(group))
        try:
            await consumer.start()
            while True:
                record = await consumer.next()
                self._tracing.received(record)
                place = f"{record.topic()}-{record.partition()}-{record.offset()}"
                sent_id = clean_id(headers_of(record).get(h.ID))
                try:
                    identity = sent_id.decode() if sent_id else f"{MADE_UP.decode()}{place}"
                    if self._connection.is_of(model, record):
                        yield identity, cast(M, codec.decode(record.value()))
                except MessageError as error:
                    log.warning("event cannot be read", place=place, error=str(error))
                if name is not None:
                    await consumer.commit()
        finally:
            await consumer.close()

    async def _send_and_wait(
        self, call: Call, command: Message, key: str, timeout: float, deadline: float, answer_within: float
    ) -> None:
        """``deadline`` is the end of ``timeout`` on the clock of the event loop, in seconds."""
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
        headers = self._extra_headers(answer_within)
        await self._connection.publish(command, call.address.topic, call.command_id, call.command_id, key, headers)

    def _extra_headers(self, answer_within: float) -> Headers:
        headers = [(name, value.encode()) for name, value in self._headers().items()]
        return headers + h.deadline_in(answer_within)

    async def _call(self, command: Message, command_id: str, timeout: float, *, steps: bool) -> Call:
        """Return a call for this command, with a listener. Raise BusUnavailableError after the timeout."""
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
        self._connection.require_endings(address)
        await self._connection.listen(address, steps=steps)
        result = asyncio.get_running_loop().create_future()
        return Call(command_id, address, result, asyncio.Queue() if steps else None)


async def _without_ids(events: AsyncGenerator[tuple[str, M], None]) -> AsyncGenerator[M, None]:
    async with aclosing(events):
        async for _, message in events:
            yield message
