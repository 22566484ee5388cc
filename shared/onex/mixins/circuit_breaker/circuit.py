"""The circuit of one dependency: a small state machine over outcomes and time."""

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from onex.errors import CircuitOpenError, RejectedError
from onex.mixins.circuit_breaker.model_circuit_breaker_subcontract import ModelCircuitBreakerSubcontract
from onex.mixins.circuit_breaker.protocol_circuit_breaker import EnumCircuitState
from onex.model.error_text import safe_text
from onex.util.clock import ProtocolClock

T = TypeVar("T")
_PROBE_SOON = 0.05
"""Seconds after which a call that found all probes under way may look again."""


@dataclass(frozen=True, slots=True)
class CircuitChange:
    """A circuit went from one state to another."""

    dependency: str
    before: EnumCircuitState
    after: EnumCircuitState
    reason: str


@dataclass(frozen=True, slots=True)
class _Outcome:
    failed: bool
    slow: bool


@dataclass(frozen=True, slots=True)
class CircuitSnapshot:
    """A circuit as data: for who keeps it elsewhere."""

    state: EnumCircuitState = EnumCircuitState.CLOSED
    in_a_row: int = 0
    """Failures one after the other."""
    successes: int = 0
    """Successful probes one after the other."""
    probes: int = 0
    """Under way."""
    opened: float = 0.0
    """Monotonic time."""
    window: str = ""
    """Latest calls, the oldest first: ``.`` succeeded, ``s`` slowly, ``f`` failed."""


class Circuit:
    """See :class:`ProtocolCircuit`. Lives on one thread."""

    def __init__(
        self,
        dependency: str,
        settings: ModelCircuitBreakerSubcontract,
        clock: ProtocolClock,
        on_change: Callable[[CircuitChange], None],
    ) -> None:
        self._dependency = dependency
        self._settings = settings
        self._clock = clock
        self._on_change = on_change
        self._state = EnumCircuitState.CLOSED
        self._window: deque[_Outcome] = deque(maxlen=settings.window_size)
        self._in_a_row = 0
        self._successes = 0
        self._probes = 0
        self._opened = 0.0
        self._era = 0
        """Counts changes of state: what began in another state says nothing about this one."""

    @property
    def state(self) -> EnumCircuitState:
        """As of now: an open circuit becomes half-open by itself when its time is over."""
        if self._state is EnumCircuitState.OPEN and self._left() <= 0:
            self._become(EnumCircuitState.HALF_OPEN, f"probed after {self._settings.timeout_seconds:g} s")
        return self._state

    def snapshot(self) -> CircuitSnapshot:
        """The circuit as it is now."""
        window = "".join("f" if one.failed else "s" if one.slow else "." for one in self._window)
        return CircuitSnapshot(self.state, self._in_a_row, self._successes, self._probes, self._opened, window)

    def restore(self, kept: CircuitSnapshot) -> None:
        """Go on from there; nobody hears of it."""
        self._state, self._in_a_row, self._successes = kept.state, kept.in_a_row, kept.successes
        self._probes, self._opened = kept.probes, kept.opened
        self._window.clear()
        self._window.extend(_Outcome(sign == "f", sign == "s") for sign in kept.window)

    def report(self, failure: BaseException | None, took: float, *, probing: bool) -> None:
        """What became of a call that :meth:`admit` let through, for who does not use :meth:`guard`."""
        if probing:
            self._probes = max(0, self._probes - 1)
        self._count(failure, took)

    async def call(self, work: Callable[[], Awaitable[T]]) -> T:
        """See the protocol."""
        async with self.guard():
            return await work()

    @asynccontextmanager
    async def guard(self) -> AsyncIterator[None]:
        """See the protocol."""
        if not self._settings.enabled:
            yield
            return
        probing = self.admit()
        era, began = self._era, self._clock.monotonic()
        failure: BaseException | None = None
        try:
            yield
        except RejectedError:
            raise
        except Exception as error:
            failure = error
            raise
        except BaseException:  # cancelled: nobody knows what would have become of it
            era = -1
            raise
        finally:
            if probing:
                self._probes -= 1
            if era == self._era:
                self._count(failure, self._clock.monotonic() - began)

    def admit(self) -> bool:
        """Let a call through; gives whether it is a probe. Raises CircuitOpenError."""
        match self.state:
            case EnumCircuitState.CLOSED:
                return False
            case EnumCircuitState.OPEN:
                raise CircuitOpenError(self._dependency, self._left())
            case EnumCircuitState.HALF_OPEN:  # pragma: no branch  # there is no other state
                if self._probes >= self._settings.half_open_max_calls:
                    raise CircuitOpenError(self._dependency, _PROBE_SOON)
                self._probes += 1
                return True

    def _left(self) -> float:
        return self._opened + self._settings.timeout_seconds - self._clock.monotonic()

    def _count(self, failure: BaseException | None, took: float) -> None:
        settings = self._settings
        slow = failure is None and settings.slow_call_seconds is not None and took > settings.slow_call_seconds
        if self._state is EnumCircuitState.HALF_OPEN:
            self._probed(failure, slow=slow)
            return
        self._window.append(_Outcome(failure is not None, slow))
        self._in_a_row = 0 if failure is None else self._in_a_row + 1
        if reason := self._why_open(failure):
            self._open(reason)

    def _probed(self, failure: BaseException | None, *, slow: bool) -> None:
        if failure is not None or slow:
            self._open(f"a probe failed: {safe_text(failure)}" if failure else "a probe was slow")
            return
        self._successes += 1
        if self._successes >= self._settings.success_threshold:
            self._window.clear()
            self._in_a_row = 0
            self._become(EnumCircuitState.CLOSED, f"{self._successes} probes succeeded")

    def _why_open(self, failure: BaseException | None) -> str:
        settings, total = self._settings, len(self._window)
        if failure is not None and self._in_a_row >= settings.failure_threshold:
            return f"{self._in_a_row} failures one after the other, the last one: {safe_text(failure)}"
        if total < settings.minimum_request_threshold:
            return ""
        failed = sum(outcome.failed for outcome in self._window) / total
        if settings.failure_rate_threshold is not None and failed >= settings.failure_rate_threshold:
            return f"{failed:.0%} of the last {total} calls failed"
        slow = sum(outcome.slow for outcome in self._window) / total
        if settings.slow_call_seconds is not None and slow >= settings.slow_call_rate_threshold:
            return f"{slow:.0%} of the last {total} calls took over {settings.slow_call_seconds:g} s"
        return ""

    def _open(self, reason: str) -> None:
        self._opened = self._clock.monotonic()
        self._become(EnumCircuitState.OPEN, reason)

    def _become(self, state: EnumCircuitState, reason: str) -> None:
        before, self._state = self._state, state
        self._era += 1
        self._successes = 0
        self._on_change(CircuitChange(self._dependency, before, state, reason))
