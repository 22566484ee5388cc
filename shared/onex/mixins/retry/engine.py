"""Retries with tenacity, configured by the subcontract."""

import random
from collections.abc import Awaitable, Callable, Mapping
from typing import NoReturn, ParamSpec, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, retry_if_result, stop_after_attempt
from typing_extensions import override

from onex.errors import CompositionError, NotNowError, TransientError
from onex.mixins.circuit_breaker import ModelCircuitBreakerSubcontract, ProtocolCircuit
from onex.mixins.circuit_breaker.engine import CircuitBreakerEngine
from onex.mixins.retry.model_retry_subcontract import EnumRetryBackoff, ModelRetrySubcontract
from onex.mixins.retry.protocol_retry import ProtocolRetry
from onex.util.backoff import exponential, fibonacci, linear
from onex.util.clock import ProtocolClock
from onex.util.error_codes import error_codes

T = TypeVar("T")
P = ParamSpec("P")
_STATUS_ATTRIBUTES = ("status_code", "status", "code")
"""Error numbers are left out: they say nothing about an HTTP status."""


class RetryEngine(ProtocolRetry):
    """Calls again after failures that may pass."""

    def __init__(
        self,
        settings: ModelRetrySubcontract,
        clock: ProtocolClock,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._settings = settings
        self._uniform = uniform
        self._names = frozenset(settings.retry_on_exceptions)
        self._codes = frozenset(settings.retry_on_status_codes)
        self._calls = self._attempts = 0
        self._circuit = _circuit(settings, clock) if settings.circuit_breaker_enabled else None

    @override
    async def call(self, work: Callable[[], Awaitable[T]]) -> T:
        attempts = AsyncRetrying(
            stop=stop_after_attempt(self._settings.max_retries + 1),
            wait=self._wait,
            retry=retry_if_exception(self.may_pass) | retry_if_result(lambda _: not self._settings.stop_on_success),
            retry_error_callback=_last,
        )
        self._calls += 1
        return await attempts(self._once, work)

    @override
    def call_pure(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        self._calls += 1
        self._attempts += 1
        return work(*arguments, **named)

    def reported_metrics(self) -> Mapping[str, float]:
        """Calls, and attempts after the first ones."""
        return {"calls": float(self._calls), "retries": float(self._attempts - self._calls)}

    async def _once(self, work: Callable[[], Awaitable[T]]) -> T:
        self._attempts += 1
        return await (work() if self._circuit is None else self._circuit.call(work))

    def may_pass(self, error: BaseException) -> bool:
        """Return whether another call may succeed."""
        if isinstance(error, NotNowError):
            return False
        status = next((code for code in error_codes(error, _STATUS_ATTRIBUTES) if isinstance(code, int)), None)
        if status is not None:
            return status in self._codes
        return isinstance(error, TransientError) or any(_is_named(cls, self._names) for cls in type(error).__mro__)

    def _wait(self, state: RetryCallState) -> float:
        delay = self._delay_after(state.attempt_number)
        if self._settings.jitter_enabled:
            delay += self._uniform(0.0, self._settings.jitter_max_seconds)
        return delay

    def _delay_after(self, failures: int) -> float:
        settings = self._settings
        base, longest = settings.base_delay_seconds, settings.max_delay_seconds
        match settings.backoff_strategy:
            case EnumRetryBackoff.FIXED:
                return base
            case EnumRetryBackoff.LINEAR:
                return linear(failures, base, longest)
            case EnumRetryBackoff.EXPONENTIAL:
                return exponential(failures, base, longest, settings.backoff_multiplier)
            case EnumRetryBackoff.RANDOM:
                return self._uniform(base, longest)
            case EnumRetryBackoff.FIBONACCI:  # pragma: no branch  # there is no other strategy
                return fibonacci(failures, base, longest)


class PureRetryEngine(RetryEngine):
    """The retries of a pure node: there are none, and its handlers cannot wait."""

    @override
    def call(self, *_: object, **__: object) -> NoReturn:
        raise CompositionError("retry.call is for EFFECT nodes; use retry.call_pure(function, arguments)")


def _last(state: RetryCallState) -> object:
    """Return the last result, or raise the last failure itself."""
    assert state.outcome is not None
    return state.outcome.result()


def _is_named(cls: type, names: frozenset[str]) -> bool:
    return cls.__name__ in names or f"{cls.__module__}.{cls.__qualname__}" in names


def _circuit(settings: ModelRetrySubcontract, clock: ProtocolClock) -> ProtocolCircuit:
    threshold = settings.circuit_breaker_threshold
    circuit_settings = ModelCircuitBreakerSubcontract.model_construct(
        failure_threshold=threshold, success_threshold=1, timeout_seconds=settings.circuit_reset_timeout_seconds
    )
    return CircuitBreakerEngine(circuit_settings, clock).of("retry")


__all__ = ["PureRetryEngine", "RetryEngine"]
