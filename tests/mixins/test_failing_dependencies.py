"""Each dependency that is away, slow, full, half-open or refuses credentials: no good message is at fault.

docs/failures.md has the table. What an engine raises here decides about the message: OutageError lets it wait, see
tests/unit/test_outage_reasons.py.
"""

import asyncio
import smtplib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import jwt
import pytest

from onex.agent.telemetry.tracing import Tracing
from onex.errors import BusUnavailableError, CallTimeoutError, OnexError, OutageError, RejectedError, TransientError
from onex.mixins.authentication import ModelAuthenticationSubcontract
from onex.mixins.authentication.engine import AuthenticationEngine
from onex.mixins.http_client import ModelHttpClientSubcontract
from onex.mixins.http_client.engine import HttpClientEngine
from onex.mixins.log_aggregation import ModelLogAggregationSubcontract
from onex.mixins.notification import ModelNotificationSubcontract
from onex.mixins.notification.engine import NotificationEngine
from onex.schema.registry import RegistryCatalogue
from onex.testing.clock import ManualClock
from tests.mixins.helpers import CURRENT_MESSAGE, FakeCurrentMessage, mute_server
from tests.mixins.test_alerting import Alerting
from tests.mixins.test_log_aggregation import Aggregation

AWAY, SLOW, FULL, HALF, REFUSES = "away", "slow", "full", "half-open", "refuses credentials"
STATES = (AWAY, SLOW, FULL, HALF, REFUSES)
PATIENCE = 1.0
"""Seconds for a server that answers without delay, on a machine that is busy."""
HTTP: Mapping[str, bytes] = {
    FULL: b"HTTP/1.1 507 Insufficient Storage\r\ncontent-length: 0\r\n\r\n",
    HALF: b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{",
    REFUSES: b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n",
}
"""The whole reply of a server, which then closes the connection."""


@asynccontextmanager
async def http(state: str) -> AsyncIterator[int]:
    """Have the port of an HTTP server in a state."""

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HTTP[state])
        await writer.drain()
        writer.close()

    match state:
        case "away":
            yield 1
        case "slow":
            async with mute_server() as port:
                yield port
        case _:
            server = await asyncio.start_server(reply, "127.0.0.1", 0)
            async with server:
                yield server.sockets[0].getsockname()[1]


FINE = {b"EHLO": b"250-mail\r\n250 AUTH PLAIN", b"QUIT": b"221 bye"}


