"""The wall clock of a machine is stepped by hours: nothing fires early, and the step is reported."""

from collections.abc import Callable, Iterator
from itertools import count

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from node_alarm_orchestrator.v1_0_0.models import Rang, SetAlarm
from node_alarm_orchestrator.v1_0_0.node import NodeAlarmOrchestrator
from node_order_orchestrator.v1_0_0.models import ChargeCard, OrderCompleted, OrderFailed, PlaceOrder
from node_payment_effect.v1_0_0.node import NodePaymentEffect
from node_transfer_effect.v1_0_0.models import MoneyTransferred, MoveMoney
from node_transfer_effect.v1_0_0.node import NodeTransferEffect
from node_unruly_effect.v1_0_0.models import Act, Acted
from node_unruly_effect.v1_0_0.node import NodeUnrulyEffect

from onex.agent.process.watchdog.clock_watch import ClockWatch
from onex.agent.telemetry.health import Health
from onex.agent.telemetry.metrics import AgentMetrics
from onex.mixins.authentication import ModelAuthenticationSubcontract
from onex.mixins.authentication.engine import AuthenticationEngine
from onex.mixins.caching import ModelCachingSubcontract
from onex.mixins.caching.engine import CachingEngine
from onex.mixins.security import ModelSecuritySubcontract
from onex.mixins.security.engine import SecurityEngine
from onex.mixins.timeout import ModelTimeoutSubcontract
from onex.mixins.timeout.engine import TimeoutEngine
from onex.model.contract import ModelRetryPolicy
from onex.node import Context
from onex.testing import MeshDriver
from onex.testing.clock import ManualClock
from onex.util.clock import ProtocolClock, SystemClock
from onex.util.steady_clock import CATCH_UP, SteadyClock, since_boot_ns
from onex.wire import headers as h
from tests.conftest import NODES, ORDERS, SERVICES
from tests.mixins.helpers import FakeCurrentMessage
from tests.unit.test_registry import HANDSHAKE, Agent
from tests.unit.test_registry import NODES as REGISTRY
from tests.unit.test_retry import unruly

_HOUR = 3600.0
both_ways = pytest.mark.parametrize("hours", [3, -3])


def step(mesh: MeshDriver, hours: float) -> None:
    """Step the machine's clock; every process notices."""
    mesh.clock.step(hours * _HOUR)
    look(mesh)


def look(mesh: MeshDriver) -> None:
    for instance in mesh.instances:
        instance.clock.look()


@pytest.fixture
def down() -> Iterator[set[str]]:
    NodeUnrulyEffect.done.clear()
    NodeUnrulyEffect.down.clear()
    yield NodeUnrulyEffect.down
    NodeUnrulyEffect.down.clear()


# -- the clock ---------------------------------------------------------------------------------

_moves = st.lists(
    st.tuples(st.sampled_from(["pass", "pass", "step", "look"]), st.integers(-7_200, 7_200)), max_size=30
)


@given(_moves)
def test_agent_time_never_runs_ahead_of_the_time_that_has_elapsed(moves: list[tuple[str, int]]) -> None:
    machine = ManualClock()
    clock = SteadyClock(machine, machine.elapsed_ns)
    start, passed = clock.now_ms(), 0
    for move, seconds in moves:
        match move:
            case "pass":
                passed += abs(seconds)
                machine.move_to(passed)
            case "step":
                machine.step(seconds)
            case _:
                clock.look()
                assert clock.now_ms() <= machine.now_ms() + 2, "never ahead of the machine's clock"
        assert clock.now_ms() <= start + passed * 1000 * (1 + CATCH_UP) + 2


@given(st.lists(st.integers(0, 100_000), max_size=20))
def test_without_a_step_it_is_the_clock_of_the_machine(waits: list[int]) -> None:
    machine = ManualClock()
    clock = SteadyClock(machine, machine.elapsed_ns)
    for wait in waits:
        machine.move_to(machine.monotonic() + wait / 1000)
        assert clock.look() == 0
        assert clock.now_ms() == machine.now_ms()
        assert clock.monotonic() == machine.monotonic()


def test_a_step_that_is_undone_leaves_nothing() -> None:
    machine = ManualClock()
    clock = SteadyClock(machine, machine.elapsed_ns)
    for hours in (5, -5, -2, 2):
        machine.step(hours * _HOUR)
        clock.look()
    assert clock.now_ms() == machine.now_ms()


def test_a_step_forward_is_caught_up_by_one_percent() -> None:
    machine = ManualClock()
    clock = SteadyClock(machine, machine.elapsed_ns)
    machine.step(60)
    assert clock.look() == 60
    for second in range(1, 3001):
        machine.move_to(second)
        clock.look()
    assert machine.now_ms() - clock.now_ms() == 30_000
    for second in range(3001, 6001):
        machine.move_to(second)
        clock.look()
    assert machine.now_ms() - clock.now_ms() <= 2


