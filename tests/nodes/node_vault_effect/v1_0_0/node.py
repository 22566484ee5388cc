"""Asks a vault; capabilities come from a base and from the contract."""

from typing import ClassVar

from node_vault_effect.v1_0_0.models import Fetch, Fetched

from onex.mixins.circuit_breaker import MixinCircuitBreaker
from onex.node import Context, NodeEffect


class NodeVaultEffect(MixinCircuitBreaker, NodeEffect):
    """``closed`` makes every call of the vault fail."""

    closed: ClassVar[bool] = False
    asked: ClassVar[list[str]] = []

    async def fetch(self, command: Fetch, context: Context) -> Fetched:
        """Through the circuit of the vault."""

        async def ask() -> Fetched:
            self.asked.append(command.name)
            if self.closed:
                raise ConnectionError("closed")
            return Fetched(name=command.name, attempt=context.attempt)

        return await self.circuits.of("vault").call(ask)
