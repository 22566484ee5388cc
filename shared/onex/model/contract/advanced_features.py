"""``advanced_features``: the ONEX names for subcontracts and parts of ``error_handling``."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field, JsonValue

from onex.model.contract.base import ContractPart
from onex.model.contract.delivery import ModelRetryPolicy
from onex.model.contract.identifiers import DottedName
from onex.model.contract.observability_features import ModelObservability
from onex.model.enums import EnumBackoff

Asked = tuple[str, str, dict[str, JsonValue]]
"""Name of the feature, class name of a mixin, and its configuration."""


class ModelCircuitFeatureService(ContractPart):
    """A dependency with its own limits."""

    name: str
    """Name under which the node asks for it."""
    failure_threshold: int = Field(default=5, ge=1, le=100)
    """Consecutive failures that open its circuit."""
    recovery_timeout_ms: int = Field(default=60_000, ge=1, le=300_000)
    """How long its circuit stays open."""


class ModelCircuitFeature(ContractPart):
    """The subcontract ``circuit_breaker``."""

    enabled: bool = True
    """False lets every call through."""
    failure_threshold: int = Field(default=5, ge=1, le=100)
    """Consecutive failures that open a circuit."""
    recovery_timeout_ms: int = Field(default=60_000, ge=1, le=300_000)
    """How long a circuit stays open."""
    half_open_max_calls: int = Field(default=1, ge=1, le=100)
    """Concurrent probes of a half-open circuit."""
    services: tuple[ModelCircuitFeatureService, ...] = ()
    """Dependencies with their own limits."""

    def subcontract(self) -> dict[str, JsonValue]:
        """Return the configuration of the capability."""
        return {
            "enabled": self.enabled,
            "failure_threshold": self.failure_threshold,
            "timeout_seconds": self.recovery_timeout_ms / 1000,
            "half_open_max_calls": self.half_open_max_calls,
            "services": [
                {
                    "name": service.name,
                    "failure_threshold": service.failure_threshold,
                    "timeout_seconds": service.recovery_timeout_ms / 1000,
                }
                for service in self.services
            ],
        }


class ModelRetryFeature(ContractPart):
    """The policy ``error_handling.retry_policy``."""

    enabled: bool = True
    """False: one attempt for each message."""
    max_attempts: int = Field(default=3, ge=1, le=100)
    """Number of attempts, including the first."""
    initial_delay_ms: int = Field(default=1_000, ge=1)
    """Delay before the second attempt."""
    max_delay_ms: int = Field(default=30_000, ge=1)
    """Longest delay, without jitter."""
    backoff_multiplier: float = Field(default=2.0, ge=1.0, le=10.0)
    """Factor between one delay and the next."""
    retryable_exceptions: tuple[DottedName, ...] = ()
    """Dotted names of exception classes that count as transient, in addition to the built-in ones."""
    retryable_status_codes: tuple[int, ...] = ()
    """Codes of exceptions that count as transient."""

    def policy(self) -> ModelRetryPolicy:
        """Return the retry policy of the agent."""
        return ModelRetryPolicy(
            max_attempts=self.max_attempts if self.enabled else 1,
            base_delay=self.initial_delay_ms / 1000,
            max_delay=self.max_delay_ms / 1000,
            backoff=EnumBackoff.EXPONENTIAL,
            multiplier=self.backoff_multiplier,
            retryable_exceptions=self.retryable_exceptions,
            retryable_error_codes=tuple(str(code) for code in self.retryable_status_codes),
        )


class ModelDeadLetterFeature(ContractPart):
    """Parts of ``error_handling``."""

    enabled: Literal[True] = True
    """Dead letters cannot be switched off."""
    max_retries: int = Field(default=3, ge=0, le=99)
    """EFFECT: attempts after the first one, until a message becomes a dead letter."""
    retry_delay_ms: int = Field(default=5_000, ge=1)
    """EFFECT: delay before each of them."""
    alert_threshold: int = Field(default=100, ge=1)
    """The same as ``error_handling.dead_letter.alert_threshold``."""

    @property
    def declares_retries(self) -> bool:
        """Whether it also declares a retry policy."""
        return bool({"max_retries", "retry_delay_ms"} & self.model_fields_set)

    def policy(self) -> ModelRetryPolicy:
        """Return the retry policy of the agent."""
        delay = self.retry_delay_ms / 1000
        longest = max(delay, ModelRetryPolicy().max_delay)
        attempts = self.max_retries + 1
        return ModelRetryPolicy(max_attempts=attempts, base_delay=delay, max_delay=longest, backoff=EnumBackoff.FIXED)


class ModelTransactionFeature(ContractPart):
    """Composes ``MixinTransactions`` and ``MixinDatabase``."""

    enabled: bool = True
    """False: each statement is its own transaction."""
    isolation_level: str = "READ_COMMITTED"
    """Isolation level of PostgreSQL."""
    timeout_seconds: float = Field(default=30.0, ge=1, le=300)
    """Longer transactions are rolled back."""
    rollback_on_error: Literal[True] = True
    """PostgreSQL supports no other value."""
    savepoints: bool = True
    """Whether transactions can be nested."""

    def subcontract(self) -> dict[str, JsonValue]:
        """Return the configuration of the capability. A block that ends without an error is committed."""
        return {
            "transaction_enabled": self.enabled,
            "isolation_level": self.isolation_level,
            "transaction_timeout_ms": round(self.timeout_seconds * 1000),
            "enable_savepoints": self.savepoints,
            "auto_commit": True,
        }


class ModelSecurityFeature(ContractPart):
    """Composes ``MixinSecurity``."""

    enabled: bool = True
    """False leaves it out."""
    sanitize_inputs: bool = True
    """Refuse messages with control characters in their texts."""
    sanitize_logs: bool = True
    """``redact`` hides secrets."""
    validate_sql: bool = True
    """Refuse texts that continue with SQL after a quote."""
    max_input_length: int = Field(default=10_000, ge=1_024)
    """Refuse longer texts."""
    forbidden_patterns: tuple[str, ...] = ()
    """Refuse texts in which one of these regular expressions is found."""
    redact_fields: tuple[str, ...] = ("password", "api_key", "secret", "token")
    """Names whose values are hidden."""

    def subcontract(self) -> dict[str, JsonValue]:
        """Return the configuration of the capability."""
        return {
            "enable_input_sanitization": self.sanitize_inputs,
            "enable_redaction": self.sanitize_logs,
            "enable_sql_injection_protection": self.validate_sql,
            "max_input_length": self.max_input_length,
            "forbidden_patterns": list(self.forbidden_patterns),
            "sensitive_field_patterns": list(self.redact_fields),
        }


class ModelAdvancedFeatures(ContractPart):
    """The ONEX names for subcontracts and parts of ``error_handling``. A setting may be written in one place only."""

    circuit_breaker: ModelCircuitFeature | None = None
    """Composes ``MixinCircuitBreaker``."""
    retry_policy: ModelRetryFeature | None = None
    """Instead of ``error_handling.retry_policy``."""
    dead_letter_queue: ModelDeadLetterFeature | None = None
    """Instead of parts of ``error_handling``."""
    transactions: ModelTransactionFeature | None = None
    """Composes ``MixinTransactions`` and ``MixinDatabase``."""
    security_validation: ModelSecurityFeature | None = None
    """Composes ``MixinSecurity``."""
    observability: ModelObservability | None = None
    """Composes ``MixinTracing``, ``MixinMetrics`` and ``MixinLogging``."""

    def asked(self) -> Iterator[Asked]:
        """Yield the capabilities that these features compose."""
        if self.circuit_breaker is not None:
            yield "circuit_breaker", "MixinCircuitBreaker", self.circuit_breaker.subcontract()
        if self.transactions is not None:
            yield "transactions", "MixinDatabase", {}
            yield "transactions", "MixinTransactions", self.transactions.subcontract()
        if self.security_validation is not None and self.security_validation.enabled:
            yield "security_validation", "MixinSecurity", self.security_validation.subcontract()
        if self.observability is not None:
            for name, config in self.observability.asked():
                yield "observability", name, config

    def retries(self) -> ModelRetryPolicy | None:
        """Return the retry policy. None when the features declare none."""
        if self.retry_policy is not None:
            return self.retry_policy.policy()
        letters = self.dead_letter_queue
        return letters.policy() if letters is not None and letters.declares_retries else None
