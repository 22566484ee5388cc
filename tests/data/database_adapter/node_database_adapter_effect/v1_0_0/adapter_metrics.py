"""Counters and latencies of the adapter."""

import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager


class AdapterMetrics:
    """Counts operations and failures, and keeps the latest latencies of each operation."""

    def __init__(self, window: int = 1_000) -> None:
        self._counters: Counter[str] = Counter()
        self._latencies: dict[str, deque[float]] = {}
        self._window = window

    def increment(self, name: str) -> None:
        """Add one."""
        self._counters[name] += 1

    @contextmanager
    def timer(self, operation: str) -> Iterator[None]:
        """Measure one operation."""
        started = time.perf_counter()
        try:
            yield
        except Exception:
            self.increment(f"{operation}_failed")
            raise
        else:
            self.increment(f"{operation}_done")
        finally:
            latencies = self._latencies.setdefault(operation, deque(maxlen=self._window))
            latencies.append(time.perf_counter() - started)

    def percentile(self, operation: str, share: float) -> float:
        """Return a percentile of the latest latencies, in seconds."""
        latencies = sorted(self._latencies.get(operation, ()))
        if not latencies:
            return 0.0
        return latencies[min(len(latencies) - 1, int(share * len(latencies)))]

    def snapshot(self) -> dict[str, float]:
        """Return all values by name."""
        values: dict[str, float] = {name: float(count) for name, count in self._counters.items()}
        for operation in self._latencies:
            for share in (0.5, 0.95, 0.99):
                values[f"{operation}_p{share * 100:g}"] = self.percentile(operation, share)
        return values
