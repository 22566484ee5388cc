"""Configuration of retries."""

from enum import StrEnum
from typing import ClassVar, Self

from pydantic import Field, model_validator

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class EnumRetryBackoff(StrEnum):
    """How delays grow."""

    FIXED = "fixed"
    """Always the base delay."""
    LINEAR = "linear"
    """Base delay times the number of failures."""
    EXPONENTIAL = "exponential"
    """Multiplied after every failure."""
    RANDOM = "random"
    """Anything between the base delay and the longest one."""
    FIBONACCI = "fibonacci"
    """Base delay times 1, 1, 2, 3, 5, 8 ..."""


class ModelRetrySubcontract(Subcontract):
    """How a call of a dependency is tried again, inside of one handler. Source: seed 002.

    Messages are retried by the agent, beyond the handler: see ``error_handling.retry_policy``.
    """

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    max_retries: int = Field(default=3, ge=0, le=100)
    """Calls after the first one."""
    base_delay_seconds: float = Field(default=1.0, ge=0.1, le=3600.0)
    """Before the second call."""
    backoff_strategy: EnumRetryBackoff = EnumRetryBackoff.EXPONENTIAL
    """How delays grow."""
    backoff_multiplier: float = Field(default=2.0, ge=1.0, le=10.0)
    """Of the exponential strategy."""
    max_delay_seconds: float = Field(default=300.0, ge=1.0, le=3600.0)
    """No delay grows beyond it, jitter aside."""
    jitter_enabled: bool = True
    """Add something at random, so that those who failed together do not come back together."""
    jitter_max_seconds: float = Field(default=1.0, ge=0.0, le=60.0)
    """At most so much of it."""
    retry_on_exceptions: tuple[str, ...] = ("ConnectionError", "TimeoutError", "HTTPError")
    """Names of exception classes, plain or dotted; those derived from them count as well.
    The mesh's own TransientError always counts, and NotNowError never: nothing was tried."""
    retry_on_status_codes: tuple[int, ...] = (429, 500, 502, 503, 504)
    """Status codes of exceptions (``code``, ``status``, ``status_code``, also of their ``response``) that count.
    An exception with another code is not retried, whatever its class."""
    stop_on_success: bool = True
    """False makes all calls whatever comes of them, and gives the last answer."""
    circuit_breaker_enabled: bool = False
    """Stop asking a dependency that keeps failing; the circuit is that of ``retry`` itself."""
    circuit_breaker_threshold: int = Field(default=5, ge=1, le=100)
    """Failures one after the other that open it."""
    circuit_reset_timeout_seconds: float = Field(default=60.0, ge=1.0, le=3600.0)
    """How long it stays open."""

    @model_validator(mode="after")
    def _delays_are_ordered(self) -> Self:
        if self.max_delay_seconds < self.base_delay_seconds:
            raise ValueError("max_delay_seconds is below base_delay_seconds")
        return self
