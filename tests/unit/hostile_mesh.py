"""A mesh whose records hold hostile texts everywhere, and commands that look at it in this process."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType

import pytest
from node_tally_reducer.v1_0_0.models import Amount
from node_trip_orchestrator.v1_0_0.models import BookTrip
from node_unruly_effect.v1_0_0.models import Act
from node_unruly_effect.v1_0_0.node import NodeUnrulyEffect
from structlog.testing import capture_logs
from typer.core import TyperCommand, TyperGroup
from typer.testing import CliRunner

from onex.bus.memory import MemoryEventBus
from onex.bus.protocols import Headers
from onex.cli.failures import INTERNAL
from onex.cli.main import _Commands, app
from onex.contract import resolve_node
from onex.schema.topic_catalogue import TopicCatalogue
from onex.testing import MeshDriver
from onex.wire import dead_letter as d
from tests.conftest import NODES
from tests.unit.hostile_texts import HOSTILE, obeyed, targets

FOLDERS = [NODES / name / "v1_0_0" for name in ("node_unruly_effect", "node_tally_reducer", "node_trip_orchestrator")]
DLQ = "onex.dlq.unruly.effect.v1"
SENT = [text for text in HOSTILE if text.strip() and text == text.encode(errors="replace").decode()]
"""What a message can hold."""
_RESOLVE = cache(resolve_node)
_LONGEST = 60
"""Seconds after which a command is interrupted, as by Ctrl-C."""


class HostileMesh:
    """Each text is a key, an id, a header and a field, and in every fact of a dead letter."""

    def __init__(self, texts: Sequence[str] = SENT) -> None:
        NodeUnrulyEffect.done.clear()
        with capture_logs():
            self.driver = MeshDriver(FOLDERS)
            self._fill(texts)

    def _fill(self, texts: Sequence[str]) -> None:
        self.driver.send(Act(entity="e", mood="raise"), id="real", correlation_id="trail")
        for text in texts:
            raw: Headers = [(text[:99], text.encode()), ("x-bytes", b"\xff\xfe\x1b[2J")]
            self.driver.send(Act(entity=text, mood="raise"), id=text, correlation_id=text, headers=raw)
            self.driver.send(Amount(entity=text, value=5))
            self.driver.send(BookTrip(trip=text), id=text[:99])
            self.driver.broker.append(DLQ, b'{"entity": "\xff"}', text.encode(), _letter(text.encode()), 0)
        self.driver.broker.append(DLQ, b"{}", b"key \xff", _letter(b"fact \xff"), 0)
        for value in (b"\xff\x1b[2J", b"\x00\x00\x00\x03\xe7\x9b", None):
            for topic in list(self.driver.broker.topics):
                self.driver.broker.append(topic, value, b"\xff\x9b31m", [("[red]\x1b", b"\xff")], 0)

    def close(self) -> None:
        """Stop the nodes."""
        self.driver.close()


def _letter(text: bytes) -> Headers:
    facts = [d.CLASS, d.STAGE, d.FINGERPRINT, d.MESSAGE, d.STACK, d.EXCEPTION, d.GROUP, d.NODE_VERSION]
    known = [(d.NODE, b"node_unruly_effect"), (d.PARTITION, b"0"), (d.OFFSET, b"0"), (d.TIMESTAMP, b"1e9")]
    return [*known, (d.TOPIC, text), (d.MESSAGE_ID, text), *((fact, text) for fact in facts)]


_FIND = _Commands.get_command
_FOUND: dict[str, TyperCommand | TyperGroup | None] = {}


def _find_once(commands: _Commands, context: object, name: str) -> TyperCommand | TyperGroup | None:
    """Making a command again and again takes longer than running it."""
    if name not in _FOUND:
        _FOUND[name] = _FIND(commands, context, name)
    return _FOUND[name]


class Commands:
    """Runs commands on a mesh; what they may not do is an AssertionError."""

    def __init__(self, mesh: HostileMesh, folder: Path, patch: pytest.MonkeyPatch) -> None:
        list(targets())  # imports the commands
        patch.chdir(folder)
        patch.setattr(_Commands, "get_command", _find_once)
        patch.setenv("ONEX_HOME", str(folder / "home"))
        patch.setenv("ONEX_ENV", "test")
        patch.setenv("ONEX_SERVICES", json.dumps([str(path) for path in FOLDERS]))
        patch.setenv("KAFKA_BOOTSTRAP_SERVERS", "nowhere.invalid:9092")
        patch.delenv("DATABASE_URL", raising=False)
        patch.setattr(subprocess, "Popen", _refuse)
        patch.setattr(MemoryEventBus, "require_broker", lambda *_: None, raising=False)
        bus = mesh.driver.bus
        for name, module in list(sys.modules.items()):
            if not name.startswith("onex.cli."):
                continue
            for opened in {"open_bus", "open_own_bus"} & vars(module).keys():
                patch.setattr(module, opened, lambda _: bus)
            if "open_catalogue" in vars(module):
                patch.setattr(module, "open_catalogue", lambda *_: TopicCatalogue(bus))
            if "resolve_node" in vars(module):
                patch.setattr(module, "resolve_node", _RESOLVE)
        patch.setattr("onex.cli.run.run_agent", lambda *_, **__: 0)
        patch.setattr("onex.cli.run.supervise", lambda *_: 0)
        patch.setattr("onex.cli.stack.up.LocalPostgres", _refuse, raising=False)
        patch.setattr("onex.local.LocalPostgres.start", _refuse)
        patch.setattr("onex.local.LocalKafka.launch", _refuse)

    def run(self, arguments: Sequence[str], text: str = "") -> tuple[int, str, str]:
        """Run a command line; return exit code, standard output and standard error."""
        with _interrupted(_LONGEST), capture_logs():
            result = CliRunner().invoke(app, list(arguments), input=text)
        what = f"onex {' '.join(arguments)!r:.300}"
        broken = None if isinstance(result.exception, SystemExit) else result.exception
        assert broken is None, f"{what} raised {broken!r}"
        shown = result.stdout + result.stderr
        assert INTERNAL not in shown, f"{what} printed {shown[-2000:]!a}"
        assert "Traceback (most recent call last)" not in result.stderr, what
        assert not obeyed(shown), f"{what} wrote {obeyed(shown)}"
        if result.exit_code == 2:
            assert len(result.stderr.splitlines()) <= 1, f"{what} is not refused in one line: {result.stderr!a}"
        return result.exit_code, result.stdout, result.stderr


def _refuse(*_: object, **__: object) -> object:
    raise OSError(1, "no process starts in this test")


@contextmanager
def _interrupted(seconds: float) -> Iterator[None]:
    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
