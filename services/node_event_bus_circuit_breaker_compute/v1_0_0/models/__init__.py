"""Events on their way to a dependency, and the state of its circuit, which travels with them."""

from pydantic import Field

from onex.mixins.circuit_breaker import EnumCircuitState
from onex.node import Message


class CircuitState(Message):
    """A circuit as data; the default is that of one that nobody has used yet."""

    state: EnumCircuitState = EnumCircuitState.CLOSED
    failures_in_a_row: int = Field(default=0, ge=0)
    successful_probes: int = Field(default=0, ge=0)
    probes: int = Field(default=0, ge=0)
    """Under way."""
    opened_ms: int = Field(default=0, ge=0)
    """When it opened: milliseconds since 1970."""
    window: str = Field(default="", pattern=r"^[.sf]*$")
    """Latest calls, the oldest first: ``.`` succeeded, ``s`` slowly, ``f`` failed."""


class CircuitMetrics(Message):
    """What the window says."""

    calls: int
    failed: int
    slow: int


class GuardEvent(Message, key="dependency"):
    """May this event go to the dependency now?"""

    dependency: str = Field(min_length=1)
    event_type: str
    body: str
    """As it is; nobody looks into it."""
    circuit: CircuitState = CircuitState()
    at_ms: int = Field(ge=0)
    """Now, as who asks sees it: milliseconds since 1970."""


class EventReleased(Message):
    """It may; report what becomes of it."""

    dependency: str
    event_type: str
    body: str
    probing: bool
    """It is one of the few that try a dependency that failed."""
    circuit: CircuitState


class EventWithheld(Message):
    """Not now: the circuit is open, or all probes are under way."""

    dependency: str
    event_type: str
    body: str
    retry_after_ms: int
    circuit: CircuitState


class ReportOutcome(Message, key="dependency"):
    """What became of an event that was released."""

    dependency: str = Field(min_length=1)
    failure: str = ""
    """Why it failed; empty when it did not."""
    took_ms: int = Field(default=0, ge=0)
    probing: bool = False
    """As it was released."""
    circuit: CircuitState = CircuitState()
    at_ms: int = Field(ge=0)
    """Now: milliseconds since 1970."""


class CircuitMoved(Message):
    """The circuit after that outcome."""

    dependency: str
    before: EnumCircuitState
    circuit: CircuitState
    reason: str
    """Why its state changed; empty when it did not."""
    metrics: CircuitMetrics
