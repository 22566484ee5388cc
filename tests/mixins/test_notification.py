"""MixinNotification, with a real SMTP server and a real receiver of chat."""

import asyncio
import json
import smtplib
import ssl
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import structlog
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pydantic import ValidationError

from onex.capability import HealthCheck, HealthChecks
from onex.errors import OutageError, TransientError
from onex.local.properties import free_port
from onex.mixins.notification import EnumSeverity, MixinNotification, ModelNotificationSubcontract
from onex.mixins.notification.engine import NotificationEngine
from onex.node import NodeEffect
from onex.testing.clock import ManualClock
from tests.mixins.certificates import Authority
from tests.mixins.helpers import Receiver, container, mute_server

INFO, WARNING, CRITICAL = EnumSeverity


class Inbox:
    """A mail server that refuses mail when a test wants it."""

    def __init__(self) -> None:
        self.mails: list[Envelope] = []
        self.sessions: list[Session] = []
        self.answers: list[str] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.answers and (answer := self.answers.pop(0)):
            return answer
        self.mails.append(envelope)
        self.sessions.append(session)
        return "250 taken"


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, int]]:
    handler = Inbox()
    port = free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, port
    controller.stop()


def mail(port: int, **more: object) -> dict[str, object]:
    return {
        "name": "mail",
        "kind": "email",
        "host": "127.0.0.1",
        "port": port,
        "recipients": ["ops@example.org"],
        "sender": "mesh@example.org",
        **more,
    }


def chat(url: str, **more: object) -> dict[str, object]:
    return {"name": "chat", "kind": "chat", "url": url, **more}


def made(*channels: dict[str, object], clock: ManualClock | None = None, **settings: object) -> NotificationEngine:
    fast = {"base_delay_seconds": 0.001, "channels": list(channels), **settings}
    return NotificationEngine(ModelNotificationSubcontract.model_validate(fast), "node_a", clock or ManualClock())


def told(engine: NotificationEngine, title: str = "Disk full", **more: object) -> int:
    async def live() -> int:
        await engine.open()
        try:
            return await engine.notify(title, "1% left", **more)  # type: ignore[arg-type]  # as given
        finally:
            await engine.close()

    return asyncio.run(live())


@pytest.mark.enforces(
    "notification.channels",
    "notification.channels.name",
    "notification.channels.kind",
    "notification.channels.host",
    "notification.channels.port",
    "notification.channels.sender",
    "notification.channels.recipients",
    "notification.channels.url",
)
def test_every_channel_is_notified(inbox: tuple[Inbox, int]) -> None:
    handler, port = inbox
    with Receiver().running() as receiver:
        engine = made(mail(port), chat(f"{receiver.url}/hook"))
        assert told(engine) == 2
    (envelope,) = handler.mails
    assert (envelope.mail_from, envelope.rcpt_tos) == ("mesh@example.org", ["ops@example.org"])
    assert isinstance(envelope.content, bytes)
    assert b"Subject: [node_a] Disk full" in envelope.content
    (request,) = receiver.requests
    assert request.path == "/hook"
    assert json.loads(request.body) == {"text": "*[node_a] Disk full*\n1% left"}
    assert engine.reported_metrics() == {"sent": 2.0, "failed": 0.0}


@pytest.mark.enforces("notification.channels.least_severity")
def test_channels_get_their_severity_and_above() -> None:
    with Receiver().running() as receiver:
        engine = made(chat(receiver.url, least_severity="warning"))
        assert told(engine, "a", severity=INFO) == 0
        assert told(engine, "b", severity=WARNING) == told(engine, "c", severity=CRITICAL) == 1
        assert len(receiver.requests) == 2


@pytest.mark.enforces("notification.repeat_after_seconds")
def test_the_same_notification_is_sent_once() -> None:
    clock = ManualClock()
    with Receiver().running() as receiver:
        engine = made(chat(receiver.url), clock=clock, repeat_after_seconds=60)
        assert told(engine) == 1
        assert told(engine) == 0
        assert told(engine, "Disk fuller", key="Disk full") == 0
        assert told(engine, "Disk fuller") == 1
        clock.move_to(clock.monotonic() + 61)
        assert told(engine) == 1


@pytest.mark.enforces("notification.max_attempts", "notification.base_delay_seconds")
def test_transient_failures_are_retried() -> None:
    ill: tuple[int, dict[str, str], bytes] = (503, {}, b"")
    with Receiver(ill, (429, {}, b""), (200, {}, b"")).running() as receiver:
        assert told(made(chat(receiver.url), max_attempts=3)) == 1
    with Receiver(ill).running() as receiver:
        with pytest.raises(TransientError, match="notification not sent: chat returned status 503"):
            told(made(chat(receiver.url), max_attempts=2))
        assert len(receiver.requests) == 2

    async def live() -> float:
        engine = made(chat("http://127.0.0.1:1"), max_attempts=2, base_delay_seconds=0.2)
        start = asyncio.get_running_loop().time()
        with pytest.raises(TransientError, match="notification not sent: chat: ConnectError"):
            await engine.notify("a", "b")
        return asyncio.get_running_loop().time() - start

    assert asyncio.run(live()) >= 0.2


def test_one_that_fails_does_not_keep_the_others_from_hearing_and_they_hear_once() -> None:
    with Receiver().running() as receiver, Receiver((503, {}, b""), (200, {}, b"")).running() as late:
        engine = made(chat(late.url, name="late"), chat(receiver.url), max_attempts=1)
        with pytest.raises(OutageError, match="late"):
            told(engine)
        assert told(engine) == 1
        assert (len(late.requests), len(receiver.requests)) == (2, 1)


