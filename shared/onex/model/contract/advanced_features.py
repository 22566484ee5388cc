"""``advanced_features``: other words for what subcontracts and ``error_handling`` say. Source: seed 003."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field, JsonValue

from onex.model.contract.base import ContractPart
from onex.model.contract.delivery import ModelRetryPolicy
from onex.model.contract.identifiers import DottedName
from onex.model.contract.observability_features import ModelObservability
from onex.model.enums import EnumBackoff

Asked = tuple[str, str, dict[str, JsonValue]]
"""Part of the features, class name of a mixin, its configuration."""


class ModelCircuitFeatureService(ContractPart):
    """A dependency with figures of its own."""

    name: str
    """Name under which the node asks for it."""
    failure_threshold: int = Field(default=5, ge=1, le=100)
    """Failures one after the other that open its circuit."""
    recovery_timeout_ms: int = Field(default=60_000, ge=1, le=300_000)
    """How long it stays open."""


class ModelCircuitFeature(ContractPart):
    """The same as the subcontract ``circuit_breaker``, in the words of seed 003."""

    enabled: bool = True
    """False lets every call through."""
    failure_threshold: int = Field(default=5, ge=1, le=100)
    """Failures one after the other that open a circuit."""
    recovery_timeout_ms: int = Field(default=60_000, ge=1, le=300_000)
    """How long a circuit stays open."""
    half_open_max_calls: int = Field(default=1, ge=1, le=100)
    """Probes under way at once."""
    services: tuple[ModelCircuitFeatureService, ...] = ()
    """Dependencies with figures of their own."""

    def subcontract(self) -> dict[str, JsonValue]:
        """As the capability reads it."""
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
    """The same as ``error_handling.retry_policy``, in the words of seed 003."""

    enabled: bool = True
    """False: a message is tried once."""
    max_attempts: int = Field(default=3, ge=1, le=100)
    """The first one included."""
    initial_delay_ms: int = Field(default=1_000, ge=1)
    """Before the second attempt."""
    max_delay_ms: int = Field(default=30_000, ge=1)
    """No delay grows beyond it, jitter aside."""
    backoff_multiplier: float = Field(default=2.0, ge=1.0, le=10.0)
    """By how much each delay is longer than the one before."""
    retryable_exceptions: tuple[DottedName, ...] = ()
    """Dotted names of exception classes that count as transient beside the built-in ones."""
    retryable_status_codes: tuple[int, ...] = ()
    """Codes of exceptions that count as transient."""

    def policy(self) -> ModelRetryPolicy:
        """As the agent reads it."""
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
    """Parts of ``error_handling``, in the words of seed 003."""

    enabled: Literal[True] = True
    """There is no way to lose messages."""
    max_retries: int = Field(default=3, ge=0, le=99)
    """EFFECT: attempts after the first one, until a message becomes a dead letter."""
    retry_delay_ms: int = Field(default=5_000, ge=1)
    """EFFECT: before each of them."""
    alert_threshold: int = Field(default=100, ge=1)
    """The same as ``error_handling.dead_letter.alert_threshold``."""

    @property
    def says_how_to_retry(self) -> bool:
        """Whether it is a retry policy, too."""
        return bool({"max_retries", "retry_delay_ms"} & self.model_fields_set)

    def policy(self) -> ModelRetryPolicy:
        """As the agent reads it."""
        delay = self.retry_delay_ms / 1000
        longest = max(delay, ModelRetryPolicy().max_delay)
        attempts = self.max_retries + 1
        return ModelRetryPolicy(max_attempts=attempts, base_delay=delay, max_delay=longest, backoff=EnumBackoff.FIXED)


class ModelTransactionFeature(ContractPart):
    """Composes ``MixinTransactions`` and ``MixinDatabase``."""

    enabled: bool = True
    """False: statements stand for themselves."""
    isolation_level: str = "READ_COMMITTED"
    """How far units of work see each other."""
    timeout_seconds: float = Field(default=30.0, ge=1, le=300)
    """A unit that takes longer is undone."""
    rollback_on_error: Literal[True] = True
    """PostgreSQL knows no other way."""
    savepoints: bool = True
    """Units within units."""

    def subcontract(self) -> dict[str, JsonValue]:
        """As the capability reads it: what ends without an error is committed."""
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
    """Refuse texts that go on in SQL behind a quote."""
    max_input_length: int = Field(default=10_000, ge=1_024)
    """Refuse longer texts."""
    forbidden_patterns: tuple[str, ...] = ()
    """Refuse texts that one of these regular expressions is found in."""
    redact_fields: tuple[str, ...] = ("password", "api_key", "secret", "token")
    """Names whose values are hidden."""

    def subcontract(self) -> dict[str, JsonValue]:
        """As the capability reads it."""
        return {
            "enable_input_sanitization": self.sanitize_inputs,
            "enable_redaction": self.sanitize_logs,
            "enable_sql_injection_protection": self.validate_sql,
            "max_input_length": self.max_input_length,
            "forbidden_patterns": list(self.forbidden_patterns),
            "sensitive_field_patterns": list(self.redact_fields),
        }


class ModelAdvancedFeatures(ContractPart):
    """Other words for what subcontracts and ``error_handling`` say; nothing may be said twice."""

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
        """The capabilities that it composes."""
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
        """How messages are tried again; None where it does not say."""
        if self.retry_policy is not None:
            return self.retry_policy.policy()
        letters = self.dead_letter_queue
        return letters.policy() if letters is not None and letters.says_how_to_retry else None
