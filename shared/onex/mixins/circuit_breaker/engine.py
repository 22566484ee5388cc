"""The circuits of a process."""

from collections.abc import Callable, Mapping

import structlog
from typing_extensions import override

from onex.mixins.circuit_breaker.circuit import Circuit, CircuitChange
from onex.mixins.circuit_breaker.model_circuit_breaker_subcontract import ModelCircuitBreakerSubcontract
from onex.mixins.circuit_breaker.protocol_circuit_breaker import EnumCircuitState, ProtocolCircuitBreaker
from onex.util.clock import ProtocolClock

log = structlog.get_logger(__name__)


class CircuitBreakerEngine(ProtocolCircuitBreaker):
    """One circuit for each dependency. Logs each change of state and calls ``on_change`` with it."""

    def __init__(
        self,
        settings: ModelCircuitBreakerSubcontract,
        clock: ProtocolClock,
        on_change: Callable[[CircuitChange], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._services = {service.name: service for service in settings.services}
        self._clock = clock
        self._on_change = on_change
        self._circuits: dict[str, Circuit] = {}

    @override
    def of(self, dependency: str) -> Circuit:
        circuit = self._circuits.get(dependency)
        if circuit is None:
            circuit = Circuit(dependency, self._settings_of(dependency), self._clock, self._changed)
            self._circuits[dependency] = circuit
        return circuit

    @override
    def states(self) -> Mapping[str, EnumCircuitState]:
        return {name: circuit.state for name, circuit in sorted(self._circuits.items())}

    def reported_metrics(self) -> Mapping[str, float]:
        """Number of circuits, of open ones and of half-open ones."""
        states = [circuit.state for circuit in list(self._circuits.values())]
        return {
            "circuits": float(len(states)),
            "open": float(states.count(EnumCircuitState.OPEN)),
            "half_open": float(states.count(EnumCircuitState.HALF_OPEN)),
        }

    def _settings_of(self, dependency: str) -> ModelCircuitBreakerSubcontract:
        service = self._services.get(dependency)
        return self._settings if service is None else self._settings.of(service)

    def _changed(self, change: CircuitChange) -> None:
        level = log.warning if change.after is EnumCircuitState.OPEN else log.info
        level("circuit", dependency=change.dependency, before=change.before, after=change.after, reason=change.reason)
        self._on_change(change)
