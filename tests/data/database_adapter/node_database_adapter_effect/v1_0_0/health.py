"""The health of the adapter."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from node_database_adapter_effect.v1_0_0.structured_log import StructuredLog


@dataclass(frozen=True, slots=True)
class HealthResult:
    """The result of one check."""

    name: str
    healthy: bool
    critical: bool
    detail: str


class HealthChecks:
    """Named checks. A critical one that fails makes the adapter unhealthy."""

    def __init__(self, log: StructuredLog) -> None:
        self._log = log
        self._checks: dict[str, tuple[Callable[[], Awaitable[object]], bool]] = {}

    def register(self, name: str, check: Callable[[], Awaitable[object]], *, critical: bool = True) -> None:
        """Add a check."""
        self._checks[name] = (check, critical)

    async def results(self) -> list[HealthResult]:
        """Run every check."""
        results = []
        for name, (check, critical) in self._checks.items():
            try:
                await check()
            except Exception as error:  # noqa: BLE001 - a check reports, and does not raise
                self._log.warning("unhealthy", check=name, error=str(error))
                results.append(HealthResult(name, False, critical, str(error)))
            else:
                results.append(HealthResult(name, True, critical, ""))
        return results

    async def is_healthy(self) -> bool:
        """Return whether no critical check fails."""
        return all(result.healthy for result in await self.results() if result.critical)