@asynccontextmanager
async def smtp(replies: Mapping[bytes, bytes | None]) -> AsyncIterator[int]:
    """Have the port of a mail server with these replies by verb, 250 to all others; None closes the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail\r\n")
        while line := await reader.readline():
            verb = line.split()[0].upper()
            reply = replies.get(verb, FINE.get(verb, b"250 fine"))
            if reply is None:
                break
            writer.write(reply + b"\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def live(scene: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(20):
            await scene()

    asyncio.run(limited())


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (AWAY, OutageError),
        (SLOW, CallTimeoutError),
        (FULL, OutageError),
        (HALF, TransientError),
        (REFUSES, OutageError),
    ],
)
def test_an_http_service(state: str, expected: type[OnexError]) -> None:
    """Slow and half-open may be the fault of the request: an attempt counts, unless the check fails as well."""

    async def scene() -> None:
        async with http(state) as port:
            service = {"name": "bank", "base_url": f"http://127.0.0.1:{port}", "check_path": "/"}
            settings = {"services": [service], "timeout_seconds": PATIENCE, "private_networks": ["127.0.0.0/8"]}
            engine = HttpClientEngine(
                ModelHttpClientSubcontract.model_validate(settings), CURRENT_MESSAGE, ManualClock()
            )
            await engine.open()
            try:
                with pytest.raises(expected, match="bank"):
                    await engine.get("bank", "/")
                with pytest.raises(TransientError, match="bank"):
                    await engine.probe("bank")
            finally:
                await engine.close()

    live(scene)


MAIL: Mapping[str, Mapping[bytes, bytes | None]] = {
    FULL: {b"MAIL": b"452 insufficient system storage"},
    HALF: {b"MAIL": None},
    REFUSES: {b"AUTH": b"535 credentials invalid"},
}


def mail(port: int, **more: object) -> NotificationEngine:
    channel = {
        "name": "mail",
        "kind": "email",
        "host": "127.0.0.1",
        "port": port,
        "recipients": ["ops@example.org"],
        "sender": "mesh@example.org",
        **more,
    }
    settings = {"channels": [channel], "timeout_seconds": PATIENCE, "max_attempts": 1}
    return NotificationEngine(ModelNotificationSubcontract.model_validate(settings), "node_a", ManualClock())


@pytest.mark.parametrize("state", STATES)
def test_a_mail_server(state: str) -> None:
    async def scene() -> None:
        async with smtp(MAIL[state]) if state in MAIL else http(state) as port:
            login = {"username": "mesh", "password": "hush"} if state == REFUSES else {}
            with pytest.raises(OutageError, match="notification not sent: mail: ") as failed:
                await mail(port, **login).notify("a", "b")
            assert "hush" not in str(failed.value)

    live(scene)


@pytest.mark.parametrize(
    ("reply", "refused"), [(b"550 no such user", True), (b"452 the mailbox is full", False)], ids=["unknown", "full"]
)
def test_a_recipient_that_is_refused(reply: bytes, refused: bool) -> None:
    async def scene() -> None:
        async with smtp({b"RCPT": reply}) as port:
            if refused:
                assert await mail(port).notify("a", "b") == 0, "no attempt would help"
            else:
                with pytest.raises(OutageError, match="the mailbox is full"):
                    await mail(port).notify("a", "b")

    live(scene)


@pytest.mark.parametrize("state", STATES)
def test_a_chat(state: str) -> None:
    async def scene() -> None:
        async with http(state) as port:
            channel = {"name": "chat", "kind": "chat", "url": f"http://127.0.0.1:{port}"}
            settings = {"channels": [channel], "timeout_seconds": PATIENCE, "max_attempts": 1}
            engine = NotificationEngine(
                ModelNotificationSubcontract.model_validate(settings), "node_a", ManualClock()
            )
            with pytest.raises(OutageError, match="notification not sent: chat"):
                await engine.notify("a", "b")

    live(scene)


@pytest.mark.parametrize("state", STATES)
def test_an_alertmanager(state: str) -> None:
    """The alert waits, the node is degraded, and no handler has to do with it."""

    async def scene() -> None:
        async with http(state) as port:
            receiver = {"name": "am", "url": f"http://127.0.0.1:{port}"}
            made = Alerting(alertmanagers=[receiver], timeout_seconds=PATIENCE)
            made.use(11)
            await made.after(0)
            await made.deliver()
            assert made.engine.reported_metrics()["waiting"] == 1
            with pytest.raises(OnexError, match="^am: "):
                await made.engine.probe()

    live(scene)


@pytest.mark.parametrize("state", STATES)
def test_keys_of_an_issuer(state: str) -> None:
    """A token that a new key signed is neither accepted nor refused; one that a known key signed is accepted."""

    async def scene() -> None:
        async with http(state) as port:
            settings = ModelAuthenticationSubcontract(
                jwks_url=f"http://127.0.0.1:{port}", jwks_timeout_seconds=PATIENCE, algorithms=("HS256",)
            )
            clock = ManualClock()
            engine = AuthenticationEngine(settings, FakeCurrentMessage(), clock)
            token = jwt.encode({"sub": "ann", "exp": 1}, "s" * 32, "HS256", headers={"kid": "new"})
            for _ in range(2):  # the second one within the cooldown of the first
                with pytest.raises(OutageError, match="key new cannot be looked up"):
                    await asyncio.to_thread(engine.authenticate, token)
            with pytest.raises(TransientError, match="no keys at"):
                await engine.open()

    live(scene)


@pytest.mark.parametrize("state", STATES)
def test_a_schema_registry(state: str) -> None:
    """A message with an unknown schema waits: test_outages.py has what an agent does with this error."""

    async def scene() -> None:
        async with http(state) as port:
            catalogue = RegistryCatalogue(f"http://127.0.0.1:{port}")
            vars(catalogue)["_client"].timeout = PATIENCE
            with pytest.raises(BusUnavailableError, match="schema registry|SCHEMA_REGISTRY_URL"):
                await asyncio.to_thread(catalogue.schema_of, 7)

    live(scene)


@pytest.mark.parametrize("state", STATES)
def test_a_collector_of_traces(state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans are dropped: neither the end of a span nor that of the process waits for the collector, or fails."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", str(PATIENCE))

    async def scene() -> None:
        async with http(state) as port:
            tracing = Tracing.to_collector("node_a", "1.0.0", "g", "a-1", f"http://127.0.0.1:{port}", 0)
            tracer = tracing.provider.get_tracer("test")
            for _ in range(3_000):  # more than the exporter holds
                tracer.start_span("work").end()
            ended = threading.Thread(target=tracing.close, daemon=True)
            ended.start()
            await asyncio.to_thread(ended.join, 15)
            assert not ended.is_alive()

    live(scene)


@pytest.mark.parametrize("state", STATES)
def test_a_collector_of_logs(state: str) -> None:
    """Lines wait and then are dropped, the node is degraded, and no handler has to do with it."""

    async def scene() -> None:
        async with http(state) as port:
            endpoint = f"http://127.0.0.1:{port}"
            settings = ModelLogAggregationSubcontract(
                endpoint=endpoint, timeout_seconds=PATIENCE, max_waiting_lines=10, flush_at_stop_seconds=0
            )
            made = Aggregation(settings)
            made.put("before")
            assert not await made.engine.flush()
            with pytest.raises(OnexError, match="^collector"):
                await made.engine.probe()
            made.put(*map(str, range(20)))
            assert made.figures("waiting", "dropped") == [11, 10]
            await made.engine.close()

    live(scene)


def test_errors_of_mail_are_of_the_class_that_is_caught() -> None:
    assert issubclass(smtplib.SMTPException, OSError)
    assert issubclass(OutageError, TransientError)
    assert not issubclass(RejectedError, TransientError)
