"""Configuration of logging."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class EnumLogLevel(StrEnum):
    """How much a line matters."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


class EnumLogFormat(StrEnum):
    """Forms of a line."""

    JSON = "json"
    """One object a line."""
    TEXT = "text"
    """For people: time, level, words, then facts."""
    STRUCTURED = "structured"
    """logfmt: ``key=value`` throughout."""


class ModelLoggingSubcontract(Subcontract):
    """What the node writes, and in which form. The agent's own lines are set by its settings. Source: seed 002."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    log_level: EnumLogLevel = EnumLogLevel.INFO
    """Lines below it are not written."""
    enable_context_logging: bool = True
    """Node, version and instance stand in every line."""
    enable_correlation_tracking: bool = True
    """Ids of the message in hand stand in every line that is written for it."""
    log_format: EnumLogFormat = EnumLogFormat.JSON
    """Form of the lines."""
    enable_log_redaction: bool = True
    """Hide values of facts whose names say that they are secret, at any depth."""
    sensitive_field_patterns: tuple[str, ...] = ("password", "secret", "token", "key")
    """Those names, or words within them: ``key`` fits ``api_key``, not ``monkey``."""
    log_buffer_size: int = Field(default=100, ge=10, le=10_000)
    """Lines that wait for their writer; when there are more, lines are dropped and counted."""
    enable_async_logging: bool = True
    """Lines are written by a thread of their own, so that a slow disk holds nobody up; else at once."""
