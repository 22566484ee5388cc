"""Configuration of retries."""

import re
from enum import StrEnum
from typing import ClassVar, Self

from pydantic import Field, field_validator, model_validator

from onex.capability import Subcontract
from onex.capability.config_rules import require_ordered
from onex.model.contract.version import ModelSemVer

_CLASS = re.compile(r"[A-Za-z_]\w{0,99}(\.[A-Za-z_]\w{0,99}){0,19}")
_LEAST_CODE, _LARGEST_CODE = 300, 599


class EnumRetryBackoff(StrEnum):
    """Growth of the delays."""

    FIXED = "fixed"
    """Always the base delay."""
    LINEAR = "linear"
    """Base delay times the number of failures."""
    EXPONENTIAL = "exponential"
    """Multiplied after every failure."""
    RANDOM = "random"
    """A random delay between the base delay and the longest one."""
    FIBONACCI = "fibonacci"
    """Base delay times 1, 1, 2, 3, 5, 8 ..."""


class ModelRetrySubcontract(Subcontract):
    """Retries of calls within one handler.

    The agent retries messages, outside of the handler: see ``error_handling.retry_policy``.
    """

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=1, patch=0)

    max_retries: int = Field(default=3, ge=0, le=100)
    """Calls after the first one."""
    base_delay_seconds: float = Field(default=1.0, ge=0.1, le=3600.0)
    """Delay before the second call."""
    backoff_strategy: EnumRetryBackoff = EnumRetryBackoff.EXPONENTIAL
    """Growth of the delays."""
    backoff_multiplier: float = Field(default=2.0, ge=1.0, le=10.0)
    """Factor of the exponential strategy."""
    max_delay_seconds: float = Field(default=300.0, ge=1.0, le=3600.0)
    """Longest delay, without jitter."""
    jitter_enabled: bool = True
    """Add a random delay, so that calls that failed together do not return together."""
    jitter_max_seconds: float = Field(default=1.0, ge=0.0, le=60.0)
    """Longest random delay."""
    retry_on_exceptions: tuple[str, ...] = ("ConnectionError", "TimeoutError", "HTTPError")
    """Names of exception classes that are retried, plain or dotted, with their subclasses.
    TransientError is always retried, and NotNowError never, because no call was made."""
    retry_on_status_codes: tuple[int, ...] = (429, 500, 502, 503, 504)
    """Status codes of exceptions that are retried (``code``, ``status``, ``status_code``, also of their
    ``response``). An exception with another code is not retried, whatever its class."""
    stop_on_success: bool = True
    """With False all calls are made, and the last result is returned."""
    circuit_breaker_enabled: bool = False
    """Use a circuit breaker of its own for all calls."""
    circuit_breaker_threshold: int = Field(default=5, ge=1, le=100)
    """Consecutive failures that open the circuit."""
    circuit_reset_timeout_seconds: float = Field(default=60.0, ge=1.0, le=3600.0)
    """Seconds that the circuit stays open."""

    @field_validator("retry_on_exceptions")
    @classmethod
    def _are_names_of_classes(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not _CLASS.fullmatch(name):
                raise ValueError(f"{name[:40]!r} is no name of a class, such as TimeoutError or package.module.Error")
        return names

    @field_validator("retry_on_status_codes")
    @classmethod
    def _are_failures(cls, codes: tuple[int, ...]) -> tuple[int, ...]:
        for code in codes:
            if not _LEAST_CODE <= code <= _LARGEST_CODE:
                raise ValueError(f"{code} is no status code of a failure; these are {_LEAST_CODE} to {_LARGEST_CODE}")
        return codes

    @model_validator(mode="after")
    def _delays_are_ordered(self) -> Self:
        require_ordered("base_delay_seconds", self.base_delay_seconds, "max_delay_seconds", self.max_delay_seconds)
        return self
