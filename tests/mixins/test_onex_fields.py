"""The subcontracts of ONEX: every field exists, with its default and its limits.

One limit is wider: a circuit may stay open for less than a second. One default is smaller, the length of texts of
messages, so that expressions read less.
"""

import pytest
from pydantic import ValidationError

from onex.mixins.catalogue import CATALOGUE

Value = bool | int | float | str | list[str] | list[int]
FIELDS: dict[str, dict[str, tuple[Value, float | None, float | None]]] = {
    "retry": {
        "max_retries": (3, 0, 100),
        "base_delay_seconds": (1.0, 0.1, 3600),
        "backoff_strategy": ("exponential", None, None),
        "backoff_multiplier": (2.0, 1, 10),
        "max_delay_seconds": (300.0, 1, 3600),
        "jitter_enabled": (True, None, None),
        "jitter_max_seconds": (1.0, 0, 60),
        "retry_on_exceptions": (["ConnectionError", "TimeoutError", "HTTPError"], None, None),
        "retry_on_status_codes": ([429, 500, 502, 503, 504], None, None),
        "stop_on_success": (True, None, None),
        "circuit_breaker_enabled": (False, None, None),
        "circuit_breaker_threshold": (5, 1, 100),
        "circuit_reset_timeout_seconds": (60.0, 1, 3600),
    },
    "health_check": {
        "health_check_interval_ms": (30000, 1000, 300000),
        "health_check_timeout_ms": (5000, 100, 30000),
        "failure_threshold": (3, 1, 10),
        "recovery_threshold": (2, 1, 10),
        "include_dependency_checks": (True, None, None),
        "include_component_checks": (True, None, None),
        "enable_async_checks": (True, None, None),
        "aggregate_check_results": (True, None, None),
        "emit_health_events": (True, None, None),
        "health_status_ttl_seconds": (30, 5, 3600),
    },
    "event_bus": {
        "event_bus_enabled": (True, None, None),
        "event_bus_type": ("hybrid", None, None),
        "enable_event_logging": (True, None, None),
        "correlation_tracking": (True, None, None),
        "event_retention_seconds": (3600, 0, 86400),
        "max_retry_attempts": (3, 0, 10),
        "retry_delay_ms": (1000, 0, 10000),
        "enable_event_validation": (True, None, None),
        "graceful_degradation": (True, None, None),
        "routing_key_strategy": ("type_based", None, None),
        "enable_dead_letter_queue": (True, None, None),
        "event_batch_size": (1, 1, 1000),
        "event_buffer_size": (100, 10, 10000),
        "publish_timeout_ms": (5000, 100, 30000),
    },
    "circuit_breaker": {
        "enabled": (True, None, None),
        "failure_threshold": (5, 1, 100),
        "success_threshold": (2, 1, 20),
        "timeout_seconds": (60, 1, 300),
    },
    "logging": {
        "log_level": ("INFO", None, None),
        "enable_context_logging": (True, None, None),
        "enable_correlation_tracking": (True, None, None),
        "log_format": ("json", None, None),
        "enable_log_redaction": (True, None, None),
        "sensitive_field_patterns": (["password", "secret", "token", "key"], None, None),
        "log_buffer_size": (100, 10, 10000),
        "enable_async_logging": (True, None, None),
    },
    "metrics": {
        "metrics_backend": ("prometheus", None, None),
        "enable_histograms": (True, None, None),
        "enable_counters": (True, None, None),
        "enable_gauges": (True, None, None),
        "enable_timers": (True, None, None),
        "metrics_prefix": ("onex", None, None),
        "metrics_port": (9090, 1024, 65535),
        "enable_detailed_metrics": (False, None, None),
        "aggregation_interval_ms": (60000, 1000, 300000),
    },
    "security": {
        "enable_redaction": (True, None, None),
        "sensitive_field_patterns": (["password", "secret", "token", "key"], None, None),
        "enable_input_sanitization": (True, None, None),
        "enable_output_sanitization": (True, None, None),
        "enable_sql_injection_protection": (True, None, None),
        "enable_xss_protection": (True, None, None),
        "enable_csrf_protection": (True, None, None),
        "max_input_length": (10000, 1024, None),
    },
    "validation": {
        "enable_fail_fast": (True, None, None),
        "strict_type_checking": (True, None, None),
        "enable_schema_validation": (True, None, None),
        "enable_constraint_validation": (True, None, None),
        "max_validation_errors": (10, 1, 100),
        "enable_validation_caching": (True, None, None),
        "validation_cache_ttl_seconds": (300, 10, 3600),
    },
    "serialization": {
        "serialization_format": ("yaml", None, None),
        "enable_canonical_mode": (True, None, None),
        "enable_deterministic_output": (True, None, None),
        "sort_keys": (True, None, None),
        "indent_size": (2, 1, 8),
        "line_width": (120, 80, 200),
        "enable_unicode": (True, None, None),
        "enable_compression": (False, None, None),
    },
    "contract_loader": {
        "enable_contract_validation": (True, None, None),
        "enable_contract_caching": (True, None, None),
        "contract_cache_ttl_seconds": (3600, 60, 86400),
        "strict_schema_validation": (True, None, None),
        "enable_subcontract_composition": (True, None, None),
    },
    "transactions": {
        "transaction_enabled": (True, None, None),
        "rollback_support": (True, None, None),
        "enable_savepoints": (True, None, None),
        "transaction_timeout_ms": (30000, 1000, 300000),
        "auto_commit": (False, None, None),
        "isolation_level": ("READ_COMMITTED", None, None),
        "enable_transaction_logging": (True, None, None),
    },
    "effect_handlers": {
        "enable_handler_registry": (True, None, None),
        "enable_handler_validation": (True, None, None),
        "enable_handler_caching": (True, None, None),
        "handler_cache_ttl_seconds": (300, 10, 3600),
        "enable_handler_lifecycle": (True, None, None),
        "max_concurrent_handlers": (100, 1, 1000),
        "handler_timeout_ms": (30000, 1000, 300000),
    },
}
"""By key of the capability and name of the field: default, least and greatest value."""
WIDER = ("circuit_breaker", "timeout_seconds")
"""Accepts less than the least value of ONEX."""


@pytest.mark.parametrize("key", FIELDS)
def test_every_field_has_its_default_and_its_limits(key: str) -> None:
    mixin = CATALOGUE.of_key(key)
    assert mixin is not None
    model = mixin.definition.subcontract
    made = model().model_dump(mode="json")
    for name, (default, least, greatest) in FIELDS[key].items():
        assert made[name] == default, name
        for limit, beyond in ((least, -1), (greatest, 1)):
            if limit is None:
                continue
            number = type(default)(limit) if isinstance(default, int | float) else limit
            assert model.model_validate(_with(key, name, number)).model_dump()[name] == limit
            if (key, name) != WIDER or beyond > 0:
                with pytest.raises(ValidationError):
                    model.model_validate(_with(key, name, number + beyond))


def _with(key: str, name: str, value: float) -> dict[str, float]:
    """Return the field, and others that depend on it: the longest delay is not below the first one."""
    if key == "retry" and name == "base_delay_seconds":
        return {name: value, "max_delay_seconds": max(1.0, min(3600.0, value))}
    if key == "retry" and name == "max_delay_seconds":
        return {name: value, "base_delay_seconds": 0.1}
    return {name: value}


def test_all_twelve_are_there() -> None:
    assert len(FIELDS) == 12
    assert sum(map(len, FIELDS.values())) == 100
