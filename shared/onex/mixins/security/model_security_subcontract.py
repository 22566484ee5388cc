"""Configuration of security."""

import re
from typing import ClassVar

from pydantic import Field, SecretStr, field_validator, model_validator

from onex.capability import Subcontract
from onex.capability.config_rules import SensitiveNames
from onex.mixins.security.pattern_cost import too_slow
from onex.model.contract.version import ModelSemVer


class ModelSecuritySubcontract(Subcontract):
    """Checks of text, cleaning and redaction."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    enable_redaction: bool = True
    """``redact`` hides values under sensitive names. With False it changes nothing."""
    sensitive_field_patterns: SensitiveNames = ("password", "secret", "token", "key")
    """Sensitive names, or words of them: ``key`` matches ``api_key``, not ``monkey``."""
    enable_input_sanitization: bool = True
    """Refuse messages with control characters or reversed writing direction in their texts. ``clean_input`` removes
    them."""
    enable_output_sanitization: bool = True
    """``clean_output`` removes control characters. With False it leaves them."""
    enable_sql_injection_protection: bool = True
    """Refuse messages with SQL after a quote in their texts. The protection against injection is bound parameters;
    this check only detects attempts early."""
    forbidden_patterns: tuple[str, ...] = ()
    """Refuse messages whose texts match one of these regular expressions. An expression that could take more than 500
    million steps on a text of ``max_input_length`` is an error: one that repeats a repetition or a choice, or has two
    unbounded repetitions. Write ``{0,64}`` instead of ``*``."""
    enable_xss_protection: bool = True
    """Refuse messages with scripts in their texts. ``clean_output`` escapes HTML markup."""
    enable_csrf_protection: bool = True
    """``verify_csrf`` refuses wrong or old tokens. With False it accepts any token."""
    csrf_secret: SecretStr = SecretStr("")
    """Key of form tokens, shared by all instances that verify each other's tokens. Empty uses one for each
    process."""
    csrf_ttl_seconds: int = Field(default=3_600, ge=1, le=604_800)
    """Older form tokens are refused."""
    max_input_length: int = Field(default=10_000, ge=1_024)
    """Characters of a text. Messages with a longer one are refused before any expression is applied."""

    @field_validator("forbidden_patterns")
    @classmethod
    def _compile(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except (re.error, RecursionError, OverflowError) as error:
                raise ValueError(f"{pattern!r} is not a valid regular expression: {error}") from None
        return patterns

    @model_validator(mode="after")
    def _patterns_are_bounded(self) -> "ModelSecuritySubcontract":
        for pattern in self.forbidden_patterns:
            if reason := too_slow(pattern, self.max_input_length):
                raise ValueError(f"forbidden_patterns: {pattern!r} {reason}")
        return self