def test_the_clock_of_this_machine_is_near_agent_time() -> None:
    clock = SteadyClock(SystemClock())
    assert abs(clock.now_ms() - SystemClock().now_ms()) < 1000
    assert abs(clock.look()) < 1
    assert since_boot_ns()() <= since_boot_ns()()


def test_steps_are_reported_until_they_are_caught_up() -> None:
    machine, health, metrics = ManualClock(), Health(), AgentMetrics("n")
    watch = ClockWatch(SteadyClock(machine, machine.elapsed_ns), health, metrics, lambda: None)
    machine.step(-_HOUR)
    watch.look()
    assert health.ready, "a step back is followed: nothing is left of it"
    machine.step(_HOUR)
    watch.look()
    assert health.ready
    machine.step(30)
    watch.look()
    assert "stepped forward, and agent time is 30 s behind" in health.snapshot()["clock"]
    assert metrics.registry.get_sample_value("onex_clock_ahead_seconds", {"node": "n"}) == 30
    for second in range(1, 3101):
        machine.move_to(second)
        watch.look()
    assert health.ready
    assert metrics.registry.get_sample_value("onex_clock_ahead_seconds", {"node": "n"}) == 0


def test_many_small_steps_are_reported_together() -> None:
    machine, health = ManualClock(), Health()
    watch = ClockWatch(SteadyClock(machine, machine.elapsed_ns), health, AgentMetrics("n"), lambda: None)
    for _ in range(3):
        machine.step(0.5)
        watch.look()
    assert not health.ready


def test_clients_are_replaced_after_a_step_back_and_only_then() -> None:
    machine, told = ManualClock(), list[float]()
    clock = SteadyClock(machine, machine.elapsed_ns)
    watch = ClockWatch(clock, Health(), AgentMetrics("n"), lambda: told.append(machine.now_ms()))
    for seconds in (30.0, -4.9, 4.9, 3600.0):
        machine.step(seconds)
        watch.look()
    assert told == []
    for seconds in (-5.0, -3600.0):
        machine.step(seconds)
        watch.look()
        watch.look()
    assert len(told) == 2, "once for each step"


# -- what fires by it --------------------------------------------------------------------------


def alarm() -> MeshDriver:
    return MeshDriver([NODES / "node_alarm_orchestrator" / "v1_0_0"])


def test_a_timer_is_not_early_after_a_step_forward() -> None:
    mesh = alarm()
    mesh.send(SetAlarm(entity="e", after=100))
    step(mesh, 3)
    mesh.advance("98s")
    assert mesh.published(Rang) == []
    mesh.advance("3s")
    assert len(mesh.published(Rang)) == 1
    mesh.close()


def test_a_timer_that_is_set_after_a_step_keeps_its_time() -> None:
    mesh = alarm()
    step(mesh, 3)
    mesh.send(SetAlarm(entity="e", after=100))
    mesh.advance("99s")
    assert mesh.published(Rang) == []
    mesh.advance("2s")
    assert len(mesh.published(Rang)) == 1
    mesh.close()


def test_a_timer_is_late_after_a_step_back_and_on_time_once_that_is_undone() -> None:
    mesh = alarm()
    mesh.send(SetAlarm(entity="e", after=100))
    step(mesh, -3)
    mesh.advance("200s")
    assert mesh.published(Rang) == []
    step(mesh, 3)
    mesh.advance("1s")
    assert len(mesh.published(Rang)) == 1
    mesh.close()


def test_a_process_that_starts_after_a_step_goes_by_the_clock_of_the_machine() -> None:
    """What cannot be promised: nothing on the machine says that its clock is wrong."""
    mesh = alarm()
    mesh.send(SetAlarm(entity="e", after=100))
    step(mesh, 3)
    (old,) = mesh.instances
    mesh.crash(old)
    mesh.run_until_idle()
    mesh.add_instance(NodeAlarmOrchestrator)
    mesh.run_until_idle()
    assert len(mesh.published(Rang)) == 1
    mesh.close()


@both_ways
def test_a_retry_in_memory_keeps_its_delay(down: set[str], hours: int) -> None:
    mesh = MeshDriver([unruly()])
    down.add("e")
    mesh.send(Act(entity="e", number=1))
    assert len(NodeUnrulyEffect.done) == 1
    step(mesh, hours)
    mesh.advance("0.9s")
    assert len(NodeUnrulyEffect.done) == 1
    mesh.advance("0.2s")
    assert len(NodeUnrulyEffect.done) == 2
    mesh.close()


@both_ways
def test_a_retry_on_the_retry_topic_keeps_its_delay_when_another_process_takes_it(down: set[str], hours: int) -> None:
    """The one that takes it over ran before the step, as the one that is gone did."""
    mesh = MeshDriver([unruly()])
    mesh.add_instance(NodeUnrulyEffect)
    mesh.run_until_idle()
    down.add("e")
    sent = mesh.send(Act(entity="e", number=1))
    mesh.advance("8s")
    before = len(NodeUnrulyEffect.done)
    assert mesh.records("onex.retry.unruly.effect.v1")
    step(mesh, hours)
    owner = next(instance for instance in mesh.instances if _works(instance.metrics))
    mesh.crash(owner)
    mesh.advance("5s")
    assert len(NodeUnrulyEffect.done) == before, "the next attempt is 8 s after the fourth one"
    down.clear()
    mesh.advance("20s")
    assert mesh.published(Acted, sent)
    mesh.close()


