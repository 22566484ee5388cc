"""What a node may do with its own life."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

Step = Callable[[], Awaitable[object]]


class EnumServiceState(StrEnum):
    """Where a node stands."""

    CREATED = "created"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """A node, as it is now."""

    name: str
    version: str
    instance: str
    state: EnumServiceState
    uptime_seconds: float
    """Since it runs; 0 before and after."""
    in_flight: int
    """Calls of an EFFECT's handlers that are under way."""
    handled: int
    """Messages so far."""
    failed: int
    """Those of them whose handler raised something, or that became dead letters."""


class ProtocolNodeService(Protocol):
    """The life of a node."""

    def on_start(self, step: Step) -> None:
        """Do this before the first message, in the order of registration. What it raises keeps the node from
        starting. Raises CompositionError once the node has started."""
        ...

    def on_stop(self, step: Step) -> None:
        """Do this after the last message, the last one registered first; every one is tried."""
        ...

    def facts(self) -> ServiceFacts:
        """As it is now. Any thread."""
        ...
