"""Circuit breakers: calls of a failing dependency are refused for a while."""

from onex.mixins.circuit_breaker.circuit import Circuit, CircuitChange, CircuitSnapshot
from onex.mixins.circuit_breaker.mixin_circuit_breaker import MixinCircuitBreaker
from onex.mixins.circuit_breaker.model_circuit_breaker_subcontract import (
    ModelCircuitBreakerSubcontract,
    ModelCircuitService,
)
from onex.mixins.circuit_breaker.protocol_circuit_breaker import (
    EnumCircuitState,
    ProtocolCircuit,
    ProtocolCircuitBreaker,
)

__all__ = [
    "Circuit",
    "CircuitChange",
    "CircuitSnapshot",
    "EnumCircuitState",
    "MixinCircuitBreaker",
    "ModelCircuitBreakerSubcontract",
    "ModelCircuitService",
    "ProtocolCircuit",
    "ProtocolCircuitBreaker",
]
