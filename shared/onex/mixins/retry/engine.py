"""Retries by tenacity, configured by the subcontract."""

import random
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, retry_if_result, stop_after_attempt
from tenacity.wait import (
    wait_base,
    wait_exponential,
    wait_fixed,
    wait_incrementing,
    wait_random,
)

from onex.errors import NotNowError, TransientError
from onex.mixins.circuit_breaker import ModelCircuitBreakerSubcontract, ProtocolCircuit
from onex.mixins.circuit_breaker.engine import CircuitBreakerEngine
from onex.mixins.retry.model_retry_subcontract import EnumRetryBackoff, ModelRetrySubcontract
from onex.util.clock import ProtocolClock

T = TypeVar("T")
_CODES = ("status_code", "status", "code")


class RetryEngine:
    """See :class:`ProtocolRetry`."""

    def __init__(
        self,
        settings: ModelRetrySubcontract,
        clock: ProtocolClock,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._settings = settings
        self._uniform = uniform
        self._delays = _delays(settings)
        self._names = frozenset(settings.retry_on_exceptions)
        self._codes = frozenset(settings.retry_on_status_codes)
        self._calls = self._attempts = 0
        self._circuit = _circuit(settings, clock) if settings.circuit_breaker_enabled else None

    async def call(self, work: Callable[[], Awaitable[T]]) -> T:
        """See the protocol."""
        attempts = AsyncRetrying(
            stop=stop_after_attempt(self._settings.max_retries + 1),
            wait=self._wait,
            retry=retry_if_exception(self.may_pass) | retry_if_result(lambda _: not self._settings.stop_on_success),
            retry_error_callback=_last,
        )
        self._calls += 1
        return await attempts(self._once, work)

    def reported_metrics(self) -> Mapping[str, float]:
        """Calls, and attempts beyond their first."""
        return {"calls": float(self._calls), "retries": float(self._attempts - self._calls)}

    async def _once(self, work: Callable[[], Awaitable[T]]) -> T:
        self._attempts += 1
        return await (work() if self._circuit is None else self._circuit.call(work))

    def may_pass(self, error: BaseException) -> bool:
        """Whether calling again may help."""
        if isinstance(error, NotNowError):
            return False
        code = _status_of(error)
        if code is not None:
            return code in self._codes
        return isinstance(error, TransientError) or any(_is_named(cls, self._names) for cls in type(error).__mro__)

    def _wait(self, state: RetryCallState) -> float:
        delay = min(float(self._delays(state)), self._settings.max_delay_seconds)
        if self._settings.jitter_enabled:
            delay += self._uniform(0.0, self._settings.jitter_max_seconds)
        return delay


def _last(state: RetryCallState) -> object:
    """The last answer, or the last failure itself."""
    assert state.outcome is not None
    return state.outcome.result()


def _delays(settings: ModelRetrySubcontract) -> wait_base:
    base, longest = settings.base_delay_seconds, settings.max_delay_seconds
    match settings.backoff_strategy:
        case EnumRetryBackoff.FIXED:
            return wait_fixed(base)
        case EnumRetryBackoff.LINEAR:
            return wait_incrementing(base, base, longest)
        case EnumRetryBackoff.EXPONENTIAL:
            return wait_exponential(multiplier=base, exp_base=settings.backoff_multiplier, max=longest)
        case EnumRetryBackoff.RANDOM:
            return wait_random(base, longest)
        case EnumRetryBackoff.FIBONACCI:  # pragma: no branch  # there is no other strategy
            return _Fibonacci(base)


class _Fibonacci(wait_base):
    def __init__(self, base: float) -> None:
        self._base = base

    def __call__(self, retry_state: RetryCallState) -> float:
        before, now = 0, 1
        for _ in range(retry_state.attempt_number - 1):
            before, now = now, before + now
        return self._base * now


def _status_of(error: BaseException) -> int | None:
    """The status that an exception of an HTTP client, or its response, carries."""
    for carrier in (error, getattr(error, "response", None)):
        for name in _CODES:
            if isinstance(found := getattr(carrier, name, None), int):
                return int(found)
    return None


def _is_named(cls: type, names: frozenset[str]) -> bool:
    return cls.__name__ in names or f"{cls.__module__}.{cls.__qualname__}" in names


def _circuit(settings: ModelRetrySubcontract, clock: ProtocolClock) -> ProtocolCircuit:
    threshold = settings.circuit_breaker_threshold
    own = ModelCircuitBreakerSubcontract.model_construct(
        failure_threshold=threshold, success_threshold=1, timeout_seconds=settings.circuit_reset_timeout_seconds
    )
    return CircuitBreakerEngine(own, clock).of("retry")


__all__ = ["RetryEngine"]
