"""All circuits of a process."""

from collections.abc import Callable, Mapping

import structlog

from onex.mixins.circuit_breaker.circuit import Circuit, CircuitChange
from onex.mixins.circuit_breaker.model_circuit_breaker_subcontract import ModelCircuitBreakerSubcontract
from onex.mixins.circuit_breaker.protocol_circuit_breaker import EnumCircuitState
from onex.util.clock import ProtocolClock

log = structlog.get_logger(__name__)


class CircuitBreakerEngine:
    """See :class:`ProtocolCircuitBreaker`. ``on_change`` hears of every change of state, which is logged as well."""

    def __init__(
        self,
        settings: ModelCircuitBreakerSubcontract,
        clock: ProtocolClock,
        on_change: Callable[[CircuitChange], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._own = {service.name: service for service in settings.services}
        self._clock = clock
        self._hear = on_change
        self._circuits: dict[str, Circuit] = {}

    def of(self, dependency: str) -> Circuit:
        """See the protocol."""
        circuit = self._circuits.get(dependency)
        if circuit is None:
            circuit = Circuit(dependency, self._settings_of(dependency), self._clock, self._changed)
            self._circuits[dependency] = circuit
        return circuit

    def states(self) -> Mapping[str, EnumCircuitState]:
        """See the protocol."""
        return {name: circuit.state for name, circuit in sorted(self._circuits.items())}

    def reported_metrics(self) -> Mapping[str, float]:
        """Circuits, and how many of them are open or being probed."""
        states = [circuit.state for circuit in list(self._circuits.values())]
        return {
            "circuits": float(len(states)),
            "open": float(states.count(EnumCircuitState.OPEN)),
            "half_open": float(states.count(EnumCircuitState.HALF_OPEN)),
        }

    def _settings_of(self, dependency: str) -> ModelCircuitBreakerSubcontract:
        own = self._own.get(dependency)
        return self._settings if own is None else self._settings.of(own)

    def _changed(self, change: CircuitChange) -> None:
        level = log.warning if change.after is EnumCircuitState.OPEN else log.info
        level("circuit", dependency=change.dependency, before=change.before, after=change.after, reason=change.reason)
        self._hear(change)
