"""MixinRetry."""

from collections.abc import Sequence
from types import SimpleNamespace

import httpx
import pytest
from pydantic import ValidationError

from onex.errors import (
    BulkheadFullError,
    CallTimeoutError,
    CircuitOpenError,
    OutageError,
    RateLimitedError,
    TransientError,
)
from onex.mixins.retry import MixinRetry, ModelRetrySubcontract
from onex.mixins.retry.engine import RetryEngine
from onex.node import NodeEffect
from onex.testing.clock import ManualClock
from tests.mixins.virtual import play


class Retries:
    """An engine in virtual time, and the times of its calls."""

    def __init__(self, *, chance: float = 0.0, **settings: object) -> None:
        self.clock = ManualClock()
        model = ModelRetrySubcontract.model_validate(settings)
        self.engine = RetryEngine(model, self.clock, lambda low, high: low + chance * (high - low))
        self.times: list[float] = []

    def run(self, *outcomes: object) -> object:
        """Return the result of a call whose attempts have these outcomes, or its exception."""
        left = list(outcomes)

        async def work() -> object:
            self.times.append(self.clock.monotonic())
            outcome = left.pop(0)
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        async def live() -> object:
            try:
                return await self.engine.call(work)
            except Exception as error:  # noqa: BLE001 - it is the result
                return error

        return play(live(), self.clock)

    @property
    def delays(self) -> Sequence[float]:
        return [round(after - before, 6) for before, after in zip(self.times, self.times[1:], strict=False)]


DOWN = ConnectionError("down")


class ApiError(Exception):
    def __init__(self, code: object) -> None:
        super().__init__(str(code))
        self.status_code = code


@pytest.mark.enforces("retry.max_retries")
@pytest.mark.parametrize("most", [0, 2])
def test_calls_are_limited_and_the_last_failure_is_raised(most: int) -> None:
    it = Retries(max_retries=most, jitter_enabled=False)
    assert it.run(*[DOWN] * (most + 1)) is DOWN
    assert len(it.times) == most + 1
    it = Retries(max_retries=2, jitter_enabled=False)
    assert it.run(DOWN, DOWN, "fine") == "fine"


@pytest.mark.enforces("retry.backoff_strategy", "retry.base_delay_seconds", "retry.backoff_multiplier")
@pytest.mark.parametrize(
    ("strategy", "delays"),
    [
        ("fixed", [2, 2, 2, 2]),
        ("linear", [2, 4, 6, 8]),
        ("exponential", [2, 6, 18, 54]),
        ("fibonacci", [2, 2, 4, 6]),
    ],
)
def test_delays_grow_as_configured(strategy: str, delays: list[float]) -> None:
    it = Retries(
        max_retries=4, base_delay_seconds=2, backoff_strategy=strategy, backoff_multiplier=3, jitter_enabled=False
    )
    it.run(*[DOWN] * 5)
    assert it.delays == delays


@pytest.mark.enforces("retry.max_delay_seconds")
@pytest.mark.parametrize("strategy", ["linear", "exponential", "fibonacci", "random"])
def test_no_delay_grows_beyond_the_longest(strategy: str) -> None:
    it = Retries(
        max_retries=9, base_delay_seconds=2, max_delay_seconds=5, backoff_strategy=strategy, jitter_enabled=False
    )
    it.run(*[DOWN] * 10)
    assert max(it.delays) <= 5
    assert all(delay >= 2 for delay in it.delays)
    if strategy != "random":
        assert it.delays[-1] == 5


@pytest.mark.enforces("retry.jitter_enabled", "retry.jitter_max_seconds")
@pytest.mark.parametrize(("enabled", "delay"), [(True, 3.5), (False, 2)])
def test_jitter_is_added(enabled: bool, delay: float) -> None:
    it = Retries(
        chance=0.5,
        max_retries=1,
        base_delay_seconds=2,
        backoff_strategy="fixed",
        jitter_enabled=enabled,
        jitter_max_seconds=3,
    )
    it.run(DOWN, DOWN)
    assert it.delays == [delay]


