"""What can be asked whether it is well. Engines add their own checks; ``MixinHealthCheck`` runs them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from onex.errors import CompositionError

Probe = Callable[[], Awaitable[object]]
"""Ends when all is well; raises what is wrong, in words. ``False`` is wrong too, without any."""


class EnumCheckKind(StrEnum):
    """What a check is about."""

    COMPONENT = "component"
    """A part of this process."""
    DEPENDENCY = "dependency"
    """Something outside."""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One question."""

    name: str
    probe: Probe
    kind: EnumCheckKind = EnumCheckKind.DEPENDENCY
    critical: bool = True
    """Whether the node cannot work without; else it is degraded only."""


class HealthChecks:
    """All checks of one node, by name."""

    def __init__(self) -> None:
        self._checks: dict[str, HealthCheck] = {}

    def add(self, check: HealthCheck) -> None:
        """Raises CompositionError where the name is taken."""
        if check.name in self._checks:
            raise CompositionError(f"there is a health check {check.name!r} already; give this one another name")
        self._checks[check.name] = check

    def remove(self, name: str) -> None:
        """Unknown names are fine."""
        self._checks.pop(name, None)

    @property
    def all(self) -> Mapping[str, HealthCheck]:
        """As they were added."""
        return self._checks


class ProtocolReadiness(Protocol):
    """Where an engine says that the process should get no work, and why. Thread-safe."""

    def complain(self, about: str, reason: str) -> bool:
        """Note a reason; gives whether it is new."""
        ...

    def clear(self, about: str) -> bool:
        """The reason is gone; gives whether there was one."""
        ...


class AlwaysReady:
    """Of a node that no agent runs."""

    def complain(self, about: str, reason: str) -> bool:
        """Nobody hears it."""
        return False

    def clear(self, about: str) -> bool:
        """Nobody has heard of it."""
        return False
