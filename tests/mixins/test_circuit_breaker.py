"""MixinCircuitBreaker."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from onex.capability import Reports
from onex.errors import CircuitOpenError, RejectedError
from onex.mixins.circuit_breaker import (
    EnumCircuitState,
    MixinCircuitBreaker,
    ModelCircuitBreakerSubcontract,
    ModelCircuitService,
    ProtocolCircuit,
)
from onex.mixins.circuit_breaker.circuit import Circuit, CircuitChange, CircuitSnapshot
from onex.mixins.circuit_breaker.engine import CircuitBreakerEngine
from onex.node import NodeEffect
from onex.testing.clock import ManualClock
from tests.mixins.helpers import refused_card
from tests.mixins.virtual import play

CLOSED, OPEN, HALF_OPEN = EnumCircuitState.CLOSED, EnumCircuitState.OPEN, EnumCircuitState.HALF_OPEN


class Circuits:
    """An engine, its clock, and the reported changes."""

    def __init__(self, **settings: object) -> None:
        self.clock = ManualClock()
        self.changes: list[CircuitChange] = []
        model = ModelCircuitBreakerSubcontract.model_validate(settings)
        self.engine = CircuitBreakerEngine(model, self.clock, self.changes.append)
        self.circuit: ProtocolCircuit = self.engine.of("db")

    def calls(self, *outcomes: object, of: str = "db", took: float = 0.0) -> list[str]:
        """Return the outcomes of calls, one after the other."""
        return [play(self._call(self.engine.of(of), outcome, took), self.clock) for outcome in outcomes]

    async def _call(self, circuit: ProtocolCircuit, outcome: object, took: float) -> str:
        async def work() -> str:
            await asyncio.sleep(took)
            if isinstance(outcome, Exception):
                raise outcome
            return str(outcome)

        try:
            return await circuit.call(work)
        except CircuitOpenError as error:
            return f"open {error.retry_after:g}"
        except Exception as error:  # noqa: BLE001 - its name is the result
            return type(error).__name__

    def later(self, seconds: float) -> None:
        self.clock.move_to(self.clock.monotonic() + seconds)


DOWN = ConnectionError("down")


@pytest.mark.enforces("circuit_breaker.failure_threshold", "circuit_breaker.timeout_seconds")
def test_failures_in_a_row_open_it_for_a_while() -> None:
    it = Circuits(failure_threshold=3, timeout_seconds=10)
    assert it.calls(DOWN, DOWN, "fine", DOWN, DOWN) == ["ConnectionError"] * 2 + ["fine"] + ["ConnectionError"] * 2
    assert it.circuit.state is CLOSED
    assert it.calls(DOWN, "not asked") == ["ConnectionError", "open 10"]
    it.later(4)
    assert it.calls("not asked") == ["open 6"]
    assert it.changes == [
        CircuitChange("db", CLOSED, OPEN, "3 consecutive failures, the last: down"),
    ]
    assert it.engine.states() == {"db": OPEN}


def test_reasons_show_neither_content_nor_credentials() -> None:
    it = Circuits(failure_threshold=1, timeout_seconds=10)
    it.calls(refused_card("4111 1111"))
    it.later(10)
    it.calls(ConnectionError("http://me:hunter2@bank is away"))
    assert [change.reason for change in it.changes] == [
        "1 consecutive failures, the last: _Card: number: Input should be a valid integer, "
        "unable to parse string as an integer",
        "probed after 10 s",
        "a probe failed: http://[redacted]@bank is away",
    ]


@pytest.mark.enforces("circuit_breaker.success_threshold")
def test_probes_close_it_or_open_it_again() -> None:
    it = Circuits(failure_threshold=1, success_threshold=2, timeout_seconds=10)
    it.calls(DOWN)
    it.later(10)
    assert it.calls("one") == ["one"]
    assert it.circuit.state is HALF_OPEN
    assert it.calls(DOWN) == ["ConnectionError"]
    assert it.circuit.state is OPEN
    it.later(10)
    assert it.calls("one", "two") == ["one", "two"]
    assert it.circuit.state is CLOSED
    assert [change.reason for change in it.changes] == [
        "1 consecutive failures, the last: down",
        "probed after 10 s",
        "a probe failed: down",
        "probed after 10 s",
        "2 probes succeeded",
    ]


@pytest.mark.enforces("circuit_breaker.half_open_max_calls")
@pytest.mark.parametrize("places", [1, 2])
def test_the_number_of_concurrent_probes_is_limited(places: int) -> None:
    it = Circuits(failure_threshold=1, half_open_max_calls=places, timeout_seconds=10)
    it.calls(DOWN)
    it.later(10)

    async def three() -> list[str]:
        return await asyncio.gather(*(it._call(it.engine.of("db"), "fine", 1.0) for _ in range(3)))

    assert play(three(), it.clock) == ["fine"] * places + ["open 0.05"] * (3 - places)


@pytest.mark.enforces("circuit_breaker.enabled")
def test_one_that_is_switched_off_lets_everything_through() -> None:
    it = Circuits(enabled=False, failure_threshold=1)
    assert it.calls(DOWN, DOWN, "fine") == ["ConnectionError", "ConnectionError", "fine"]
    assert it.changes == []


@pytest.mark.enforces(
    "circuit_breaker.window_size",
    "circuit_breaker.failure_rate_threshold",
    "circuit_breaker.minimum_request_threshold",
)
def test_a_share_of_failures_opens_it() -> None:
    it = Circuits(failure_threshold=100, window_size=4, failure_rate_threshold=0.5, minimum_request_threshold=4)
    it.calls(DOWN, DOWN, "fine")
    assert it.circuit.state is CLOSED, "too few calls to tell"
    it.calls("fine")
    assert it.changes[-1].reason == "50% of the last 4 calls failed"
    it = Circuits(failure_threshold=100, window_size=4, failure_rate_threshold=0.5, minimum_request_threshold=4)
    it.calls("fine", "fine", "fine", DOWN, "fine", "fine", "fine", DOWN)
    assert it.circuit.state is CLOSED, "the first failure is out of the window"


@pytest.mark.enforces("circuit_breaker.slow_call_seconds", "circuit_breaker.slow_call_rate_threshold")
def test_a_share_of_slow_calls_opens_it() -> None:
    it = Circuits(slow_call_seconds=1.0, slow_call_rate_threshold=0.5, minimum_request_threshold=2)
    it.calls("fine", "fine", took=0.5)
    it.calls("fine", took=2.0)
    assert it.circuit.state is CLOSED
    it.calls("fine", took=2.0)
    assert it.changes[-1].reason == "50% of the last 4 calls took over 1 s"
    it.later(60)
    it.calls("fine", took=2.0)
    assert it.changes[-1].reason == "a probe was slow"


@pytest.mark.enforces("circuit_breaker.services", "circuit_breaker.services.name")
@pytest.mark.enforces("circuit_breaker.services.failure_threshold", "circuit_breaker.services.timeout_seconds")
def test_dependencies_have_circuits_and_settings_of_their_own() -> None:
    own = ModelCircuitService(name="mail", failure_threshold=1, timeout_seconds=2)
    it = Circuits(failure_threshold=2, timeout_seconds=10, services=(own,))
    assert it.calls(DOWN, "not asked", of="mail") == ["ConnectionError", "open 2"]
    assert it.calls(DOWN, "fine") == ["ConnectionError", "fine"]
    assert it.engine.of("mail") is it.engine.of("mail")
    assert it.engine.states() == {"db": CLOSED, "mail": OPEN}


def test_a_refused_message_does_not_count_for_the_dependency() -> None:
    it = Circuits(failure_threshold=1)
    assert it.calls(RejectedError("bad"), "fine") == ["RejectedError", "fine"]
    assert it.circuit.state is CLOSED


def test_calls_of_an_earlier_state_are_not_counted() -> None:
    it = Circuits(failure_threshold=1, success_threshold=1, timeout_seconds=1)

    async def race() -> None:
        slow = asyncio.create_task(it._call(it.engine.of("db"), DOWN, 5.0))
        await asyncio.sleep(0)
        await it._call(it.engine.of("db"), DOWN, 0.0)
        await asyncio.sleep(1)
        await it._call(it.engine.of("db"), "fine", 0.0)
        await slow

    play(race(), it.clock)
    assert it.circuit.state is CLOSED


def test_a_cancelled_call_frees_its_probe_and_counts_for_nothing() -> None:
    it = Circuits(failure_threshold=1, success_threshold=1, timeout_seconds=1)
    it.calls(DOWN)
    it.later(1)

    async def cancel() -> None:
        probe = asyncio.create_task(it._call(it.engine.of("db"), "never", 100.0))
        await asyncio.sleep(0)
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)

    play(cancel(), it.clock)
    assert it.circuit.state is HALF_OPEN
    assert it.calls("fine") == ["fine"]
    assert it.circuit.state is CLOSED


def test_a_node_shares_a_circuit_among_its_handlers() -> None:
    class Node(MixinCircuitBreaker, NodeEffect):
        async def one(self, work: Callable[[], Awaitable[str]]) -> str:
            return await self.circuits.of("db").call(work)

        async def two(self) -> str:
            async with self.circuits.of("db").guard():
                return "fine"

    async def down() -> str:
        raise DOWN

    async def live() -> None:
        node = Node()
        for _ in range(5):
            with pytest.raises(ConnectionError):
                await node.one(down)
        with pytest.raises(CircuitOpenError, match="the circuit of db is open for another"):
            await node.two()
        reports = node.container.get(Reports)
        assert [(one.capability, one.subject, one.event) for one in reports.take()] == [
            ("circuit_breaker", "db", "open")
        ]
        assert list(reports.take()) == []
        assert isinstance(node.circuits, CircuitBreakerEngine)
        assert node.circuits.reported_metrics() == {"circuits": 1.0, "open": 1.0, "half_open": 0.0}

    play(live())


@example([("down", 0.0)] * 4 + [("well", 8.0)] * 4)
@given(st.lists(st.tuples(st.sampled_from(["well", "slow", "down"]), st.floats(0, 8)), max_size=40))
def test_a_circuit_that_is_stored_elsewhere_behaves_the_same(calls: list[tuple[str, float]]) -> None:
    settings = ModelCircuitBreakerSubcontract(
        failure_threshold=3,
        success_threshold=2,
        timeout_seconds=10,
        window_size=8,
        minimum_request_threshold=4,
        failure_rate_threshold=0.5,
        slow_call_seconds=1,
    )
    clock = ManualClock()
    whole = Circuit("db", settings, clock, lambda _: None)
    kept = CircuitSnapshot()
    for outcome, pause in calls:
        clock.move_to(clock.monotonic() + pause)
        part = Circuit("db", settings, clock, lambda _: None)
        part.restore(kept)
        admitted = [_admitted(circuit) for circuit in (whole, part)]
        assert admitted[0] == admitted[1]
        if admitted[0] is not None:
            for circuit in (whole, part):
                failure, took = (DOWN if outcome == "down" else None), (2.0 if outcome == "slow" else 0.0)
                circuit.report(failure, took, probing=admitted[0])
        kept = part.snapshot()
        assert kept == whole.snapshot()


def _admitted(circuit: Circuit) -> bool | None:
    """Return whether a call is a probe, or None for a refused call."""
    try:
        return circuit.admit()
    except CircuitOpenError:
        return None


def test_reports_of_probes_close_the_circuit_and_make_room_for_others() -> None:
    settings = ModelCircuitBreakerSubcontract(failure_threshold=1, timeout_seconds=10)
    clock = ManualClock()
    circuit = Circuit("db", settings, clock, lambda _: None)
    circuit.report(DOWN, 0.0, probing=_admitted(circuit) is True)
    assert _admitted(circuit) is None
    clock.move_to(clock.monotonic() + 10)
    for state in (HALF_OPEN, CLOSED):
        assert _admitted(circuit) is True
        assert _admitted(circuit) is None, "one probe at a time"
        circuit.report(None, 0.0, probing=True)
        assert circuit.state is state
