"""Tool execution: an ONEX name of MixinEffectHandlers."""

from onex.mixins.tool_execution.mixin_tool_execution import MixinToolExecution
from onex.mixins.tool_execution.model_tool_execution_subcontract import ModelToolExecutionSubcontract

__all__ = ["MixinToolExecution", "ModelToolExecutionSubcontract"]
