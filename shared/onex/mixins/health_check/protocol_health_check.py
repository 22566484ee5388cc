"""What a node may do with its health."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from onex.capability.health import EnumCheckKind, Probe
from onex.model.mesh import EnumHealth


@dataclass(frozen=True, slots=True)
class CheckFacts:
    """Where one check stands."""

    healthy: bool
    critical: bool
    kind: EnumCheckKind
    detail: str
    """What was wrong the last time; empty when nothing was."""
    seconds: float
    """How long the last answer took."""


@dataclass(frozen=True, slots=True)
class HealthFacts:
    """All checks together: one critical one that fails makes the node unhealthy, another one degraded."""

    state: EnumHealth
    checks: Mapping[str, CheckFacts]

    @property
    def reason(self) -> str:
        """What is wrong, in words."""
        return "; ".join(f"{name}: {check.detail}" for name, check in self.checks.items() if not check.healthy)


class ProtocolHealthCheck(Protocol):
    """The node's health. Asking what is known costs nothing and may be done on any thread."""

    def register(
        self,
        name: str,
        probe: Probe,
        *,
        kind: EnumCheckKind = EnumCheckKind.DEPENDENCY,
        critical: bool = True,
    ) -> None:
        """One more check, from the next round on. Raises CompositionError where the name is taken."""
        ...

    def is_healthy(self) -> bool:
        """Whether no critical check fails."""
        ...

    def facts(self) -> HealthFacts:
        """What the latest rounds have found."""
        ...

    async def check_now(self) -> HealthFacts:
        """A round out of turn."""
        ...
