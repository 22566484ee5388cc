"""The catalogue of capabilities, views and features. Each is registered by name and imported at its first use."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from onex.capability import Feature, Mixin
from onex.capability.metadata import FILE_NAME, CapabilityMetadata, load_metadata
from onex.capability.names import EnumNameForm, key_of, onex_names
from onex.errors import CompositionError

_BUILT_IN = {
    "MixinAlerting": "onex.mixins.alerting",
    "MixinAuditLog": "onex.mixins.audit_log",
    "MixinAuthentication": "onex.mixins.authentication",
    "MixinAuthorization": "onex.mixins.authorization",
    "MixinBulkhead": "onex.mixins.bulkhead",
    "MixinCaching": "onex.mixins.caching",
    "MixinCheckpointManagement": "onex.mixins.checkpoint_management",
    "MixinCircuitBreaker": "onex.mixins.circuit_breaker",
    "MixinContainerOperations": "onex.mixins.container_operations",
    "MixinContractLoader": "onex.mixins.contract_loader",
    "MixinDatabase": "onex.mixins.database",
    "MixinDockerClient": "onex.mixins.docker_client",
    "MixinDockerHealthCheck": "onex.mixins.docker_health_check",
    "MixinEffectHandlers": "onex.mixins.effect_handlers",
    "MixinEncryption": "onex.mixins.encryption",
    "MixinEventBus": "onex.mixins.event_bus",
    "MixinFiles": "onex.mixins.files",
    "MixinHMACValidation": "onex.mixins.hmac_validation",
    "MixinHealthCheck": "onex.mixins.health_check",
    "MixinHttpClient": "onex.mixins.http_client",
    "MixinImageManagement": "onex.mixins.image_management",
    "MixinIPWhitelist": "onex.mixins.ip_whitelist",
    "MixinIntelligentCaching": "onex.mixins.intelligent_caching",
    "MixinKafkaConfiguration": "onex.mixins.kafka_configuration",
    "MixinKafkaHealthCheck": "onex.mixins.kafka_health_check",
    "MixinLogAggregation": "onex.mixins.log_aggregation",
    "MixinLogging": "onex.mixins.logging",
    "MixinMemoryManagement": "onex.mixins.memory_management",
    "MixinMessageQueue": "onex.mixins.message_queue",
    "MixinMetrics": "onex.mixins.metrics",
    "MixinNodeService": "onex.mixins.node_service",
    "MixinNotification": "onex.mixins.notification",
    "MixinProfiling": "onex.mixins.profiling",
    "MixinRateLimiting": "onex.mixins.rate_limiting",
    "MixinRetry": "onex.mixins.retry",
    "MixinSecureStorage": "onex.mixins.secure_storage",
    "MixinSecurity": "onex.mixins.security",
    "MixinSecurityHeaders": "onex.mixins.security_headers",
    "MixinSerialization": "onex.mixins.serialization",
    "MixinServiceProtocol": "onex.mixins.service_protocol",
    "MixinServiceRegistry": "onex.mixins.service_registry",
    "MixinTimeout": "onex.mixins.timeout",
    "MixinTracing": "onex.mixins.tracing",
    "MixinTransactions": "onex.mixins.transactions",
    "MixinValidation": "onex.mixins.validation",
    "MixinWebhook": "onex.mixins.webhook",
}

"""Capabilities: folders with an engine."""
_VIEWS = {
    "MixinCanonicalSerialization": "onex.mixins.canonical_serialization",
    "MixinConnectionPooling": "onex.mixins.connection_pooling",
    "MixinDataPersistence": "onex.mixins.data_persistence",
    "MixinDatabaseConnection": "onex.mixins.database_connection",
    "MixinDatabaseHealthCheck": "onex.mixins.database_health_check",
    "MixinDistributedTracing": "onex.mixins.distributed_tracing",
    "MixinFailFast": "onex.mixins.fail_fast",
    "MixinHashComputation": "onex.mixins.hash_computation",
    "MixinLogData": "onex.mixins.log_data",
    "MixinMemoryMetrics": "onex.mixins.memory_metrics",
    "MixinPerformanceMonitoring": "onex.mixins.performance_monitoring",
    "MixinRedaction": "onex.mixins.redaction",
    "MixinToolExecution": "onex.mixins.tool_execution",
    "MixinTransactionManagement": "onex.mixins.transaction_management",
    "MixinYAMLSerialization": "onex.mixins.yaml_serialization",
}
"""Views: folders with metadata.yaml, a model and a mixin."""
_FEATURES: dict[str, str] = {
    "MixinIntrospectionPublisher": "onex.mixins.introspection_publisher",
    "MixinStateTransition": "onex.mixins.state_transition",
    "MixinWorkflowMetrics": "onex.mixins.workflow_metrics",
    "MixinWorkflowPersistence": "onex.mixins.workflow_persistence",
}
"""Features with a configuration: folders with metadata.yaml, a model and ``FEATURE``. names.yaml has the others."""


class MixinCatalogue:
    """Mixins and features by class name and by the key of their subcontract."""

    def __init__(self, modules: dict[str, str] | None = None) -> None:
        is_whole = modules is None
        self._modules = dict(_BUILT_IN if modules is None else modules)
        self._views = dict(_VIEWS if is_whole else {})
        self._features = dict(_FEATURES if is_whole else {})
        self._metadata: dict[str, CapabilityMetadata] = {}

    def register(self, name: str, module: str) -> None:
        """Add the class ``name`` of ``module``. Raise CompositionError when the name is in use."""
        if self._modules.setdefault(name, module) != module:
            raise CompositionError(f"{name} is registered already, from {self._modules[name]}")

    @property
    def names(self) -> list[str]:
        """Class names of the capabilities, sorted. Views are not among them."""
        return sorted(self._modules)

    @property
    def class_names(self) -> list[str]:
        """Class names of the capabilities and views, sorted."""
        return sorted([*self._modules, *self._views])

    @property
    def keys(self) -> list[str]:
        """Keys of the capabilities, sorted by class name. Nothing is imported: an extra may be missing."""
        return [key_of(name) for name in self.names]

    def module(self, name: str) -> str:
        """Return the module from which code imports a mixin. Raise CompositionError for an unknown name."""
        if (module := self._modules.get(name) or self._views.get(name)) is None:
            raise CompositionError(self._unknown(name))
        return module

    def mixin(self, name: str) -> type[Mixin]:
        """Import and return the class of a mixin. Raise CompositionError for an unknown name."""
        mixin: type[Mixin] = getattr(import_module(self.module(name)), name)
        return mixin

    def metadata(self, name: str) -> CapabilityMetadata:
        """Return the metadata of a mixin. Raise CompositionError for an unknown name.

        Those of this library are read from their files: an extra that an engine needs may be missing.
        """
        if name not in self._metadata:
            self._metadata[name] = self._read_metadata(name)
        return self._metadata[name]

    def of_key(self, key: str) -> type[Mixin] | None:
        """Return the mixin with this key (``retry``), or None."""
        name = next((each for each in self.class_names if key_of(each) == key), None)
        return self.mixin(name) if name is not None else None

    def feature(self, name: str) -> Feature | None:
        """Return the feature with this name, or None."""
        if (module := self._features.get(name)) is not None:
            feature: Feature = import_module(module).FEATURE
            return feature
        row = onex_names().get(name)
        if row is None or row.form is not EnumNameForm.FEATURE:
            return None
        return Feature(row.name, row.key, row.sentence, row.kinds)

    def feature_of_key(self, key: str) -> Feature | None:
        """Return the feature with this key, or None."""
        return next((found for name in onex_names() if key_of(name) == key and (found := self.feature(name))), None)

    def mixin_names(self, asked: Iterable[str]) -> list[str]:
        """Return class names for names and keys that a contract has, each once, without those of features.

        Names that are unknown stay as they are.
        """
        by_key = {key_of(name): name for name in self.class_names}
        names = (by_key.get(each, each) for each in asked if not (self.feature(each) or self.feature_of_key(each)))
        return list(dict.fromkeys(names))

    def all(self) -> Sequence[type[Mixin]]:
        """Import and return all capabilities, sorted by class name. Views are not among them.

        Raise ModuleNotFoundError when an extra is missing that one of them needs.
        """
        return [self.mixin(name) for name in self.names]

    def views(self) -> Sequence[type[Mixin]]:
        """Return all views, sorted by class name."""
        return [self.mixin(name) for name in sorted(self._views)]

    def features(self) -> Sequence[Feature]:
        """Return the features with a configuration, sorted by name."""
        return [import_module(self._features[name]).FEATURE for name in sorted(self._features)]

    def _read_metadata(self, name: str) -> CapabilityMetadata:
        spec = find_spec(self.module(name))
        folder = Path(spec.origin).parent if spec is not None and spec.origin else None
        if folder is not None and (folder / FILE_NAME).is_file():
            return load_metadata(folder)
        return self.mixin(name).definition.metadata

    def _unknown(self, name: str) -> str:
        if (row := onex_names().get(name)) is not None:
            match row.form:
                case EnumNameForm.LATER:
                    return f"{name} is not part of this version: {row.sentence} {row.use}".rstrip()
                case EnumNameForm.FEATURE:
                    return f"{name} is a feature of the agent and no class: name it in the contract"
                case _:
                    return f"{name} is no mixin here; it is {row.maps_to}"
        names = [*self.class_names, *onex_names()]
        near = get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(self.class_names)}"
        return f"no capability {name}; {hint}"


CATALOGUE = MixinCatalogue()
"""The capabilities that contracts may name. Other packages register theirs here before contracts are read."""
