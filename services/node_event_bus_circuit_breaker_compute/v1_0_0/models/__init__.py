"""Events for a dependency, and the state of its circuit, which the messages carry."""

from pydantic import Field

from onex.mixins.circuit_breaker import EnumCircuitState
from onex.node import Message


class CircuitState(Message):
    """A circuit as data. The default is an unused circuit."""

    state: EnumCircuitState = EnumCircuitState.CLOSED
    failures_in_a_row: int = Field(default=0, ge=0)
    successful_probes: int = Field(default=0, ge=0)
    probes: int = Field(default=0, ge=0)
    """Probes in progress."""
    opened_ms: int = Field(default=0, ge=0)
    """Time of opening, in milliseconds since 1970."""
    window: str = Field(default="", pattern=r"^[.sf]*$")
    """Latest calls, the oldest first: ``.`` success, ``s`` slow success, ``f`` failure."""


class CircuitMetrics(Message):
    """Counts of the calls in the window."""

    calls: int
    failed: int
    slow: int


class GuardEvent(Message, key="dependency"):
    """May this event go to the dependency now?"""

    dependency: str = Field(min_length=1)
    event_type: str
    body: str
    """Passed through unread."""
    circuit: CircuitState = CircuitState()
    at_ms: int = Field(ge=0)
    """Current time of the sender, in milliseconds since 1970."""


class EventReleased(Message):
    """The event may go. Report its outcome."""

    dependency: str
    event_type: str
    body: str
    probing: bool
    """Whether this event probes a dependency that failed."""
    circuit: CircuitState


class EventWithheld(Message):
    """The event may not go now: the circuit is open, or all probes are in progress."""

    dependency: str
    event_type: str
    body: str
    retry_after_ms: int
    circuit: CircuitState


class ReportOutcome(Message, key="dependency"):
    """The outcome of an event that was released."""

    dependency: str = Field(min_length=1)
    failure: str = ""
    """Reason of the failure. Empty for a success."""
    took_ms: int = Field(default=0, ge=0)
    probing: bool = False
    """``probing`` of the release."""
    circuit: CircuitState = CircuitState()
    at_ms: int = Field(ge=0)
    """Current time of the sender, in milliseconds since 1970."""


class CircuitMoved(Message):
    """The circuit after an outcome."""

    dependency: str
    before: EnumCircuitState
    circuit: CircuitState
    reason: str
    """Reason of the state change. Empty when the state did not change."""
    metrics: CircuitMetrics
