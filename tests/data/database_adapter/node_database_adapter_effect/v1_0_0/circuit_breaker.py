"""A circuit breaker for the database."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from node_database_adapter_effect.v1_0_0.structured_log import StructuredLog

from onex.errors import CircuitOpenError

T = TypeVar("T")
CLOSED, OPEN, HALF_OPEN = "closed", "open", "half_open"


class DatabaseCircuitBreaker:
    """Refuses calls while the database fails, and probes it after a time."""

    def __init__(
        self,
        log: StructuredLog,
        now: Callable[[], float],
        *,
        failures: int = 5,
        successes: int = 2,
        seconds: float = 10.0,
    ) -> None:
        self._log = log
        self._now = now
        self._failures_to_open = failures
        self._successes_to_close = successes
        self._seconds = seconds
        self._state = CLOSED
        self._failures = 0
        self._successes = 0
        self._probes = 0
        self._opened = 0.0

    @property
    def state(self) -> str:
        """Return the state now: an open circuit becomes half open by itself."""
        if self._state == OPEN and self._now() - self._opened >= self._seconds:
            self._state = HALF_OPEN
            self._successes = 0
            self._probes = 0
            self._log.info("circuit", state=HALF_OPEN)
        return self._state

    async def call(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run the work, unless the circuit is open."""
        state = self.state
        if state == OPEN:
            raise CircuitOpenError("database", self._seconds - (self._now() - self._opened))
        if state == HALF_OPEN:
            if self._probes >= 1:
                raise CircuitOpenError("database", 0.05)
            self._probes += 1
        try:
            result = await work()
        except (ConnectionError, TimeoutError):
            self._failed()
            raise
        finally:
            if state == HALF_OPEN:
                self._probes -= 1
        self._succeeded()
        return result

    def _failed(self) -> None:
        self._failures += 1
        if self._state == HALF_OPEN or self._failures >= self._failures_to_open:
            self._state = OPEN
            self._opened = self._now()
            self._log.warning("circuit", state=OPEN, failures=self._failures)

    def _succeeded(self) -> None:
        self._failures = 0
        if self._state == HALF_OPEN:
            self._successes += 1
            if self._successes >= self._successes_to_close:
                self._state = CLOSED
                self._log.info("circuit", state=CLOSED)
