"""The catalogue of capabilities. Each is registered by name and imported at its first use."""

from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module

from onex.capability import Mixin
from onex.capability.metadata import CapabilityMetadata
from onex.errors import CompositionError

_BUILT_IN = {
    "MixinAuditLog": "onex.mixins.audit_log",
    "MixinAuthentication": "onex.mixins.authentication",
    "MixinAuthorization": "onex.mixins.authorization",
    "MixinBulkhead": "onex.mixins.bulkhead",
    "MixinCaching": "onex.mixins.caching",
    "MixinCircuitBreaker": "onex.mixins.circuit_breaker",
    "MixinContractLoader": "onex.mixins.contract_loader",
    "MixinDatabase": "onex.mixins.database",
    "MixinEffectHandlers": "onex.mixins.effect_handlers",
    "MixinEncryption": "onex.mixins.encryption",
    "MixinEventBus": "onex.mixins.event_bus",
    "MixinFiles": "onex.mixins.files",
    "MixinHealthCheck": "onex.mixins.health_check",
    "MixinHttpClient": "onex.mixins.http_client",
    "MixinKafkaConfiguration": "onex.mixins.kafka_configuration",
    "MixinKafkaHealthCheck": "onex.mixins.kafka_health_check",
    "MixinLogging": "onex.mixins.logging",
    "MixinMessageQueue": "onex.mixins.message_queue",
    "MixinMetrics": "onex.mixins.metrics",
    "MixinNodeService": "onex.mixins.node_service",
    "MixinNotification": "onex.mixins.notification",
    "MixinProfiling": "onex.mixins.profiling",
    "MixinRateLimiting": "onex.mixins.rate_limiting",
    "MixinRetry": "onex.mixins.retry",
    "MixinSecureStorage": "onex.mixins.secure_storage",
    "MixinSecurity": "onex.mixins.security",
    "MixinSerialization": "onex.mixins.serialization",
    "MixinServiceProtocol": "onex.mixins.service_protocol",
    "MixinServiceRegistry": "onex.mixins.service_registry",
    "MixinTimeout": "onex.mixins.timeout",
    "MixinTracing": "onex.mixins.tracing",
    "MixinTransactions": "onex.mixins.transactions",
    "MixinValidation": "onex.mixins.validation",
    "MixinWebhook": "onex.mixins.webhook",
}


class MixinCatalogue:
    """Mixins by class name and by the key of their subcontract."""

    def __init__(self, modules: dict[str, str] | None = None) -> None:
        self._modules = dict(_BUILT_IN if modules is None else modules)

    def register(self, name: str, module: str) -> None:
        """Add the class ``name`` of ``module``. Raise CompositionError when the name is in use."""
        if self._modules.setdefault(name, module) != module:
            raise CompositionError(f"{name} is registered already, from {self._modules[name]}")

    @property
    def names(self) -> list[str]:
        """Class names, sorted."""
        return sorted(self._modules)

    def module(self, name: str) -> str:
        """Return the module from which code imports a mixin. Raise CompositionError for an unknown name."""
        self.mixin(name)
        return self._modules[name]

    def mixin(self, name: str) -> type[Mixin]:
        """Import and return the class of a mixin. Raise CompositionError for an unknown name."""
        module = self._modules.get(name)
        if module is None:
            near = get_close_matches(name, self._modules, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(self.names)}"
            raise CompositionError(f"no capability {name}; {hint}")
        mixin: type[Mixin] = getattr(import_module(module), name)
        return mixin

    def metadata(self, name: str) -> CapabilityMetadata:
        """Return the metadata of a mixin."""
        return self.mixin(name).definition.metadata

    def of_key(self, key: str) -> type[Mixin] | None:
        """Return the mixin with this key (``retry``), or None."""
        name = "Mixin" + "".join(part.capitalize() for part in key.split("_"))
        return self.mixin(name) if name in self._modules else None

    def all(self) -> Sequence[type[Mixin]]:
        """Return all mixins, sorted by class name."""
        return [self.mixin(name) for name in self.names]


CATALOGUE = MixinCatalogue()
"""The capabilities that contracts may name. Other packages register theirs here before contracts are read."""
