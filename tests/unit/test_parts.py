"""Small parts: retry delays, failures, progress, settings, field types, shape of the repository."""

import ast
import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
import structlog
from node_unruly_compute.v1_0_0.models import Ask

from onex.agent.failure.classify import Classifier, Failure
from onex.agent.process.instance_slot import take_instance_slot
from onex.agent.process.logs import configure_logs
from onex.agent.process.watchdog.broker_lag import BrokerLag, Span, spans_of
from onex.agent.process.watchdog.progress import ProgressWatch
from onex.agent.process.watchdog.watchdog import Watchdog
from onex.agent.state.restored import Restored
from onex.agent.telemetry.health import Health
from onex.agent.telemetry.metrics import AgentMetrics
from onex.bus.aio.config import connection_of
from onex.bus.kafka import KafkaConfig
from onex.bus.memory import MemoryBroker, MemoryEventBus
from onex.bus.protocols import Outgoing, Partition, Position, TopicState
from onex.cli.stack.status import without_secrets
from onex.errors import ConfigurationError, HandlerTimeoutError, PoisonError
from onex.model.contract.field_type import field_type_names, to_annotation
from onex.model.duration import parse_duration
from onex.model.enums import EnumFailureClass, EnumStage
from onex.model.topic import TopicName, kebab
from onex.node import RejectedError, TransientError
from onex.settings import Settings
from onex.testing import ManualClock, MeshDriver
from tests.conftest import NODES, ORDERS, ROOT, SERVICES, eventually


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (PoisonError(), EnumFailureClass.POISON),
        (RejectedError(), EnumFailureClass.REJECTED),
        (HandlerTimeoutError(), EnumFailureClass.TIMEOUT),
        (TransientError(), EnumFailureClass.TRANSIENT),
        (ConnectionResetError(), EnumFailureClass.TRANSIENT),
        (TimeoutError(), EnumFailureClass.TRANSIENT),
        (KeyError(), EnumFailureClass.BUG),
        (UnicodeError(), EnumFailureClass.BUG),
    ],
)
def test_failures_are_classified(error: Exception, expected: EnumFailureClass) -> None:
    assert Classifier().classify(error) is expected


def test_a_contract_may_name_further_transient_errors() -> None:
    assert Classifier(["UnicodeError"]).classify(UnicodeError()) is EnumFailureClass.TRANSIENT
    assert Classifier(["asyncpg.PostgresConnectionError"])
    for wrong in ("no.such.Error", "NoSuchError", "os.path"):
        with pytest.raises(ConfigurationError, match=wrong):
            Classifier([wrong])


def test_a_failure_without_a_traceback_has_a_fingerprint() -> None:
    assert len(Failure(EnumFailureClass.BUG, EnumStage.HANDLER, KeyError()).fingerprint) == 12


def test_progress_is_judged_per_partition() -> None:
    watch, a, b = ProgressWatch(), Partition("t", 0), Partition("t", 1)
    assert watch.stalled_for({a: 1, b: 1}, {a: 5, b: 5}, 0.0) == {}
    assert watch.stalled_for({a: 1, b: 2}, {a: 5, b: 5}, 10.0) == {a: 10.0}
    assert watch.stalled_for({a: 1, b: 2}, {a: 0, b: 5}, 20.0) == {b: 10.0}
    assert watch.stalled_for({a: 1, b: 2}, {a: 5}, 25.0) == {a: 5.0}


def test_brokers_are_asked_for_what_a_client_does_not_see() -> None:
    ends, a, b, gone = BrokerLag(15.0), Partition("t", 0), Partition("t", 1), Partition("t", 2)
    asked: list[float] = []

    def ask(positions: Mapping[Partition, int]) -> dict[Partition, Span]:
        asked.append(len(positions))
        return {a: (0, 10), b: (4, 10), gone: (0, 10)}

    assert ends.corrected({a: 0, b: 3}, {}, 0.0, ask) == {a: 0, b: 3}
    assert asked == [], "it holds nothing yet"
    assert ends.corrected({a: 0, b: 3}, {a: 7, b: 6}, 1.0, ask) == {a: 3, b: 3}, "what the client sees is newer"
    assert ends.corrected({a: 0}, {a: 10, b: -1}, 15.0, ask) == {a: 0, b: 6}, "nothing has ever come from b"
    assert len(asked) == 1
    ends.corrected({a: 0}, {a: 10}, 16.0, ask)
    assert len(asked) == 2


