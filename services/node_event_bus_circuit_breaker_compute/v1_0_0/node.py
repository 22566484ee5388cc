"""The rules of ``MixinCircuitBreaker`` as a pure function: the command carries the circuit, and the event returns it.

For senders that cannot store a circuit in memory: orchestrators, other languages, a gateway in front of the mesh.
"""

from node_event_bus_circuit_breaker_compute.v1_0_0.models import (
    CircuitMetrics,
    CircuitMoved,
    CircuitState,
    EventReleased,
    EventWithheld,
    GuardEvent,
    ReportOutcome,
)
from onex.errors import CircuitOpenError
from onex.mixins.circuit_breaker import (
    Circuit,
    CircuitChange,
    CircuitSnapshot,
    ModelCircuitBreakerSubcontract,
    ModelCircuitService,
)
from onex.node import NodeCompute, NodeConfig


class _MessageClock:
    """A clock that shows the time of a message."""

    def __init__(self, ms: int) -> None:
        self._ms = ms

    def now_ms(self) -> int:
        return self._ms

    def monotonic(self) -> float:
        return self._ms / 1000


class NodeEventBusCircuitBreakerCompute(NodeCompute[GuardEvent, EventReleased]):
    """Decide whether an event may go to a dependency, and count the outcome in its circuit."""

    class Config(NodeConfig):
        failure_threshold: int
        success_threshold: int
        timeout_seconds: float
        half_open_max_calls: int
        services: tuple[ModelCircuitService, ...]

    config: Config

    def guard(self, request: GuardEvent) -> EventReleased | EventWithheld:
        """Release an event, or withhold it and return the time until the next try."""
        circuit, _ = self._circuit(request.dependency, request.circuit, request.at_ms)
        about = {"dependency": request.dependency, "event_type": request.event_type, "body": request.body}
        try:
            probing = circuit.admit()
        except CircuitOpenError as error:
            wait = max(1, round(error.retry_after * 1000))
            return EventWithheld(**about, retry_after_ms=wait, circuit=_state(circuit.snapshot()))
        return EventReleased(**about, probing=probing, circuit=_state(circuit.snapshot()))

    def report(self, outcome: ReportOutcome) -> CircuitMoved:
        """Count an outcome in the circuit."""
        circuit, changes = self._circuit(outcome.dependency, outcome.circuit, outcome.at_ms)
        failure = ConnectionError(outcome.failure) if outcome.failure else None
        circuit.report(failure, outcome.took_ms / 1000, probing=outcome.probing)
        snapshot = circuit.snapshot()
        return CircuitMoved(
            dependency=outcome.dependency,
            before=outcome.circuit.state,
            circuit=_state(snapshot),
            reason="; ".join(change.reason for change in changes),
            metrics=CircuitMetrics(
                calls=len(snapshot.window), failed=snapshot.window.count("f"), slow=snapshot.window.count("s")
            ),
        )

    def _circuit(self, dependency: str, state: CircuitState, at_ms: int) -> tuple[Circuit, list[CircuitChange]]:
        changes: list[CircuitChange] = []
        circuit = Circuit(dependency, self._settings(dependency), _MessageClock(at_ms), changes.append)
        circuit.restore(
            CircuitSnapshot(
                state.state,
                state.failures_in_a_row,
                state.successful_probes,
                state.probes,
                state.opened_ms / 1000,
                state.window,
            )
        )
        return circuit, changes

    def _settings(self, dependency: str) -> ModelCircuitBreakerSubcontract:
        config = self.config
        settings = ModelCircuitBreakerSubcontract(
            failure_threshold=config.failure_threshold,
            success_threshold=config.success_threshold,
            timeout_seconds=config.timeout_seconds,
            half_open_max_calls=config.half_open_max_calls,
        )
        service = next((each for each in config.services if each.name == dependency), None)
        return settings if service is None else settings.of(service)


def _state(snapshot: CircuitSnapshot) -> CircuitState:
    return CircuitState(
        state=snapshot.state,
        failures_in_a_row=snapshot.in_a_row,
        successful_probes=snapshot.successes,
        probes=snapshot.probes,
        opened_ms=round(snapshot.opened * 1000),
        window=snapshot.window,
    )
