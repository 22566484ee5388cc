"""Rules between the values of subcontracts, beyond the limits of each."""

import pytest
from pydantic import JsonValue, ValidationError

from onex.contract import resolve_node
from onex.errors import ContractError
from onex.mixins.catalogue import CATALOGUE
from tests.conftest import NODES
from tests.mixins.helpers import contract_file

Config = dict[str, JsonValue]
JWKS, SECRET = "https://login.example/keys", "a secret that is long enough for HS256"


def _patterns(*names: str) -> Config:
    return {"sensitive_field_patterns": [*names]}


REFUSED: list[tuple[str, Config, Config, str]] = [
    (
        "bulkhead",
        {"services": [{"name": "bank", "max_concurrent": 1}, {"name": "mail", "max_concurrent": 2}]},
        {"services": [{"name": "bank", "max_concurrent": 1}, {"name": "bank", "max_concurrent": 2}]},
        "services has bank twice",
    ),
    (
        "timeout",
        {"services": [{"name": "bank", "timeout_seconds": 1}]},
        {"services": [{"name": "bank", "timeout_seconds": 1}, {"name": "bank", "timeout_seconds": 2}]},
        "services has bank twice",
    ),
    (
        "circuit_breaker",
        {"services": [{"name": "bank"}]},
        {"services": [{"name": "bank"}, {"name": "bank", "failure_threshold": 2}]},
        "services has bank twice",
    ),
    (
        "circuit_breaker",
        {"window_size": 10},
        {"window_size": 10, "failure_rate_threshold": 0.5},
        "window_size (10) is below minimum_request_threshold (20)",
    ),
    (
        "circuit_breaker",
        {"window_size": 10, "minimum_request_threshold": 10, "slow_call_seconds": 1, "slow_call_rate_threshold": 0.5},
        {"slow_call_rate_threshold": 0.5},
        "slow_call_rate_threshold needs slow_call_seconds",
    ),
    (
        "message_queue",
        {"base_delay_seconds": 5, "max_delay_seconds": 5},
        {"base_delay_seconds": 6, "max_delay_seconds": 5},
        "max_delay_seconds (5) is below base_delay_seconds (6)",
    ),
    (
        "retry",
        {"base_delay_seconds": 300},
        {"base_delay_seconds": 301},
        "max_delay_seconds (300) is below base_delay_seconds (301)",
    ),
    (
        "retry",
        {"retry_on_exceptions": ["HTTPError", "asyncpg.exceptions.TooManyConnectionsError"]},
        {"retry_on_exceptions": ["Timeout.*"]},
        "'Timeout.*' is no name of a class",
    ),
    ("retry", {"retry_on_status_codes": [418, 599]}, {"retry_on_status_codes": [200]}, "200 is no status code of a"),
    (
        "files",
        {"max_file_bytes": 10, "max_change_bytes": 10},
        {"max_file_bytes": 10, "max_change_bytes": 9},
        "max_change_bytes (9) is below max_file_bytes (10)",
    ),
    (
        "service_registry",
        {"services": [{"protocol": "a.B", "factory": "a.C"}] * 2, "allow_override": True},
        {"services": [{"protocol": "a.B", "factory": "a.C"}] * 2},
        "services has a.B twice",
    ),
    ("service_protocol", {"provides": ["a.B", "a.C"]}, {"provides": ["a.B", "a.B"]}, "provides has a.B twice"),
    (
        "metrics",
        {"metrics": [{"name": "sold", "type": "counter"}]},
        {"metrics": [{"name": "sold", "type": "counter"}, {"name": "sold", "type": "gauge"}]},
        "metrics has sold twice",
    ),
    (
        "ip_whitelist",
        {"allow": ["10.0.0.0/8"], "deny": ["10.1.0.0/16"]},
        {"allow": ["10.0.0.0/8", "192.0.2.0/24"], "deny": ["192.0.2.0/24"]},
        "192.0.2.0/24 is in allow and in deny",
    ),
    (
        "authentication",
        {"secret": SECRET, "algorithms": ["HS256"]},
        {"secret": SECRET},
        "secret is a key for HS256, which algorithms does not have",
    ),
    (
        "authentication",
        {"jwks_url": JWKS},
        {"secret": SECRET, "algorithms": ["HS256", "RS256"], "jwks_url": JWKS},
        "secret and jwks_url are two kinds of keys",
    ),
    *(
        (key, _patterns("iban", "x-api-key", "größe"), _patterns(*wrong), words)
        for key in ("audit_log", "logging", "redaction", "security", "tracing")
        for wrong, words in (
            ([".*token.*"], "'.*token.*' is no name"),
            ([""], "'' is no name"),
            (["a"] * 201, "201 names; 200 are allowed"),
        )
    ),
]


@pytest.mark.parametrize(("key", "good", "bad", "words"), REFUSED, ids=[f"{key}: {w}" for key, _, _, w in REFUSED])
def test_values_that_contradict_each_other_are_refused(key: str, good: Config, bad: Config, words: str) -> None:
    mixin = CATALOGUE.of_key(key)
    assert mixin is not None
    model = mixin.definition.subcontract
    model.model_validate(good)
    with pytest.raises(ValidationError) as refused:
        model.model_validate(bad)
    assert words in str(refused.value)


def test_a_field_that_no_message_has_cannot_be_audited() -> None:
    folder = NODES / "node_secure_orchestrator" / "v1_0_0"
    text = (folder / "contract.yaml").read_text()
    changed = text.replace("[payout, account, amount]", "[payout, payee]")
    assert changed != text
    with contract_file(folder, changed) as file, pytest.raises(ContractError) as refused:
        resolve_node(file, environment={})
    assert f"{file}:22: subcontracts.audit_log.include_fields[1]: no message has a field payee" in str(refused.value)
    assert "name one of account, amount, payout, " in str(refused.value)
