"""Interface of health checks."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from pydantic import JsonValue

from onex.capability.health import EnumCheckKind, Probe
from onex.model.mesh import EnumHealth

CheckFunction = Callable[[], Awaitable[object] | object]
"""A check: async, or a function that returns without waiting."""


@dataclass(frozen=True, slots=True)
class CheckFacts:
    """The state of one check."""

    healthy: bool
    critical: bool
    kind: EnumCheckKind
    detail: str
    """The latest problem. Empty when there was none."""
    seconds: float
    """Duration of the latest run."""


@dataclass(frozen=True, slots=True)
class HealthFacts:
    """The state over all checks: a failing critical check makes the node unhealthy, any other degraded."""

    state: EnumHealth
    checks: Mapping[str, CheckFacts]

    @property
    def reason(self) -> str:
        """The problems of the failing checks, as text."""
        return "; ".join(f"{name}: {check.detail}" for name, check in self.checks.items() if not check.healthy)

    def as_json(self) -> dict[str, JsonValue]:
        """Return state, reason and checks as JSON."""
        checks: dict[str, JsonValue] = {
            name: {
                "healthy": check.healthy,
                "critical": check.critical,
                "kind": check.kind,
                "detail": check.detail,
                "seconds": check.seconds,
            }
            for name, check in self.checks.items()
        }
        return {"state": self.state, "reason": self.reason, "checks": checks}


class ProtocolHealthCheck(Protocol):
    """The node's health. ``is_healthy`` and ``facts`` run no check, and any thread may call them."""

    def register(
        self,
        name: str,
        probe: Probe,
        *,
        kind: EnumCheckKind = EnumCheckKind.DEPENDENCY,
        critical: bool = True,
    ) -> None:
        """Add a check from the next round on. Raise CompositionError when the name is in use."""
        ...

    def register_health_check(self, check_func: CheckFunction) -> None:
        """Add a critical check with the name of the function: ``register`` in the form of ``HealthCheckProtocol``.

        The function is async, or returns without waiting. It raises the problem or returns False. Raise
        CompositionError for a function without a name of its own, and for a name that is in use.
        """
        ...

    def is_healthy(self) -> bool:
        """Return whether no critical check fails."""
        ...

    def facts(self) -> HealthFacts:
        """Return the results of the latest rounds."""
        ...

    async def check_now(self) -> HealthFacts:
        """Run a round immediately and return its results."""
        ...

    async def health_check(self) -> dict[str, JsonValue]:
        """Run a round immediately and return its results as JSON: ``state``, ``reason``, and ``checks`` by name."""
        ...