def test_where_reading_begins_is_what_is_committed_or_the_beginning() -> None:
    bus, names = MemoryEventBus(MemoryBroker(lambda: 0)), [Partition("onex.evt.test.asked.v1", n) for n in range(3)]
    bus.admin.create([TopicState(names[0].topic, 3, 1, {})])
    bus.publish_batch([Outgoing(p.topic, b"v", b"k", [], p.partition) for p in names for _ in range(5)])
    member = bus.subscribe("g", [])
    member.commit({names[1]: Position(4)})
    found = spans_of(bus.admin, "g", {names[0]: -1, names[1]: -1, names[2]: 3})
    assert found == {names[0]: (0, 5), names[1]: (4, 5), names[2]: (3, 5)}


def test_health_keeps_every_reason() -> None:
    health = Health()
    assert health.ready
    assert health.complain("a", "x")
    assert not health.complain("a", "x")
    assert health.complain("b", "y")
    assert health.snapshot() == {"a": "x", "b": "y"}
    assert health.clear("a")
    assert not health.clear("a")
    assert not health.ready


def test_slots_are_exclusive_and_reused(tmp_path: Path) -> None:
    first, second = take_instance_slot(tmp_path, "g", ""), take_instance_slot(tmp_path, "g", "")
    assert first.name != second.name
    first.release()
    assert take_instance_slot(tmp_path, "g", "").name == first.name
    with pytest.raises(ConfigurationError, match="already runs here"):
        take_instance_slot(tmp_path, "g", second.name)


@pytest.mark.parametrize(
    ("text", "seconds"), [("200ms", 0.2), ("30s", 30), ("5m", 300), ("2h", 7200), ("7d", 604800), (1.5, 1.5)]
)
def test_durations(text: object, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "wrong",
    ["", "5", "5 minutes", 0, -1, True, None, "0s", float("inf"), float("nan"), 10**400, "9" * 400 + "d", "40000d"],
)
def test_wrong_durations(wrong: object) -> None:
    with pytest.raises(ValueError, match="write 200ms"):
        parse_duration(wrong)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("OrderPriced", "order-priced"), ("ModelLLMCall", "llm-call"), ("HTTPCall2Made", "http-call2-made")],
)
def test_message_names(name: str, expected: str) -> None:
    assert kebab(name) == expected


@pytest.mark.parametrize(
    "wrong", ["orders", "onex.cmd.orders", "onex.xyz.a.b.v1", "onex.cmd.A.b.v1", "onex.cmd.a.b.v0"]
)
def test_wrong_topic_names(wrong: str) -> None:
    with pytest.raises(ValueError, match="is not of the form"):
        TopicName.parse(wrong)


def test_field_types_are_parsed_and_never_evaluated() -> None:
    assert field_type_names("dict[str, list[Point | None]]") == {"Point"}
    assert to_annotation("list[int] | None", {}) == (list[int] | None)
    for wrong in ("__import__('os')", "int | str", "tuple[int]", "dict[int, str]", "x.y", "1", "list["):
        with pytest.raises(ValueError, match="is no field type"):
            field_type_names(wrong)


def test_settings_come_from_environment_then_from_the_local_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONEX_HOME", str(tmp_path))
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    with pytest.raises(ConfigurationError, match="onex up"):
        Settings.load().require_kafka()
    (tmp_path / "stack.json").write_text('{"kafka_bootstrap_servers": "local:1", "services": ["x"]}')
    assert Settings.load().require_kafka() == "local:1"
    assert Settings.load().services == [Path("x")]
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "real:1")
    assert Settings.load().require_kafka() == "real:1"
    monkeypatch.setenv("ONEX_HEALTH_PORT", "a lot")
    with pytest.raises(ConfigurationError, match="health_port"):
        Settings.load()


@pytest.mark.parametrize("root", [SERVICES, ORDERS], ids=["services", "orders"])
def test_nodes_know_neither_bus_nor_agent(root: Path) -> None:
    for file in root.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not [n for n in names if n.startswith(("onex.bus", "onex.agent", "confluent_kafka"))], file