def test_a_failure_that_the_notification_may_have_caused_is_an_attempt() -> None:
    with Receiver((500, {}, b"")).running() as ill, Receiver((503, {}, b"")).running() as away:
        engine = made(chat(ill.url, name="ill"), chat(away.url), max_attempts=1)
        with pytest.raises(TransientError, match="ill returned status 500; chat returned status 503") as failed:
            told(engine)
        assert not isinstance(failed.value, OutageError)


def test_refused_deliveries_are_not_retried(inbox: tuple[Inbox, int]) -> None:
    handler, port = inbox
    handler.answers = ["550 no such user"]
    with Receiver((404, {}, b"")).running() as receiver, structlog.testing.capture_logs() as logs:
        assert told(made(mail(port), chat(receiver.url))) == 0
        assert len(receiver.requests) == 1
    assert [entry["event"] for entry in logs] == ["a notification was refused"] * 2
    handler.answers = ["451 later", ""]
    assert told(made(mail(port))) == 1


@pytest.mark.enforces("notification.timeout_seconds")
def test_a_silent_server_is_disconnected() -> None:
    async def live() -> None:
        async with mute_server() as port:
            for channel in (mail(port), chat(f"http://127.0.0.1:{port}")):
                engine = made(channel, timeout_seconds=0.2, max_attempts=1)
                with pytest.raises(TransientError, match="notification not sent"):
                    await asyncio.wait_for(engine.notify("a", "b"), 20)

    asyncio.run(live())


@pytest.mark.enforces(
    "notification.channels.starttls", "notification.channels.username", "notification.channels.password"
)
def test_a_server_that_wants_tls_and_a_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    key, certificate = authority.server("localhost")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)

    def login(_server: object, _session: object, _envelope: object, _how: str, given: LoginPassword) -> AuthResult:
        return AuthResult(success=given == LoginPassword(b"mesh", b"secret"), handled=False)

    handler, port = Inbox(), free_port()
    controller = Controller(
        handler,
        hostname="127.0.0.1",
        port=port,
        tls_context=tls,
        require_starttls=True,
        auth_required=True,
        authenticator=login,
    )
    controller.start()
    right = mail(port, host="localhost", starttls=True, username="mesh", password="secret")
    try:
        assert told(made(right)) == 1
        assert handler.sessions[0].authenticated
        with pytest.raises(OutageError, match="535") as failed:
            told(made({**right, "password": "wrong"}, max_attempts=1))
        assert "secret" not in str(failed.value)
        with pytest.raises(OutageError, match="530"):
            told(made({**right, "starttls": False, "username": ""}, max_attempts=1))
    finally:
        controller.stop()
    with pytest.raises(TransientError, match="notification not sent"):
        told(made(mail(port, name="gone"), max_attempts=1))


def test_a_server_without_tls_gets_no_password(inbox: tuple[Inbox, int]) -> None:
    handler, port = inbox
    with pytest.raises(OutageError, match="STARTTLS extension not supported"):
        told(made(mail(port, starttls=True), max_attempts=1))
    assert handler.mails == []


def test_a_channel_is_whole() -> None:
    with pytest.raises(ValidationError, match="mail needs recipients"):
        made(mail(25, recipients=[]))
    with pytest.raises(ValidationError, match="chat needs a url"):
        made(chat(""))


def test_a_node_without_channels_sends_nothing() -> None:
    class Node(MixinNotification, NodeEffect):
        pass

    node = Node()
    node.container = container()
    assert asyncio.run(node.notifications.notify("a", "b")) == 0


def problem(engine: NotificationEngine, channel: str) -> str:
    return asyncio.run(HealthCheck("c", partial(engine.probe, channel)).problem(10))


def test_health_greets_the_mail_server_and_sends_nothing(
    inbox: tuple[Inbox, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    handler, port = inbox
    assert problem(made(mail(port)), "mail") == ""
    assert "mail: STARTTLS extension not supported" in problem(made(mail(port, starttls=True)), "mail")
    assert "mail: SMTP AUTH" in problem(made(mail(port, username="mesh", password="p-1")), "mail")
    assert "mail: " in problem(made(mail(1)), "mail")
    monkeypatch.setattr(smtplib.SMTP, "noop", lambda _: (421, b"closing"))
    assert problem(made(mail(port)), "mail") == "mail returned status 421 to NOOP"
    assert not handler.mails


def test_health_of_a_chat_is_that_of_its_last_notification() -> None:
    with Receiver((503, {}, b""), (400, {}, b""), (200, {}, b"")).running() as receiver:
        engine = made(chat(receiver.url), max_attempts=1)
        assert problem(engine, "chat") == ""
        with pytest.raises(OutageError):
            told(engine)
        assert problem(engine, "chat") == "the last notification failed: chat returned status 503"
        assert told(engine) == 0
        assert problem(engine, "chat") == "the last notification failed: chat returned status 400"
        assert told(engine) == 1
        assert problem(engine, "chat") == ""
        assert len(receiver.requests) == 3, "a check sends nothing"


def test_a_node_adds_a_check_for_each_channel() -> None:
    class Node(MixinNotification, NodeEffect):
        pass

    node = Node()
    settings = {"channels": [mail(25), chat("https://chat.example.org")]}
    node.container = container(ModelNotificationSubcontract.model_validate(settings))
    assert node.notifications
    checks = node.container.get(HealthChecks).all
    assert {name: check.critical for name, check in checks.items()} == {
        "notification.mail": False,
        "notification.chat": False,
    }
