"""An effect whose answers are remembered by all of its instances."""

from node_stall_effect.v1_0_0.models import AskPrice, ChangePrice, PriceChanged, PriceNamed

from onex.mixins.caching import MixinCaching
from onex.mixins.intelligent_caching import MixinIntelligentCaching
from onex.node import Context, NodeConfig, NodeEffect


class NodeStallEffect(MixinIntelligentCaching, MixinCaching, NodeEffect):
    """Each price that it looks up is one cent more."""

    def __init__(self, config: NodeConfig | None = None) -> None:
        super().__init__(config)
        self.cents = 0

    async def name_price(self, command: AskPrice, context: Context) -> PriceNamed:
        """Name the price from the cache."""
        cents = await self.intelligent_cache.load(f"price of {command.product}", int, self._look_up)
        return PriceNamed(product=command.product, buyer=command.buyer, cents=cents)

    async def change_price(self, command: ChangePrice, context: Context) -> PriceChanged | None:
        """Make every instance forget the price: by an event, or without one."""
        if not command.quietly:
            return PriceChanged(product=command.product)
        await self.intelligent_cache.forget(f"price of {command.product}")
        return None

    async def _look_up(self) -> int:
        self.cents += 1
        return self.cents
