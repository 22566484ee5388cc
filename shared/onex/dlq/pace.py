"""The rate of a change of many records."""

from collections.abc import Callable
from dataclasses import dataclass

_BATCH = 100


@dataclass(slots=True)
class Pace:
    """Batches of up to a second, begun so that they have the rate: the time of a batch itself counts."""

    rate: float
    """Records per second; 0 sets no limit."""
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    _began: float = float("-inf")
    """Monotonic time at which the latest batch began."""
    _next: float = float("-inf")
    """Monotonic time at which the next batch may begin."""

    @property
    def size(self) -> int:
        """Most records in a batch."""
        return max(1, min(_BATCH, round(self.rate))) if self.rate else _BATCH

    def wait(self) -> None:
        """Wait until the next batch may begin."""
        if (wait := self._next - self.monotonic()) > 0:
            self.sleep(wait)
        self._began = self.monotonic()

    def sent(self, count: int) -> None:
        """Note that the batch had this many records."""
        if self.rate:
            self._next = self._began + count / self.rate