def test_the_watchdog_goes_from_unready_to_new_clients() -> None:
    restarts: list[bool] = []
    health = Health()
    watchdog = Watchdog(
        10.0, ManualClock(), health, AgentMetrics("n"), lambda: restarts.append(True), lambda: None, "g"
    )
    watchdog.stop()
    stalled = Partition("t", 3)
    watchdog.judge({stalled: 9.0})
    assert health.ready
    watchdog.judge({stalled: 11.0})
    assert "t[3]" in health.snapshot()["progress"]
    assert restarts == []
    watchdog.judge({stalled: 21.0})
    watchdog.judge({stalled: 22.0})
    assert restarts == [True]
    watchdog.judge({})
    assert health.ready


def test_the_watchdog_sees_a_client_that_has_stopped_fetching() -> None:
    """What Kafka clients do at times when a broker comes back: no lag is known, and nothing is read any more."""
    clock, health, (bus, partition), restarts = ManualClock(), Health(), _five_records(), list[bool]()
    watchdog = Watchdog(10.0, clock, health, AgentMetrics("n"), lambda: restarts.append(True), lambda: bus, "g")
    try:
        watchdog.look_at(_Blind({partition: 2}))
        eventually(lambda: watchdog.lags() == {partition: 3}, what="the lag that the client does not see")
        clock.move_to(11.0)
        eventually(lambda: not health.ready, what="the agent to be unready")
        clock.move_to(21.0)
        eventually(lambda: restarts, what="clients to be made anew")
    finally:
        watchdog.stop()


def test_what_is_held_does_not_count_as_stalled_when_it_goes_on() -> None:
    """A restore, or a dead letter that cannot be written, may take longer than the timeout."""
    clock, health, (bus, partition), restarts = ManualClock(), Health(), _five_records(), list[bool]()
    watchdog = Watchdog(10.0, clock, health, AgentMetrics("n"), lambda: restarts.append(True), lambda: bus, "g")
    blind = _Blind({partition: 2})
    blind.standing.append(partition)
    try:
        watchdog.look_at(blind)
        eventually(lambda: watchdog.lags() == {partition: 3}, what="the lag that the client does not see")
        clock.move_to(100.0)
        looks = blind.looks
        eventually(lambda: blind.looks >= looks + 2, what="the watchdog to look at a partition that is held")
        blind.standing.clear()
        looks = blind.looks
        eventually(lambda: blind.looks >= looks + 2, what="the watchdog to look at a partition that goes on")
        assert health.ready
        clock.move_to(111.0)
        eventually(lambda: not health.ready, what="the agent to be unready")
        assert restarts == []
    finally:
        watchdog.stop()


def _five_records() -> tuple[MemoryEventBus, Partition]:
    bus, partition = MemoryEventBus(MemoryBroker(lambda: 0)), Partition("onex.evt.test.asked.v1", 0)
    bus.admin.create([TopicState(partition.topic, 1, 1, {})])
    bus.publish_batch([Outgoing(partition.topic, b"v", b"k")] * 5)
    return bus, partition


class _Blind:
    """Believes that it has read everything."""

    def __init__(self, positions: dict[Partition, int]) -> None:
        self._positions = positions
        self.standing: list[Partition] = []
        self.looks = 0
        self.restores: dict[Partition, Restored] = {}

    def restoring(self) -> dict[Partition, Restored]:
        return dict(self.restores)

    def lag(self) -> dict[Partition, int]:
        return dict.fromkeys(self._positions, 0)

    def positions(self) -> dict[Partition, int]:
        return self._positions

    def progress(self) -> dict[Partition, int]:
        return self._positions

    def waiting_partitions(self) -> list[Partition]:
        self.looks += 1
        return list(self.standing)

    def overdue(self) -> float:
        return 0.0


def test_the_watchdog_ends_a_process_that_stalls_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    watchdog = Watchdog(60.0, ManualClock(), Health(), AgentMetrics("n"), lambda: None, lambda: None, "g")
    watchdog.stop()
    watchdog.judge({Partition("t", 3): 181.0})
    assert codes == [70]


