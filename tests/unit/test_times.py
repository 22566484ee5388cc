"""A batch ends before its transaction does; durations that cannot work together are refused."""

import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from node_alarm_orchestrator.v1_0_0.models import AlarmState, Rang, SetAlarm
from node_alarm_orchestrator.v1_0_0.node import NodeAlarmOrchestrator
from node_tally_reducer.v1_0_0.models import Amount, Tallied, Tally
from node_tally_reducer.v1_0_0.node import NodeTallyReducer

from onex.agent.process.agent_process import EXIT_NAME_IN_USE, AgentProcess
from onex.agent.process.durations import batch_seconds, call_seconds, check_times
from onex.agent.process.instance_slot import take_instance_slot
from onex.agent.process.run_agent import run_resolved
from onex.agent.process.start_steps import StartSteps
from onex.agent.process.watchdog.call_watch import CallWatch
from onex.agent.telemetry.health import Health
from onex.bus.memory.consumer import MemoryConsumer
from onex.bus.protocols import Partition
from onex.contract import resolve_node
from onex.errors import BusError, ConfigurationError, FencedError, TransactionTimedOutError
from onex.model.enums import EnumGuarantee
from onex.node import Context, Decision, Reduction, TimerFired
from onex.settings import Settings
from onex.testing import MeshDriver
from onex.util.clock import SystemClock
from tests.conftest import NODES, ORDERS, SERVICES

TALLY, ALARM = NODES / "node_tally_reducer" / "v1_0_0", NODES / "node_alarm_orchestrator" / "v1_0_0"


class Slow:
    """A reducer that takes its time."""

    seconds = 0.0
    mesh: MeshDriver


@pytest.fixture
def mesh(monkeypatch: pytest.MonkeyPatch) -> Iterator[MeshDriver]:
    reduce = NodeTallyReducer.reduce

    def slowly(self: NodeTallyReducer, state: Tally | None, event: Amount, context: Context) -> Reduction[Tally]:
        clock = Slow.mesh.clock
        clock.move_to(clock.monotonic() + Slow.seconds)
        return reduce(self, state, event, context)

    decide = NodeAlarmOrchestrator.decide

    def decide_slowly(
        self: NodeAlarmOrchestrator, state: AlarmState | None, event: SetAlarm | TimerFired, context: Context
    ) -> Decision[AlarmState]:
        Slow.mesh.clock.move_to(Slow.mesh.clock.monotonic() + Slow.seconds)
        return decide(self, state, event, context)

    monkeypatch.setattr(NodeTallyReducer, "reduce", slowly)
    monkeypatch.setattr(NodeAlarmOrchestrator, "decide", decide_slowly)
    Slow.seconds = 0.0
    Slow.mesh = driver = MeshDriver([TALLY, ALARM])
    yield driver
    driver.close()


@pytest.mark.parametrize(("seconds", "count"), [(0.007, 1500), (0.4, 100), (3.0, 7)])
def test_a_batch_commits_what_is_done_when_its_time_is_up(mesh: MeshDriver, seconds: float, count: int) -> None:
    """5 s of a transaction of 15 s; without a limit the first batch would take 14, 40 and 21 s."""
    mesh.send(Amount(entity="e", value=1))
    Slow.seconds = seconds
    for number in range(count):
        mesh.send(Amount(entity=f"e{number % 3}", value=1), run=False)
    (instance,) = mesh.instances_of(NodeTallyReducer)
    longest, commits = 0.0, 0
    while True:
        started = mesh.clock.monotonic()
        if not instance.step():
            break
        longest, commits = max(longest, mesh.clock.monotonic() - started), commits + 1
    assert longest <= 5.0 + max(seconds, 5.0 / 8 + seconds)
    assert commits > 1
    assert len(mesh.published(Tallied)) == 1 + count
    totals: dict[str, int] = {}
    for tallied in mesh.published(Tallied):
        assert tallied.total == totals.get(tallied.entity, 0) + 1, "each once, in order"
        totals[tallied.entity] = tallied.total
    assert not mesh.dead_letters()
    assert set(instance.consumer.lag().values()) == {0}


def test_handlers_that_become_quick_again_get_full_batches(mesh: MeshDriver) -> None:
    Slow.seconds = 1.0
    for number in range(8):
        mesh.send(Amount(entity=f"e{number}", value=1), run=False)
    mesh.run_until_idle()
    Slow.seconds = 0.0
    (instance,) = mesh.instances_of(NodeTallyReducer)
    for number in range(1200):
        mesh.send(Amount(entity=f"e{number % 50}", value=1), run=False)
    steps = 0
    while instance.step():
        steps += 1
    assert steps < 20
    assert len(mesh.published(Tallied)) == 1208


def test_timers_fire_under_a_backlog_that_fills_every_batch(mesh: MeshDriver) -> None:
    sent = mesh.send(SetAlarm(entity="e", after=2))
    (alarm,) = mesh.instances_of(NodeAlarmOrchestrator)
    Slow.seconds = 0.5
    for number in range(60):
        mesh.send(SetAlarm(entity=f"other-{number}", after=1e6), run=False)
    for _ in range(3):
        alarm.step()
    assert mesh.published(Rang, sent)