def _works(metrics: AgentMetrics) -> bool:
    return metrics.total_received() > 0


@both_ways
def test_a_step_makes_no_dead_letter_of_what_may_be_tried_for_an_hour(down: set[str], hours: int) -> None:
    policy = ModelRetryPolicy(max_attempts=50, base_delay=1.0, max_delay=5.0, jitter=0.0, max_elapsed=3600.0)
    mesh = MeshDriver([unruly(policy)])
    down.add("e")
    sent = mesh.send(Act(entity="e", number=1))
    step(mesh, hours)
    mesh.advance("60s")
    assert mesh.dead_letters() == []
    down.clear()
    mesh.advance("10s")
    assert mesh.published(Acted, sent)
    mesh.close()


@both_ways
def test_a_healthy_workflow_does_not_time_out(hours: int) -> None:
    mesh = MeshDriver(sorted(ORDERS.glob("*/v1_0_0")))
    mesh.mute(NodePaymentEffect)
    sent = mesh.send(PlaceOrder(order_id="o-1", quantity=2, unit_price=5.0))
    step(mesh, hours)
    mesh.advance("5s")
    mesh.unmute(NodePaymentEffect)
    mesh.advance("1s")
    assert len(mesh.published(ChargeCard)) == 1, "no step was tried again"
    assert mesh.completion(sent) == OrderCompleted(order_id="o-1", total=10.0)
    assert mesh.published(OrderFailed) == []
    mesh.close()


def test_a_kept_answer_is_not_forgotten_early(monkeypatch: pytest.MonkeyPatch) -> None:
    receipts = count(1)

    async def move(_: NodeTransferEffect, command: MoveMoney, __: Context) -> MoneyTransferred:
        return MoneyTransferred(account=command.account, receipt=next(receipts))

    monkeypatch.setattr(NodeTransferEffect, "move", move)
    mesh = MeshDriver([NODES / "node_transfer_effect" / "v1_0_0"])
    for _ in range(2):
        mesh.send(MoveMoney(account="a", amount=1), headers=[(h.IDEMPOTENCY_KEY, b"k")])
        mesh.advance("1s")
        step(mesh, 30)
    assert [answer.receipt for answer in mesh.published(MoneyTransferred)] == [1, 1]
    mesh.close()


def test_a_step_expires_no_healthy_process() -> None:
    mesh = MeshDriver([SERVICES / name / "v1_0_0" for name in REGISTRY])
    agent = Agent(mesh)
    agent.register()
    step(mesh, 3)
    for _ in range(3):
        mesh.advance("30s")
        agent.beat()
    assert agent.path == HANDSHAKE
    mesh.close()


# -- capabilities ------------------------------------------------------------------------------


def _token(clock: ProtocolClock) -> Callable[[], object]:
    secret = "a secret that is long enough for HS256"
    given = {"secret": secret, "algorithms": ["HS256"]}
    engine = AuthenticationEngine(ModelAuthenticationSubcontract.model_validate(given), FakeCurrentMessage(), clock)
    token = jwt.encode({"sub": "ann", "exp": clock.now_ms() // 1000 + 60}, secret, "HS256")
    return lambda: engine.authenticate(token)


def _form(clock: ProtocolClock) -> Callable[[], object]:
    given = {"csrf_secret": "a secret that is long enough for this", "enable_csrf_protection": True}
    engine = SecurityEngine(ModelSecuritySubcontract.model_validate(given), clock)
    token = engine.csrf_token("session")
    return lambda: engine.verify_csrf("session", token)


def _deadline(clock: ProtocolClock) -> Callable[[], object]:
    settings = ModelTimeoutSubcontract(refuse_late=True)
    engine = TimeoutEngine(settings, FakeCurrentMessage(deadline_ms=clock.now_ms() + 60_000), clock)
    return lambda: engine.check(Act(entity="e", number=1))


def _cache(clock: ProtocolClock) -> Callable[[], object]:
    engine = CachingEngine(ModelCachingSubcontract(), clock)
    engine.put("k", 1)
    return lambda: engine.get("k", int) or pytest.fail("the entry is gone")


@pytest.mark.parametrize("valid_for_a_minute", [_token, _form, _deadline, _cache])
def test_what_a_capability_accepts_for_a_minute_does_not_expire_by_a_step(
    valid_for_a_minute: Callable[[ProtocolClock], Callable[[], object]],
) -> None:
    machine = ManualClock()
    clock = SteadyClock(machine, machine.elapsed_ns)
    use = valid_for_a_minute(clock)
    machine.step(3 * _HOUR)
    clock.look()
    use()
