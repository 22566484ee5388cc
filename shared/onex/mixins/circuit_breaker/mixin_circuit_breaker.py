"""The mixin that adds circuit breakers to a node."""

from onex.capability import Mixin, ProtocolHost, Reports, capability, configured, define
from onex.mixins.circuit_breaker.circuit import CircuitChange
from onex.mixins.circuit_breaker.engine import CircuitBreakerEngine
from onex.mixins.circuit_breaker.model_circuit_breaker_subcontract import ModelCircuitBreakerSubcontract
from onex.mixins.circuit_breaker.protocol_circuit_breaker import ProtocolCircuitBreaker
from onex.util.clock import ProtocolClock


class MixinCircuitBreaker(Mixin):
    """``await self.circuits.of("postgres").call(work)``."""

    definition = define(__file__, ModelCircuitBreakerSubcontract)

    @capability
    def circuits(self: ProtocolHost) -> ProtocolCircuitBreaker:
        """One circuit for each dependency, shared by all handlers."""
        settings, reports = configured(self, ModelCircuitBreakerSubcontract), self.container.get(Reports)

        def report(change: CircuitChange) -> None:
            reports.report("circuit_breaker", change.dependency, change.after, change.reason)

        return CircuitBreakerEngine(settings, self.container.get(ProtocolClock), report)