def test_a_restore_begins_when_committed_offsets_are_stable(
    mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction that sent its offsets early may still be open: its changelog records come after them."""
    asked: list[str] = []
    committed, ends = MemoryConsumer.committed, type(mesh.bus.admin).ends

    def spy_committed(self: MemoryConsumer, partitions: list[Partition]) -> object:
        asked.append("committed")
        return committed(self, partitions)

    def spy_ends(self: object, partitions: list[Partition]) -> object:
        asked.append("ends")
        return ends(self, partitions)  # type: ignore[arg-type]  # it is the admin

    monkeypatch.setattr(MemoryConsumer, "committed", spy_committed)
    monkeypatch.setattr(type(mesh.bus.admin), "ends", spy_ends)
    mesh.add_instance(NodeTallyReducer).step()
    assert asked[0] == "committed"
    assert "ends" in asked


# -- what is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("timeout", "transaction_ms", "refused"),
    [(7.5, 15_000, False), (7.6, 15_000, True), (15.0, 15_000, True), (30.0, 60_000, False), (None, 1000, False)],
)
def test_a_call_must_fit_into_its_transaction(
    timeout: float | None, transaction_ms: int, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Other tests of this process look for lines of any level.
    monkeypatch.setattr("onex.agent.process.run_agent.configure_logs", lambda *_, **__: None)
    node, settings = resolve_node(TALLY), Settings(transaction_timeout_ms=transaction_ms)
    delivery = node.contract.delivery.model_copy(update={"timeout": timeout})
    contract = node.contract.model_copy(update={"delivery": delivery})
    if refused:
        remedy = f"write at most 7.5s, or set ONEX_TRANSACTION_TIMEOUT_MS to {round((timeout or 0) * 2000)}"
        with pytest.raises(ConfigurationError, match=f"delivery.timeout of {timeout:g} s.*{remedy}"):
            check_times(contract, settings)
        with pytest.raises(ConfigurationError):
            run_resolved(replace(node, contract=contract), settings)
    else:
        check_times(contract, settings)
        assert batch_seconds(settings) + call_seconds(contract, settings) < transaction_ms / 1000
    loose = delivery.model_copy(update={"guarantee": EnumGuarantee.AT_LEAST_ONCE})
    check_times(contract.model_copy(update={"delivery": loose}), settings)


def test_an_effect_may_take_as_long_as_its_contract_says() -> None:
    contract = resolve_node(NODES / "node_unruly_effect" / "v1_0_0").contract
    long = contract.delivery.model_copy(update={"timeout": 300.0})
    check_times(contract.model_copy(update={"delivery": long}), Settings())


def test_a_drain_must_end_before_the_group_expels_the_agent() -> None:
    contract = resolve_node(TALLY).contract
    with pytest.raises(ConfigurationError, match=r"ONEX_DRAIN_TIMEOUT of 300 s .*ONEX_KAFKA_CONFIG"):
        check_times(contract, Settings(drain_timeout=300))
    check_times(contract, Settings(drain_timeout=300, kafka_config={"max.poll.interval.ms": "400000"}))


@pytest.mark.parametrize("folder", [*SERVICES.iterdir(), *ORDERS.glob("node_*")], ids=lambda f: f.name)
def test_contracts_of_this_repository_fit_the_defaults(folder: Path) -> None:
    for version in sorted(folder.glob("v*")):
        if (version / "contract.yaml").exists():
            check_times(resolve_node(version).contract, Settings())


# -- what an ended transaction means ---------------------------------------------------------------------------


class Runs:
    """What each run of an agent ends with."""

    def __init__(self, process: AgentProcess, failures: list[BusError]) -> None:
        self._process, self._failures = process, failures
        self.slowness: list[int] = []

    def once(self) -> None:
        self.slowness.append(self._process._slowness)
        if self._failures:
            raise self._failures.pop(0)
        self._process._stop.requested = True


@pytest.mark.parametrize(
    ("failures", "code", "slowness"),
    [
        ([FencedError("x")] * 5, EXIT_NAME_IN_USE, [0, 0, 0]),
        ([TransactionTimedOutError("slow")] * 4, 0, [0, 1, 2, 3, 4]),
        ([TransactionTimedOutError("slow"), FencedError("x"), FencedError("x")], 0, [0, 1, 1, 1]),
    ],
    ids=["name in use", "slow", "both"],
)
def test_a_timed_out_transaction_is_not_a_name_in_use(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failures: list[BusError],
    code: int,
    slowness: list[int],
) -> None:
    settings = Settings(home=tmp_path, kafka_bootstrap_servers="127.0.0.1:1", heartbeat_interval=0)
    slot = take_instance_slot(tmp_path, "g", "")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    health = Health()
    calls = CallWatch(StartSteps(SystemClock(), health, 120.0), SystemClock())
    process = AgentProcess(resolve_node(TALLY), settings, slot, health, calls)
    runs = Runs(process, list(failures))
    monkeypatch.setattr(process, "_run_once", runs.once)
    monkeypatch.setattr(process._stop, "sleep", lambda _: None)
    try:
        assert process.run() == code
    finally:
        process._watchdog.stop()
        calls.stop()
        process._server.close()
        slot.release()
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert runs.slowness == slowness
