"""MixinLogging."""

import json
import threading
from threading import Event as Flag

import pytest

from onex.mixins.logging import MixinLogging, ModelLoggingSubcontract
from onex.mixins.logging.engine import LoggingEngine
from onex.mixins.logging.writer import LineWriter, to_stderr
from onex.node import NodeEffect
from onex.testing.clock import ManualClock
from tests.mixins.helpers import CURRENT_MESSAGE, IDENTITY, FakeCurrentMessage, container
from tests.mixins.virtual import play


def logged(current: FakeCurrentMessage = CURRENT_MESSAGE, **settings: object) -> tuple[LoggingEngine, list[str]]:
    lines: list[str] = []
    model = ModelLoggingSubcontract.model_validate({"enable_async_logging": False, **settings})
    return LoggingEngine(model, IDENTITY, current, ManualClock(), lines.append), lines


def entry(line: str) -> dict[str, object]:
    found = json.loads(line)
    assert isinstance(found, dict)
    return found


@pytest.mark.enforces("logging.log_level")
def test_lines_below_the_level_are_not_written() -> None:
    log, lines = logged(log_level="WARNING")
    log.debug("a")
    log.info("b")
    log.warning("c")
    log.error("d")
    log.critical("e")
    assert [(entry(line)["event"], entry(line)["level"]) for line in lines] == [
        ("c", "warning"),
        ("d", "error"),
        ("e", "critical"),
    ]
    everything, all_lines = logged(log_level="DEBUG")
    everything.debug("a")
    assert len(all_lines) == 1


@pytest.mark.enforces("logging.enable_context_logging", "logging.enable_correlation_tracking")
def test_lines_name_the_node_and_the_message() -> None:
    log, lines = logged()
    log.info("charged", order="o-1")
    found = entry(lines[0])
    assert found.pop("timestamp")
    assert found == {
        "event": "charged",
        "level": "info",
        "node": "node_a_effect",
        "version": "1.0.0",
        "instance": "a-1",
        "correlation_id": "c-1",
        "message_id": "m-1",
        "order": "o-1",
    }
    bare, bare_lines = logged(enable_context_logging=False, enable_correlation_tracking=False)
    bare.info("charged")
    assert set(entry(bare_lines[0])) == {"event", "level", "timestamp"}
    idle, idle_lines = logged(current=FakeCurrentMessage())
    idle.info("no message")
    assert "message_id" not in entry(idle_lines[0])


@pytest.mark.enforces("logging.log_format")
def test_forms() -> None:
    said = {}
    for form in ("json", "text", "structured"):
        log, lines = logged(log_format=form, enable_context_logging=False, enable_correlation_tracking=False)
        log.info("card charged", order="o 1")
        said[form] = lines[0]
    assert entry(said["json"])["order"] == "o 1"
    assert "[info     ] card charged" in said["text"]
    assert 'level=info event="card charged" order="o 1"' in said["structured"]


@pytest.mark.enforces("logging.enable_log_redaction", "logging.sensitive_field_patterns")
def test_secrets_are_hidden_at_any_depth() -> None:
    log, lines = logged()
    log.info("login", api_key="1", monkey="kept", user={"name": "ann", "passWord": "2", "tokens": ["kept"]})
    found = entry(lines[0])
    assert (found["api_key"], found["monkey"]) == ("[redacted]", "kept")
    assert found["user"] == {"name": "ann", "passWord": "[redacted]", "tokens": ["kept"]}
    pin, pins = logged(sensitive_field_patterns=["pin", "password"])
    pin.info("login", pin_code=1234, api_key="1", user={"password": "2"}, cards=({"pin": 5}, 7))
    told = entry(pins[0])
    assert (told["pin_code"], told["api_key"], told["user"]) == ("[redacted]", "1", {"password": "[redacted]"})
    assert told["cards"] == [{"pin": "[redacted]"}, 7]
    open_log, open_lines = logged(enable_log_redaction=False)
    open_log.info("login", password="2")
    assert entry(open_lines[0])["password"] == "2"


def test_bound_facts_are_in_every_line_and_cannot_hide_facts_of_the_log() -> None:
    log, lines = logged()
    bound = log.bind(order="o-1", node="mine")
    bound.info("one", step=1)
    bound.bind(order="o-2").info("two")
    log.info("three")
    assert [entry(line).get("order") for line in lines] == ["o-1", "o-2", None]
    assert entry(lines[0])["node"] == "node_a_effect"


@pytest.mark.enforces("logging.enable_async_logging", "logging.log_buffer_size")
def test_a_slow_disk_delays_no_handler() -> None:
    written: list[str] = []
    begun, go_on = Flag(), Flag()

    def slow(line: str) -> None:
        begun.set()
        assert go_on.wait(30)
        written.append(line)

    settings = ModelLoggingSubcontract(log_buffer_size=10)
    log = LoggingEngine(settings, IDENTITY, FakeCurrentMessage(), ManualClock(), slow)
    log.info("line 0")
    assert begun.wait(30)
    for number in range(1, 15):
        log.info(f"line {number}")
    assert log.reported_metrics() == {"dropped": 5.0}
    go_on.set()
    play(log.close())
    assert [entry(line)["event"] for line in written] == [f"line {number}" for number in range(10)]
    log.info("once more")
    play(log.close())
    play(log.close())
    assert len(written) == 11


def test_a_stream_that_is_closed_ends_nothing() -> None:
    written: list[str] = []

    def write(line: str) -> None:
        if line == "lost":
            raise ValueError("I/O operation on closed file")
        written.append(line)

    writer = LineWriter(write, 10)
    for line in ("a", "lost", "b"):
        writer.put(line)
    writer.close()
    assert (written, writer.dropped) == (["a", "b"], 1)


def test_lines_that_wait_are_bounded_in_characters() -> None:
    free = threading.Event()

    def write(_: str) -> None:
        assert free.wait(10)

    writer = LineWriter(write, 1_000_000)
    for _ in range(40):
        writer.put("x" * 1_000_000)
    assert writer.dropped == 40 - 16
    free.set()
    writer.close()
    writer.put("y")
    writer.close()
    assert writer.dropped == 24, "there is room again"


def test_lines_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    writer = LineWriter(to_stderr, 10)
    writer.put("hello")
    writer.close()
    assert capsys.readouterr().err == "hello\n"


def test_a_node_has_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    class Node(MixinLogging, NodeEffect):
        pass

    node = Node()
    node.container = container()
    node.log.info("hello", password="x")
    play(node.log.open())  # type: ignore[attr-defined]  # of the engine, not of what a node may do
    play(node.log.close())  # type: ignore[attr-defined]
    assert entry(capsys.readouterr().err)["password"] == "[redacted]"
