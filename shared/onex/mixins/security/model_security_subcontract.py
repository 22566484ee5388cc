"""Configuration of security."""

import re
from typing import ClassVar

from pydantic import Field, SecretStr, field_validator, model_validator

from onex.capability import Subcontract
from onex.mixins.security.pattern_cost import too_slow
from onex.model.contract.version import ModelSemVer


class ModelSecuritySubcontract(Subcontract):
    """What is refused, cleaned and hidden. Source: seed 002."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    enable_redaction: bool = True
    """``redact`` hides what stands under names that say that it is secret; else it changes nothing."""
    sensitive_field_patterns: tuple[str, ...] = ("password", "secret", "token", "key")
    """Those names, or words within them: ``key`` fits ``api_key``, not ``monkey``."""
    enable_input_sanitization: bool = True
    """Refuse messages with control characters or reversed writing direction in their texts; ``clean_input`` takes
    them out."""
    enable_output_sanitization: bool = True
    """``clean_output`` takes control characters out; else it leaves them."""
    enable_sql_injection_protection: bool = True
    """Refuse messages with texts that go on in SQL behind a quote. Parameters of statements protect; this only tells
    early that somebody tries."""
    forbidden_patterns: tuple[str, ...] = ()
    """Refuse messages with texts that one of these regular expressions is found in. An expression is refused that
    could take more than 500 million steps on a text of ``max_input_length``: one that repeats a repetition or a
    choice, or has two repetitions without a bound. Write ``{0,64}`` for ``*``."""
    enable_xss_protection: bool = True
    """Refuse messages with scripts in their texts; ``clean_output`` escapes what HTML would read as markup."""
    enable_csrf_protection: bool = True
    """``verify_csrf`` refuses tokens that are wrong or old; else it takes any."""
    csrf_secret: SecretStr = SecretStr("")
    """Shared by all instances that check each other's tokens; empty: each process has its own."""
    csrf_ttl_seconds: int = Field(default=3_600, ge=1, le=604_800)
    """Older tokens are refused."""
    max_input_length: int = Field(default=10_000, ge=1_024)
    """Messages with a longer text, in characters, are refused, before any expression sees it."""

    @field_validator("forbidden_patterns")
    @classmethod
    def _compile(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except (re.error, RecursionError, OverflowError) as error:
                raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
        return patterns

    @model_validator(mode="after")
    def _patterns_are_bounded(self) -> "ModelSecuritySubcontract":
        for pattern in self.forbidden_patterns:
            if reason := too_slow(pattern, self.max_input_length):
                raise ValueError(f"forbidden_patterns: {pattern!r} {reason}")
        return self
