"""How a contract asks for capabilities. Sources: seeds 002 (subcontracts) and 003 (mixins, advanced features)."""

from pydantic import Field, JsonValue

from onex.model.contract.base import ContractPart
from onex.model.contract.delivery import ModelRetryPolicy
from onex.model.enums import EnumBackoff


class ModelMixinDeclaration(ContractPart):
    """One capability."""

    name: str = Field(pattern=r"^Mixin[A-Z][A-Za-z0-9]*$")
    """Class name of the mixin: ``onex mixins`` lists them."""
    enabled: bool = True
    """False leaves it out, with its configuration."""
    config: dict[str, JsonValue] = Field(default_factory=dict)
    """Its subcontract; ``${VAR}`` is taken from the environment."""


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
    retryable_exceptions: tuple[str, ...] = ()
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


class ModelAdvancedFeatures(ContractPart):
    """Other words for what subcontracts and ``error_handling`` say; nothing may be said twice."""

    circuit_breaker: ModelCircuitFeature | None = None
    """Composes ``MixinCircuitBreaker``."""
    retry_policy: ModelRetryFeature | None = None
    """Instead of ``error_handling.retry_policy``."""
