"""Log aggregation: the node's log lines in a collector."""

from onex.mixins.log_aggregation.mixin_log_aggregation import MixinLogAggregation
from onex.mixins.log_aggregation.model_log_aggregation_subcontract import (
    EnumLogDropPolicy,
    ModelLogAggregationSubcontract,
)
from onex.mixins.log_aggregation.protocol_log_aggregation import ProtocolLogAggregation

__all__ = ["EnumLogDropPolicy", "MixinLogAggregation", "ModelLogAggregationSubcontract", "ProtocolLogAggregation"]
