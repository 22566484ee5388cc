"""The rules of ``MixinCircuitBreaker`` as a pure function: the circuit comes with the question, goes with the answer.

For those who cannot keep a circuit in memory: orchestrators, other languages, a gateway in front of the mesh.
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
from onex.mixins.circuit_breaker import ModelCircuitBreakerSubcontract, ModelCircuitService
from onex.mixins.circuit_breaker.circuit import Circuit, CircuitChange, CircuitSnapshot
from onex.node import NodeCompute, NodeConfig


class _At:
    """The time that a message names."""

    def __init__(self, ms: int) -> None:
        self._ms = ms

    def now_ms(self) -> int:
        return self._ms

    def monotonic(self) -> float:
        return self._ms / 1000


class NodeEventBusCircuitBreakerCompute(NodeCompute[GuardEvent, EventReleased]):
    """Two questions: may it go, and what does the outcome mean."""

    class Config(NodeConfig):
        failure_threshold: int
        success_threshold: int
        timeout_seconds: float
        half_open_max_calls: int
        services: tuple[ModelCircuitService, ...]

    config: Config

    def guard(self, request: GuardEvent) -> EventReleased | EventWithheld:
        """Release an event, or say when to ask again."""
        circuit, _ = self._circuit(request.dependency, request.circuit, request.at_ms)
        about = {"dependency": request.dependency, "event_type": request.event_type, "body": request.body}
        try:
            probing = circuit.admit()
        except CircuitOpenError as error:
            wait = max(1, round(error.retry_after * 1000))
            return EventWithheld(**about, retry_after_ms=wait, circuit=_state(circuit.snapshot()))
        return EventReleased(**about, probing=probing, circuit=_state(circuit.snapshot()))

    def report(self, outcome: ReportOutcome) -> CircuitMoved:
        """Count an outcome."""
        circuit, changes = self._circuit(outcome.dependency, outcome.circuit, outcome.at_ms)
        failure = ConnectionError(outcome.failure) if outcome.failure else None
        circuit.report(failure, outcome.took_ms / 1000, probing=outcome.probing)
        kept = circuit.snapshot()
        return CircuitMoved(
            dependency=outcome.dependency,
            before=outcome.circuit.state,
            circuit=_state(kept),
            reason="; ".join(change.reason for change in changes),
            metrics=CircuitMetrics(
                calls=len(kept.window), failed=kept.window.count("f"), slow=kept.window.count("s")
            ),
        )

    def _circuit(self, dependency: str, kept: CircuitState, at_ms: int) -> tuple[Circuit, list[CircuitChange]]:
        changes: list[CircuitChange] = []
        circuit = Circuit(dependency, self._settings(dependency), _At(at_ms), changes.append)
        circuit.restore(
            CircuitSnapshot(
                kept.state,
                kept.failures_in_a_row,
                kept.successful_probes,
                kept.probes,
                kept.opened_ms / 1000,
                kept.window,
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
        own = next((service for service in config.services if service.name == dependency), None)
        return settings if own is None else settings.of(own)


def _state(kept: CircuitSnapshot) -> CircuitState:
    return CircuitState(
        state=kept.state,
        failures_in_a_row=kept.in_a_row,
        successful_probes=kept.successes,
        probes=kept.probes,
        opened_ms=round(kept.opened * 1000),
        window=kept.window,
    )