def test_a_restore_may_take_long_while_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A restore without progress is a stall like any other, though its partitions are blocked."""
    clock, health, (bus, partition), restarts = ManualClock(), Health(), _five_records(), list[bool]()
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    watchdog = Watchdog(10.0, clock, health, AgentMetrics("n"), lambda: restarts.append(True), lambda: bus, "g")
    watchdog.stop()
    watched, changelog = _Blind({partition: 2}), Partition("changelog", 0)
    watched.standing.append(partition)
    watchdog.look_at(watched)
    for step in range(5):
        watched.restores[changelog] = Restored(step, 100 - step)
        clock.move_to(9.0 * step)
        watchdog.look()
    assert health.ready
    clock.move_to(47.0)
    watchdog.look()
    assert health.snapshot() == {"progress": "lag but no progress: changelog[0]"}
    clock.move_to(57.0)
    watchdog.look()
    assert (restarts, codes) == ([True], [])
    clock.move_to(67.0)
    watchdog.look()
    assert codes == [70]
    watched.restores[changelog] = Restored(5, 95)
    watchdog.look()
    assert health.ready


def test_a_restore_that_only_waits_for_the_end_of_a_transaction_is_watched() -> None:
    clock, health, (bus, partition) = ManualClock(), Health(), _five_records()
    watchdog = Watchdog(10.0, clock, health, AgentMetrics("n"), lambda: None, lambda: bus, "g")
    watchdog.stop()
    watched = _Blind({partition: 5})
    watched.restores[Partition("changelog", 0)] = Restored(7, 0)
    watchdog.look_at(watched)
    watchdog.look()
    clock.move_to(11.0)
    watchdog.look()
    assert not health.ready


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("", "none"),
        ("postgresql://app:secret@db.internal:5433/orders?sslmode=require", "db.internal:5433/orders"),
        ("postgresql://postgres:@/postgres?host=/tmp/x", "Unix socket/postgres"),
    ],
)
def test_status_never_shows_a_password(url: str, shown: str) -> None:
    assert without_secrets(url) == shown


def test_every_setting_is_documented() -> None:
    told = (ROOT / "docs" / "settings.md").read_text()
    for name, field in Settings.model_fields.items():
        assert f"ONEX_{name.upper()}" in told or str(getattr(field.validation_alias, "choices", [""])[0]) in told
        assert field.description
        assert field.description in told


def test_logs_of_a_pure_node_carry_the_message_in_hand(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(Settings(log_format="json"), node="node_unruly_compute")
    driver = MeshDriver([NODES / "node_unruly_compute" / "v1_0_0"])
    try:
        trace = "0af7651916cd43dd8448eb211c80319c"
        parent = [("traceparent", f"00-{trace}-b7ad6b7169203331-01".encode())]
        driver.send(Ask(entity="e", mood="raise"), id="m-1", correlation_id="c-1", headers=parent, run=False)
        undecodable = [("ce_id", b"m-2"), ("onex-correlation-id", b"c-2")]
        driver.publish("onex.cmd.unruly.ask.v1", b"\x00garbage", b"e", undecodable)
    finally:
        driver.close()
        structlog.reset_defaults()
    line, other = [json.loads(text) for text in capsys.readouterr().err.splitlines() if "dead letter" in text]
    assert (other["message_id"], other["correlation_id"], "trace_id" in other) == ("m-2", "c-2", False)
    wanted = {"correlation_id": "c-1", "message_id": "m-1", "workflow_id": "e", "trace_id": trace, "class": "bug"}
    assert {name: line[name] for name in wanted} == wanted


def test_one_set_of_kafka_settings_serves_both_clients(tmp_path: Path) -> None:
    given = {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-256",
        "sasl.username": "u",
        "sasl.password": "p",
    }
    found = dict(connection_of(KafkaConfig("k:9092", extra=given)))
    assert found["security_protocol"] == "SASL_PLAINTEXT"
    assert found["sasl_plain_password"] == "p"
    assert "ssl_context" not in found
    encrypted = dict(connection_of(KafkaConfig("k:9092", extra={"security.protocol": "SSL"})))
    assert encrypted["ssl_context"] is not None
    with pytest.raises(ConfigurationError, match="no counterpart of sasl.kerberos.principal"):
        connection_of(KafkaConfig("k:9092", extra={"sasl.kerberos.principal": "x"}))


def test_reasons_about_what_is_gone_are_dropped_and_no_others() -> None:
    health = Health({"partition orders[3]": "cannot commit", "span orders[3]": "blocked at offset 7", "bus": "away"})
    health.forget(("partition ", "blocked ", "span "))
    assert health.snapshot() == {"bus": "away"}
