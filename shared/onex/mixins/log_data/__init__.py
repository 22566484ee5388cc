"""Log data: an ONEX name of MixinLogging."""

from onex.mixins.log_data.mixin_log_data import MixinLogData
from onex.mixins.log_data.model_log_data_subcontract import ModelLogDataSubcontract

__all__ = ["MixinLogData", "ModelLogDataSubcontract"]
