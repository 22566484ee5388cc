"""Configuration of logging."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.capability.config_rules import SensitiveNames
from onex.model.contract.version import ModelSemVer


class EnumLogLevel(StrEnum):
    """Levels of log lines, in ascending order."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


class EnumLogFormat(StrEnum):
    """Formats of log lines."""

    JSON = "json"
    """One JSON object per line."""
    TEXT = "text"
    """For people: time, level, event, then facts."""
    STRUCTURED = "structured"
    """logfmt: ``key=value`` pairs."""


class ModelLoggingSubcontract(Subcontract):
    """Content and format of the node's log lines. The agent's settings configure the agent's own lines."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    log_level: EnumLogLevel = EnumLogLevel.INFO
    """Lines of lower levels are not written."""
    enable_context_logging: bool = True
    """Add node, version and instance to every line."""
    enable_correlation_tracking: bool = True
    """Add the ids of the current message to every line."""
    log_format: EnumLogFormat = EnumLogFormat.JSON
    """Format of the lines."""
    enable_log_redaction: bool = True
    """Hide values under sensitive names, at any depth."""
    sensitive_field_patterns: SensitiveNames = ("password", "secret", "token", "key")
    """Sensitive names, or words of them: ``key`` matches ``api_key``, not ``monkey``."""
    log_buffer_size: int = Field(default=100, ge=10, le=10_000)
    """Lines that wait for the writer. Further lines are dropped and counted."""
    enable_async_logging: bool = True
    """A separate thread writes the lines, so that a slow disk delays no handler. With False the caller writes
    them."""
