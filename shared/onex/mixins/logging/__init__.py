"""Logging: structured log lines of a node."""

from onex.mixins.logging.mixin_logging import MixinLogging
from onex.mixins.logging.model_logging_subcontract import EnumLogFormat, EnumLogLevel, ModelLoggingSubcontract
from onex.mixins.logging.protocol_logging import ProtocolLogging

__all__ = ["EnumLogFormat", "EnumLogLevel", "MixinLogging", "ModelLoggingSubcontract", "ProtocolLogging"]
