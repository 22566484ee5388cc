"""Health checks. Engines add their own checks; ``MixinHealthCheck`` runs all of them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Protocol, runtime_checkable

from typing_extensions import override

from onex.errors import CompositionError
from onex.util.error_text import error_text

DEPENDENCY: Final = "dependency "
"""Beginning of the subject of a complaint about a system outside of the process."""
OVERALL: Final = "health"
"""The subject, or its beginning, of complaints of ``MixinHealthCheck``."""
Probe = Callable[[], Awaitable[object]]
"""Returns when the checked thing is healthy. Raises the problem, or returns ``False``, when it is not."""


class EnumCheckKind(StrEnum):
    """The subject of a check."""

    COMPONENT = "component"
    """A part of this process."""
    DEPENDENCY = "dependency"
    """A system outside of this process."""


@dataclass(frozen=True, slots=True)
class Watch:
    """How the agent itself runs a check, with or without ``MixinHealthCheck``."""

    interval_seconds: float = 5.0
    """Time between two runs."""
    timeout_seconds: float = 5.0
    """A run that takes longer has failed."""
    failures: int = 1
    """Consecutive failures after which the process is not ready. One success makes it ready again."""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One health check."""

    name: str
    probe: Probe
    kind: EnumCheckKind = EnumCheckKind.DEPENDENCY
    critical: bool = True
    """Whether the node is unhealthy when the check fails. Otherwise it is degraded."""
    watch: Watch | None = None
    """Not None for a dependency without which the node can do no work: the agent runs the check itself."""

    async def problem(self, limit: float) -> str:
        """Run the probe for at most ``limit`` seconds. Return its problem, or an empty text."""
        try:
            async with asyncio.timeout(limit) as limited:
                result = await self.probe()
        except Exception as error:  # noqa: BLE001 - every exception of a probe is its problem
            if limited.expired():
                return f"no result within {limit:g} s"
            return error_text(error) or type(error).__name__
        return "the probe returned False" if result is False else ""


@runtime_checkable
class ProtocolDependency(Protocol):
    """An attribute of a node that depends on another system, such as an inbox. The agent watches its check."""

    def dependency_check(self) -> HealthCheck:
        """Return the check, with a watch."""
        ...


class HealthChecks:
    """The checks of one node, by name."""

    def __init__(self) -> None:
        self._checks: dict[str, HealthCheck] = {}
        self._critical: dict[str, bool] = {}

    def add(self, check: HealthCheck) -> None:
        """Add a check. Raise CompositionError when its name is in use."""
        if check.name in self._checks:
            raise CompositionError(f"health check {check.name!r} exists already; use another name")
        self._checks[check.name] = check

    def set_critical(self, name: str, *, critical: bool) -> None:
        """Set whether the check of this name is critical. It may be added before or after this call."""
        self._critical[name] = critical

    def as_set(self, check: HealthCheck) -> HealthCheck:
        """Return a check as critical as :meth:`set_critical` says."""
        critical = self._critical.get(check.name, check.critical)
        return check if critical is check.critical else replace(check, critical=critical)

    def remove(self, name: str) -> None:
        """Remove a check. Unknown names are ignored."""
        self._checks.pop(name, None)

    @property
    def all(self) -> Mapping[str, HealthCheck]:
        """The checks in the order in which they were added."""
        return {name: self.as_set(check) for name, check in self._checks.items()}


class ProtocolReadiness(Protocol):
    """The reasons why the process is not ready for work. Thread-safe."""

    def complain(self, about: str, reason: str) -> bool:
        """Add a reason. Return whether it is new."""
        ...

    def degrade(self, about: str, reason: str) -> bool:
        """Add a reason that leaves the process ready, in place of one that does not. Return whether it is new."""
        ...

    def clear(self, about: str) -> bool:
        """Remove the reason. Return whether there was one."""
        ...


class AlwaysReady(ProtocolReadiness):
    """The readiness of a node that runs without an agent: ignores all reasons."""

    @override
    def complain(self, about: str, reason: str) -> bool:
        return False

    @override
    def degrade(self, about: str, reason: str) -> bool:
        return False

    @override
    def clear(self, about: str) -> bool:
        return False
