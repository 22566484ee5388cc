"""``advanced_features``: another form of subcontracts and ``error_handling``."""

import pytest

from onex.contract import parse_contract, resolve_node
from onex.errors import ContractError
from onex.mixins.database import EnumIsolation
from onex.mixins.logging import EnumLogFormat, ModelLoggingSubcontract
from onex.mixins.metrics import ModelMetricsSubcontract
from onex.mixins.security import ModelSecuritySubcontract
from onex.mixins.tracing import ModelTracingSubcontract
from onex.mixins.transactions import ModelTransactionSubcontract
from onex.model.contract import ModelRetryPolicy
from tests.conftest import NODES
from tests.mixins.helpers import contract_file

VAULT = NODES / "node_vault_effect" / "v1_0_0"
TEXT = (VAULT / "contract.yaml").read_text()
PLAIN = TEXT[: TEXT.index("advanced_features:")]
_FEATURES = """advanced_features:
  dead_letter_queue: {enabled: true, max_retries: 3, retry_delay_ms: 5000, alert_threshold: 7}
  transactions:
    enabled: true
    isolation_level: SERIALIZABLE
    timeout_seconds: 20
    rollback_on_error: true
    savepoints: false
  security_validation:
    enabled: true
    sanitize_inputs: false
    sanitize_logs: false
    validate_sql: false
    max_input_length: 20000
    forbidden_patterns: ["(?i)(DROP|DELETE|TRUNCATE)\\\\s+TABLE"]
    redact_fields: [pin]
  observability:
    tracing: {enabled: true, exporter: otlp, endpoint: "${ONEX_NO_COLLECTOR:-http://collector}", sample_rate: 0.5}
    metrics: {enabled: true, export_interval_seconds: 15}
    logging: {structured: true, json_format: false, correlation_tracking: false}
"""


def test_all_advanced_features_make_one_plan() -> None:
    with contract_file(VAULT, PLAIN + _FEATURES) as file:
        resolved = resolve_node(file)
    contract, said = resolved.contract, resolved.subcontracts
    composed = {metadata.name for metadata in resolved.node_class.capabilities.start}
    assert composed > {"MixinDatabase", "MixinTransactions", "MixinSecurity"}
    assert composed > {"MixinTracing", "MixinMetrics", "MixinLogging"}
    policy = contract.retry_policy
    assert (policy.max_attempts, policy.base_delay, policy.backoff) == (4, 5.0, "fixed")
    assert (contract.alert_threshold, contract.otlp_endpoint) == (7, "http://collector")
    assert said[ModelTransactionSubcontract] == ModelTransactionSubcontract(
        isolation_level=EnumIsolation.SERIALIZABLE,
        transaction_timeout_ms=20_000,
        enable_savepoints=False,
        auto_commit=True,
    )
    assert said[ModelSecuritySubcontract] == ModelSecuritySubcontract(
        enable_input_sanitization=False,
        enable_redaction=False,
        enable_sql_injection_protection=False,
        max_input_length=20_000,
        forbidden_patterns=(r"(?i)(DROP|DELETE|TRUNCATE)\s+TABLE",),
        sensitive_field_patterns=("pin",),
    )
    assert said[ModelTracingSubcontract] == ModelTracingSubcontract(sample_share=0.5)
    assert said[ModelMetricsSubcontract] == ModelMetricsSubcontract(aggregation_interval_ms=15_000)
    assert said[ModelLoggingSubcontract] == ModelLoggingSubcontract(
        log_format=EnumLogFormat.STRUCTURED, enable_correlation_tracking=False
    )


@pytest.mark.parametrize(
    ("feature", "composed"),
    [
        ("security_validation: {enabled: false}", set()),
        ("observability: {}", set()),
        ("observability: {tracing: {enabled: false}, metrics: {enabled: false}}", set()),
        ("observability: {logging: {json_format: false, structured: false}}", {"MixinLogging"}),
        ("dead_letter_queue: {alert_threshold: 7}", set()),
    ],
)
def test_features_that_are_switched_off(feature: str, composed: set[str]) -> None:
    contract = parse_contract(PLAIN + f"advanced_features: {{{feature}}}\n")
    assert set(contract.asked_capabilities) - {"MixinTimeout", "bulkhead"} == composed
    assert contract.retry_policy == ModelRetryPolicy()


def test_features_of_effects_are_refused_elsewhere_and_duplicates_are_errors() -> None:
    bare = TEXT[: TEXT.index("mixins:")]
    pure = (
        bare.replace("EFFECT", "COMPUTE").replace("_effect", "_compute").replace("delivery: {concurrency: 4}\n", "")
    )
    with pytest.raises(ContractError, match="advanced_features.dead_letter_queue belongs to an EFFECT"):
        parse_contract(pure + "advanced_features: {dead_letter_queue: {max_retries: 1}}\n")
    twice = "error_handling: {dead_letter: {alert_threshold: 5}}\nadvanced_features: {dead_letter_queue: {}}\n"
    with pytest.raises(ContractError, match="dead_letter_queue repeats error_handling.dead_letter; keep one"):
        parse_contract(bare + twice)


@pytest.mark.parametrize(
    ("feature", "words"),
    [
        (
            "retry_policy: {max_attempts: 2}, dead_letter_queue: {max_retries: 2}",
            "advanced_features.retry_policy repeats advanced_features.dead_letter_queue; keep one",
        ),
        (
            "dead_letter_queue: {topic_suffix: .dlq}",
            "dead_letter_queue.topic_suffix: is set elsewhere; remove it: dead letters go to",
        ),
        ("dead_letter_queue: {enabled: false}", "dead_letter_queue.enabled: Input should be True"),
        ("dead_letter_queue: {monitoring: {enabled: true}}", "monitoring: is set elsewhere"),
        ("observability: {metrics: {prometheus_port: 9090}}", "the agent serves metrics where ONEX_HEALTH_PORT says"),
        ("observability: {tracing: {exporter: jaeger}}", "observability.tracing.exporter: Input should be 'otlp'"),
    ],
)
def test_a_service_that_is_not_usable_is_refused(feature: str, words: str) -> None:
    with pytest.raises(ContractError) as refused:
        parse_contract(PLAIN + f"advanced_features: {{{feature}}}\n")
    assert words in str(refused.value)


def test_errors_of_the_capability_are_reported_at_the_feature() -> None:
    feature = "advanced_features: {security_validation: {forbidden_patterns: ['(']}}\n"
    refused = pytest.raises(ContractError, match="security_validation.forbidden_patterns: '\\(' is not a valid")
    with contract_file(VAULT, PLAIN + feature) as file, refused:
        resolve_node(file)
