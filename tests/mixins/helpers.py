"""Fakes for engines: a current message, a sink of events, a receiver of requests."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from pydantic import BaseModel, ValidationError
from typing_extensions import override

from onex.capability import Container, Event, NodeIdentity, ProtocolCurrentMessage, ProtocolEventSink
from onex.capability.host import standard_services
from onex.errors import TransientError
from onex.model.context import Context
from onex.model.message import Message
from onex.testing.clock import ManualClock
from onex.util.clock import ProtocolClock


@contextmanager
def contract_file(folder: Path, text: str) -> Iterator[Path]:
    """Create a contract next to a node's own one, under a unique name, and delete it at the end."""
    file = folder / f"{uuid.uuid4().hex}.yaml"
    file.write_text(text)
    try:
        yield file
    finally:
        file.unlink()


IDENTITY = NodeIdentity("node_a_effect", "1.0.0", "a-1")


@dataclass
class FakeCurrentMessage(ProtocolCurrentMessage):
    """A current message with fixed values."""

    message_id: str = ""
    correlation_id: str = ""
    trace_parent: str = ""
    deadline_ms: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    idempotency_key: str = ""

    def __post_init__(self) -> None:
        self.idempotency_key = self.idempotency_key or self.message_id

    @override
    def header(self, name: str) -> str:
        return self.headers.get(name, "")


CURRENT_MESSAGE = FakeCurrentMessage("m-1", "c-1", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")


class Sink(ProtocolEventSink):
    """Records events. Raises ``failures`` first, one for each call."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.calls: list[list[Event]] = []
        self.dead_letters: list[tuple[Event, BaseException]] = []
        self.dead_letters_fail = False

    @override
    async def send(self, events: Sequence[Event]) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.calls.append(list(events))

    @override
    async def dead_letter(self, event: Event, error: BaseException) -> None:
        if self.dead_letters_fail:
            raise TransientError("no broker")
        self.dead_letters.append((event, error))

    @property
    def sent(self) -> list[Event]:
        return [event for call in self.calls for event in call]


def container(*values: object, clock: ManualClock | None = None) -> Container:
    """Return a container with the standard services, some of them replaced by ``values``."""
    services = standard_services(IDENTITY)
    services.value(ProtocolClock, clock or ManualClock())
    for value in values:
        services.value(type(value), value)
    return Container(services)


def context(key: str = "k-1") -> Context:
    """Return the context of an arbitrary message."""
    from datetime import UTC, datetime

    return Context(datetime(2026, 1, 1, tzinfo=UTC), key, "m-1", "c-1", "", "i-1")


class Note(Message, key="text"):
    """An arbitrary message."""

    text: str


@dataclass
class Request:
    """A received request."""

    path: str
    headers: dict[str, str]
    body: bytes


Response = tuple[int, Mapping[str, str], bytes]
"""Status, headers, body."""


@asynccontextmanager
async def mute_server() -> AsyncIterator[int]:
    """Open a port that accepts connections and never responds."""
    connected: list[asyncio.StreamWriter] = []

    async def mute(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append(writer)

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        for writer in connected:
            writer.close()
        server.close()


class Receiver:
    """A real HTTP server. It returns ``responses`` in turn, and then always the last one."""

    def __init__(self, *responses: Response) -> None:
        self.responses = list(responses) or [(200, {}, b"")]
        self.requests: list[Request] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                receiver.requests.append(Request(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                many = len(receiver.responses) > 1
                status, headers, response = receiver.responses.pop(0) if many else receiver.responses[0]
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(response)))
                self.end_headers()
                self.wfile.write(response)

            do_GET = do_PUT = do_DELETE = do_POST  # noqa: N815 - the names are http.server's

            def log_message(self, format: str, *args: object) -> None:
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    @contextmanager
    def running(self) -> Iterator["Receiver"]:
        thread = Thread(target=self._server.serve_forever, args=[0.01], daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()


class _Card(BaseModel):
    number: int


def refused_card(number: str) -> ValidationError:
    """Return pydantic's error for a value that is not a number. Its text contains the value."""
    try:
        _Card.model_validate({"number": number})
    except ValidationError as error:
        assert number in str(error)
        return error
    raise AssertionError(f"{number!r} is a number")
