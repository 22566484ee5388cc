"""The view that adds tool execution to a node."""

from collections.abc import Mapping

from onex.capability import Mixin, ProtocolHost, capability, define_view, shared_engine
from onex.mixins.effect_handlers import MixinEffectHandlers, ProtocolEffectHandlers
from onex.mixins.tool_execution.model_tool_execution_subcontract import ModelToolExecutionSubcontract

_NAMES: Mapping[str, str] = {
    "max_concurrent_tools": "max_concurrent_handlers",
    "tool_timeout_ms": "handler_timeout_ms",
}


class MixinToolExecution(Mixin):
    """``await self.effects.dispatch("resize", picture)``"""

    definition = define_view(__file__, ModelToolExecutionSubcontract, MixinEffectHandlers, _NAMES)

    @capability
    def effects(self: ProtocolHost) -> ProtocolEffectHandlers:
        """The tools by name."""
        return shared_engine(self, MixinEffectHandlers, ProtocolEffectHandlers)
