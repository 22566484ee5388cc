"""The circuit of one dependency: a small state machine over outcomes and time."""

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from typing_extensions import override

from onex.errors import CircuitOpenError, RejectedError
from onex.mixins.circuit_breaker.model_circuit_breaker_subcontract import ModelCircuitBreakerSubcontract
from onex.mixins.circuit_breaker.protocol_circuit_breaker import EnumCircuitState, ProtocolCircuit
from onex.util.clock import ProtocolClock
from onex.util.error_text import safe_text

T = TypeVar("T")
_RETRY_AFTER_PROBES = 0.05
"""Retry delay in seconds of a call that is refused because all probes are in progress."""


@dataclass(frozen=True, slots=True)
class CircuitChange:
    """A change of a circuit's state."""

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
    """A circuit as data, for callers that store it elsewhere."""

    state: EnumCircuitState = EnumCircuitState.CLOSED
    in_a_row: int = 0
    """Consecutive failures."""
    successes: int = 0
    """Consecutive successful probes."""
    probes: int = 0
    """Probes in progress."""
    opened: float = 0.0
    """Monotonic time in seconds."""
    window: str = ""
    """Latest calls, the oldest first: ``.`` success, ``s`` slow success, ``f`` failure."""


class Circuit(ProtocolCircuit):
    """The state machine of one dependency. Calls run on one thread; any thread may read the state."""

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
        """Number of state changes. A call that began in another era does not count in this one."""

    @property
    @override
    def state(self) -> EnumCircuitState:
        # Reading changes nothing, because a scrape of metrics reads it on another thread: `admit` makes the change.
        is_over = self._state is EnumCircuitState.OPEN and self._seconds_left() <= 0
        return EnumCircuitState.HALF_OPEN if is_over else self._state

    def snapshot(self) -> CircuitSnapshot:
        """Return the circuit as data."""
        window = "".join("f" if call.failed else "s" if call.slow else "." for call in self._window)
        return CircuitSnapshot(self.state, self._in_a_row, self._successes, self._probes, self._opened, window)

    def restore(self, snapshot: CircuitSnapshot) -> None:
        """Continue from a snapshot. This is not reported as a change."""
        self._state, self._in_a_row, self._successes = snapshot.state, snapshot.in_a_row, snapshot.successes
        self._probes, self._opened = snapshot.probes, snapshot.opened
        self._window.clear()
        self._window.extend(_Outcome(sign == "f", sign == "s") for sign in snapshot.window)

    def report(self, failure: BaseException | None, took: float, *, probing: bool) -> None:
        """Count a call that :meth:`admit` allowed and that took ``took`` seconds, for callers without
        :meth:`guard`."""
        if probing:
            self._probes = max(0, self._probes - 1)
        self._count(failure, took)
        self._end_wait()

    @override
    async def call(self, work: Callable[[], Awaitable[T]]) -> T:
        async with self.guard():
            return await work()

    @override
    @asynccontextmanager
    async def guard(self) -> AsyncIterator[None]:
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
        except BaseException:  # cancelled: the call is neither a success nor a failure
            era = -1
            raise
        finally:
            if probing:
                self._probes -= 1
            if era == self._era:
                self._count(failure, self._clock.monotonic() - began)

    def admit(self) -> bool:
        """Allow a call. Return whether it is a probe. Raise CircuitOpenError to refuse it."""
        self._end_wait()
        match self._state:
            case EnumCircuitState.CLOSED:
                return False
            case EnumCircuitState.OPEN:
                raise CircuitOpenError(self._dependency, self._seconds_left())
            case EnumCircuitState.HALF_OPEN:  # pragma: no branch  # there is no other state
                if self._probes >= self._settings.half_open_max_calls:
                    raise CircuitOpenError(self._dependency, _RETRY_AFTER_PROBES)
                self._probes += 1
                return True

    def _end_wait(self) -> None:
        """Change an open circuit to half-open when its time is over."""
        if self._state is EnumCircuitState.OPEN and self._seconds_left() <= 0:
            self._become(EnumCircuitState.HALF_OPEN, f"probed after {self._settings.timeout_seconds:g} s")

    def _seconds_left(self) -> float:
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
            return f"{self._in_a_row} consecutive failures, the last: {safe_text(failure)}"
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
