"""Configuration of log data."""

from typing import ClassVar

from onex.capability import Subcontract
from onex.mixins.logging.model_logging_subcontract import EnumLogLevel
from onex.model.contract.version import ModelSemVer


class ModelLogDataSubcontract(Subcontract):
    """The data of log lines."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    log_level: EnumLogLevel = EnumLogLevel.INFO
    """Lines below this level are not written."""
    include_correlation_id: bool = True
    """Add the ids of the current message to each line."""
    redact_sensitive_fields: bool = True
    """Hide the values of sensitive names."""
