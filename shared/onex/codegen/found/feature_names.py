"""Names of capabilities in other implementations, and what they are called here."""

from collections.abc import Mapping
from typing import Final

MIXINS: Final[Mapping[str, str]] = {
    "MixinLogData": "MixinLogging",
    "MixinStructuredLogging": "MixinLogging",
    "MixinLogger": "MixinLogging",
    "MixinHealth": "MixinHealthCheck",
    "MixinHealthMonitor": "MixinHealthCheck",
    "MixinMetricsCollection": "MixinMetrics",
    "MixinPerformanceMetrics": "MixinMetrics",
    "MixinSensitiveFieldRedaction": "MixinSecurity",
    "MixinRedaction": "MixinSecurity",
    "MixinSecurityValidation": "MixinSecurity",
    "MixinCanonicalYAMLSerializer": "MixinSerialization",
    "MixinYAMLSerialization": "MixinSerialization",
    "SerializableMixin": "MixinSerialization",
    "MixinRequestResponseIntrospection": "MixinTracing",
    "MixinTracingSupport": "MixinTracing",
    "MixinRetryPolicy": "MixinRetry",
    "MixinCache": "MixinCaching",
    "MixinTransaction": "MixinTransactions",
    "MixinTimeoutManagement": "MixinTimeout",
    "MixinRateLimit": "MixinRateLimiting",
}
"""Class name here by class name there."""

_MESSAGES = "every node here takes and returns messages; event_bus lists its topics"
_ANNOUNCED = "every agent announces its node, and answers requests for it"
_RUN = "the agent starts, runs and stops every node"
_CONTRACT = "the agent reads the contract of every node"
BUILT_IN: Final[Mapping[str, str]] = {
    "MixinEventDrivenNode": _MESSAGES,
    "MixinEventHandler": _MESSAGES,
    "MixinEventListener": _MESSAGES,
    "MixinDeadLetterQueue": "every node has a dead-letter topic; see error_handling.dead_letter",
    "MixinIntrospectionPublisher": _ANNOUNCED,
    "MixinNodeIntrospection": _ANNOUNCED,
    "MixinDiscoveryResponder": _ANNOUNCED,
    "MixinDebugDiscoveryLogging": _ANNOUNCED,
    "MixinIntrospectFromContract": _CONTRACT,
    "MixinNodeIdFromContract": _CONTRACT,
    "MixinContractMetadata": _CONTRACT,
    "MixinNodeExecutor": _RUN,
    "MixinNodeLifecycle": _RUN,
    "MixinNodeSetup": _RUN,
    "MixinHybridExecution": "the kind decides: the handlers of an EFFECT are async, those of other kinds are not",
    "MixinContractStateReducer": "a REDUCER declares its states under state_machine",
    "MixinStateTransition": "state_machine of the contract has the states and transitions of a node",
    "MixinDagSupport": "an ORCHESTRATOR declares its steps under workflow_coordination",
    "MixinCompletionData": "a handler returns its results as messages",
    "MixinFailFast": "a contract and its node are checked before the agent starts",
    "MixinCLIHandler": "`onex send` and `onex run` are the command line of every node",
}
"""What does the work of a mixin in every node."""

SUBCONTRACTS: Final[Mapping[str, str]] = {
    "effect": "the agent runs every EFFECT; io_operations say what it does outside",
    "compute": "the agent runs every COMPUTE",
    "reducer": "the agent runs every REDUCER",
    "orchestrator": "the agent runs every ORCHESTRATOR",
    "event_type": "event_bus and handler_routing say which events the node takes",
    "lifecycle": _RUN,
    "introspection": _ANNOUNCED,
    "discovery": _ANNOUNCED,
    "configuration": "config is validated by the Config class of the node",
    "routing": "handler_routing says it",
}
"""What does the work of a subcontract that is no capability here."""

SETTINGS: Final[Mapping[str, dict[str, str]]] = {
    "MixinHealthCheck": {
        "check_interval_ms": "health_check_interval_ms",
        "check_interval_seconds": "health_check_interval_ms",
        "interval_seconds": "health_check_interval_ms",
        "timeout_seconds": "health_check_timeout_ms",
        "timeout_ms": "health_check_timeout_ms",
    },
    "MixinMetrics": {
        "collect_latency": "enable_timers",
        "collect_throughput": "enable_counters",
        "export_interval_seconds": "aggregation_interval_ms",
    },
    "MixinLogging": {
        "level": "log_level",
        "format": "log_format",
        "include_correlation_id": "enable_correlation_tracking",
        "correlation_tracking": "enable_correlation_tracking",
        "redact_sensitive_fields": "enable_log_redaction",
        "redact_fields": "sensitive_field_patterns",
    },
    "MixinSecurity": {"redact_fields": "sensitive_field_patterns"},
    "MixinCircuitBreaker": {
        "recovery_timeout_ms": "timeout_seconds",
        "reset_timeout_ms": "timeout_seconds",
        "half_open_max_requests": "half_open_max_calls",
    },
    "MixinRetry": {
        "max_attempts": "max_retries",
        "initial_delay_ms": "base_delay_seconds",
        "max_delay_ms": "max_delay_seconds",
        "multiplier": "backoff_multiplier",
    },
}
"""Name of a setting here by its name there, of each capability. Durations are converted to the unit of the name."""