@pytest.mark.enforces("retry.retry_on_exceptions")
def test_exceptions_count_by_name_and_by_base() -> None:
    assert Retries().run(ConnectionResetError("derived"), "fine") == "fine"
    assert Retries().run(httpx.ConnectError("an HTTPError"), "fine") == "fine"
    assert isinstance(Retries().run(KeyError("other"), "fine"), KeyError)
    assert Retries(retry_on_exceptions=["builtins.KeyError"]).run(KeyError("dotted"), "fine") == "fine"
    assert Retries(retry_on_exceptions=["KeyError"]).run(DOWN, "fine") is DOWN


@pytest.mark.enforces("retry.retry_on_exceptions")
@pytest.mark.parametrize("error", [TransientError("busy"), BulkheadFullError("full"), CallTimeoutError("slow")])
def test_errors_of_the_mesh_that_may_pass_count(error: Exception) -> None:
    assert Retries().run(error, "fine") == "fine"
    assert Retries(retry_on_exceptions=["KeyError"]).run(error, "fine") == "fine"


@pytest.mark.parametrize("error", [OutageError("away"), CircuitOpenError("bank", 1.0), RateLimitedError("", 1.0)])
def test_outages_are_left_to_the_agent(error: Exception) -> None:
    assert Retries(retry_on_exceptions=["TransientError"]).run(error, "fine") is error


@pytest.mark.enforces("retry.retry_on_status_codes")
def test_status_codes_decide_where_there_is_one() -> None:
    assert Retries().run(ApiError(503), "fine") == "fine"
    assert isinstance(Retries().run(ApiError(404), "fine"), ApiError)
    assert Retries(retry_on_status_codes=[404]).run(ApiError(404), "fine") == "fine"
    assert isinstance(Retries().run(ApiError("no number"), "fine"), ApiError)
    refused = httpx.HTTPStatusError("", request=httpx.Request("GET", "http://a"), response=httpx.Response(403))
    assert Retries().run(refused, "fine") is refused, "an HTTPError, but its code will not change"
    late = ConnectionError("with a response")
    late.response = SimpleNamespace(status=502)  # type: ignore[attr-defined]  # as some clients do
    assert Retries().run(late, "fine") == "fine"


@pytest.mark.enforces("retry.stop_on_success")
def test_all_calls_are_made_when_success_does_not_stop_them() -> None:
    assert Retries(max_retries=2, stop_on_success=False).run("one", DOWN, "three") == "three"
    assert Retries(max_retries=1, stop_on_success=False).run("one", DOWN) is DOWN
    it = Retries(max_retries=2, stop_on_success=False)
    assert isinstance(it.run("one", KeyError("cannot pass"), "three"), KeyError)
    assert Retries(max_retries=2).run("one", "two") == "one"
    it = Retries(max_retries=2, stop_on_success=False, jitter_enabled=False, backoff_strategy="fixed")
    assert (it.run("one", "two", "three"), it.delays) == ("three", [1.0, 1.0])


@pytest.mark.enforces(
    "retry.circuit_breaker_enabled", "retry.circuit_breaker_threshold", "retry.circuit_reset_timeout_seconds"
)
def test_a_circuit_ends_the_calls() -> None:
    it = Retries(
        max_retries=9,
        jitter_enabled=False,
        backoff_strategy="fixed",
        circuit_breaker_enabled=True,
        circuit_breaker_threshold=2,
        circuit_reset_timeout_seconds=30,
    )
    assert isinstance(it.run(*[DOWN] * 10), CircuitOpenError)
    assert len(it.times) == 2
    it.clock.move_to(it.clock.monotonic() + 30)
    assert it.run("fine") == "fine"
    it = Retries(max_retries=9, jitter_enabled=False, circuit_breaker_threshold=2)
    assert it.run(*[DOWN] * 10) is DOWN


def test_the_longest_delay_is_not_the_shortest() -> None:
    with pytest.raises(ValidationError, match=r"max_delay_seconds \(5\) is below base_delay_seconds \(10\)"):
        ModelRetrySubcontract(base_delay_seconds=10, max_delay_seconds=5)


def test_a_node_calls_again() -> None:
    class Node(MixinRetry, NodeEffect):
        tries = 0

        async def work(self) -> int:
            self.tries += 1
            if self.tries == 1:
                raise DOWN
            return self.tries

    node = Node()
    assert play(node.retry.call(node.work)) == 2
    assert isinstance(node.retry, RetryEngine)
    assert node.retry.reported_metrics() == {"calls": 1.0, "retries": 1.0}
