"""An effect service with health, retries, a circuit breaker and a bulkhead."""

from node_fault_tolerant_effect.v1_0_0.models import Charge, Charged

from onex.mixins.bulkhead import MixinBulkhead
from onex.mixins.circuit_breaker import MixinCircuitBreaker
from onex.mixins.health_check import MixinHealthCheck
from onex.mixins.retry import MixinRetry
from onex.node import Context, NodeConfig, NodeEffect


class NodeFaultTolerantEffect(NodeEffect, MixinHealthCheck, MixinRetry, MixinCircuitBreaker, MixinBulkhead):
    """Calls a bank that fails as often as the message says."""

    def __init__(self, config: NodeConfig | None = None) -> None:
        super().__init__(config)
        self.health.register("bank", self._ping)

    async def _ping(self) -> None:
        """Do nothing: the bank of this node is always there."""

    async def charge(self, command: Charge, context: Context) -> Charged:
        """Charge the account, with retries."""
        calls = 0

        async def bank() -> None:
            nonlocal calls
            calls += 1
            if calls <= command.failures:
                raise ConnectionError("the bank is busy")

        async with self.bulkhead.of("bank").slot():
            await self.retry.call(lambda: self.circuits.of("bank").call(bank))
        return Charged(account=command.account, calls=calls)
