"""Interface of the lifecycle."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

Step = Callable[[], Awaitable[object]]


class EnumServiceState(StrEnum):
    """States of a node."""

    CREATED = "created"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """The state and the counters of a node."""

    name: str
    version: str
    instance: str
    state: EnumServiceState
    uptime_seconds: float
    """Seconds since the start. 0 while the node is not running."""
    in_flight: int
    """Calls of an EFFECT's handlers in progress."""
    handled: int
    """Messages since the start."""
    failed: int
    """Messages whose handler raised an exception, or that became dead letters."""


class ProtocolNodeService(Protocol):
    """The lifecycle of a node."""

    def on_start(self, step: Step) -> None:
        """Run ``step`` before the first message. Steps run in the order of registration.

        An exception of a step prevents the start. Raise CompositionError when the node has started.
        """
        ...

    def on_stop(self, step: Step) -> None:
        """Run ``step`` after the last message. The latest registered step runs first; all run, even if some fail."""
        ...

    def facts(self) -> ServiceFacts:
        """Return the current state and counters. Any thread."""
        ...
