"""ContractIntrospector: capabilities of a contract from all of their names, with every problem and its line."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from pydantic import ValidationError

from onex.codegen.introspect import ContractIntrospector, ModelEnhancedContract
from onex.contract import load_contract
from onex.errors import ContractError
from onex.mixins.circuit_breaker import ModelCircuitBreakerSubcontract
from onex.mixins.database import ModelDatabaseSubcontract
from onex.mixins.retry import ModelRetrySubcontract
from tests.conftest import CONTRACTS

EFFECT = (CONTRACTS / "llm_effect.yaml").read_text()
COMPUTE = (CONTRACTS / "circuit_judge_compute.yaml").read_text()
WITHOUT_POLICY = EFFECT.partition("error_handling:")[0] + EFFECT[EFFECT.index("definitions:") :]
LINE = EFFECT.count("\n") + 1
"""Number of the first line that a test adds."""


def introspect(more: str, text: str = EFFECT) -> ModelEnhancedContract:
    return ContractIntrospector().introspect(text + more, "contract.yaml")


def problems(more: str, text: str = EFFECT) -> list[str]:
    with pytest.raises(ContractError) as refused:
        introspect(more, text)
    return [str(problem) for problem in refused.value.problems]


def rules(more: str, text: str = EFFECT) -> list[str]:
    return [finding.rule for finding in introspect(more, text).warnings]


def test_capabilities_come_from_all_three_keys() -> None:
    enhanced = introspect(
        "mixins:\n"
        "  - {name: MixinCaching, config: {max_entries: 7}}\n"
        "  - {name: MixinProfiling, enabled: false}\n"
        "subcontracts: {retry: {max_retries: 4}}\n"
        "advanced_features:\n"
        "  circuit_breaker: {failure_threshold: 3, services: [{name: bank, failure_threshold: 2}]}\n"
        "  transactions: {timeout_seconds: 5}\n"
    )
    assert [mixin.name for mixin in enhanced.mixins] == [
        "MixinTransactions",  # before MixinDatabase, which it requires
        "MixinCaching",
        "MixinCircuitBreaker",
        "MixinDatabase",
        "MixinRetry",
    ]
    modules = {mixin.name: (mixin.module, mixin.metadata.accessor, mixin.declared_at) for mixin in enhanced.mixins}
    assert modules["MixinRetry"] == ("onex.mixins.retry", "retry", ("subcontracts.retry",))
    assert modules["MixinDatabase"][2] == ("advanced_features.transactions",)
    retry, circuits, database = (
        enhanced.mixin(name) for name in ("MixinRetry", "MixinCircuitBreaker", "MixinDatabase")
    )
    assert retry
    assert circuits
    assert database
    assert retry.config == ModelRetrySubcontract(max_retries=4)
    assert database.config == ModelDatabaseSubcontract(), "without configuration it has its defaults"
    assert isinstance(circuits.config, ModelCircuitBreakerSubcontract)
    assert circuits.config.services[0].failure_threshold == 2
    assert enhanced.advanced_features == enhanced.contract.advanced_features
    assert enhanced.mixin("MixinProfiling") is None
    with pytest.raises(ValidationError, match="frozen"):
        enhanced.warnings = ()  # type: ignore[misc]


def test_all_problems_come_together_with_line_and_remedy() -> None:
    found = problems(
        "mixins:\n"
        "  - {name: MixinRetri}\n"
        "  - {name: MixinTransactions}\n"
        "  - {name: MixinCaching, config: {max_entrys: 7}}\n"
        "subcontracts: {cache: {}}\n"
    )
    assert len(found) == 4
    assert found[0].startswith(
        f"contract.yaml:{LINE + 1}: mixins[0].name: no capability MixinRetri; did you mean MixinRetry"
    )
    assert "mixins[2].config.max_entrys: unknown key; did you mean `max_entries`?" in found[1]
    assert f"contract.yaml:{LINE + 4}: subcontracts.cache: no capability has this subcontract; there are" in found[2]
    assert found[3] == (
        f"contract.yaml:{LINE + 2}: mixins[1]: MixinTransactions requires MixinDatabase, which is missing; "
        "add MixinDatabase to `mixins`"
    )


def test_a_capability_for_another_kind_is_refused() -> None:
    line = COMPUTE.count("\n") + 2
    assert problems("mixins:\n  - {name: MixinFiles}\n", COMPUTE) == [
        f"contract.yaml:{line}: mixins[0]: MixinFiles cannot join a node of kind COMPUTE; remove it: it is for EFFECT"
    ]


def test_two_retry_policies_are_refused() -> None:
    (found,) = problems("advanced_features: {retry_policy: {max_attempts: 2}}\n")
    assert "advanced_features.retry_policy repeats error_handling.retry_policy; keep one" in found


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            "mixins: [{name: MixinCaching, config: {max_entries: 5}}]\nsubcontracts: {caching: {max_entries: 6}}\n",
            "already configured",
        ),
        (
            "mixins: [{name: MixinHealthCheck, config: {components: [{name: a}, {name: a}]}}]\n",
            "components has a twice",
        ),
        (
            "advanced_features: {circuit_breaker: {services: [{name: '!!'}]}}\n",
            "the accessor of the service '!!': '_circuit' begins with an underscore",
        ),
        (
            "advanced_features: {circuit_breaker: {services: [{name: a b}, {name: a-b}]}}\n",
            "the service 'a-b' adds 'a_b_circuit' to the class, which the service 'a b' has",
        ),
    ],
)
def test_what_cannot_be_composed_is_refused(more: str, words: str) -> None:
    found = problems(more)
    assert any(words in problem for problem in found), found
    assert all(f"contract.yaml:{LINE}" in problem or f"contract.yaml:{LINE + 1}" in problem for problem in found)


def test_a_handler_may_not_hide_an_accessor() -> None:
    text = EFFECT.replace("handler: generate", "handler: cache")
    (found,) = problems("mixins:\n  - {name: MixinCaching}\n", text)
    assert "MixinCaching adds 'cache' to the class, which the method cache has; rename one of the two" in found
    text = EFFECT.replace("handler: generate", "handler: check_bank")
    (found,) = problems("mixins: [{name: MixinHealthCheck, config: {components: [{name: bank}]}}]\n", text)
    assert "the component bank adds 'check_bank' to the class, which the method check_bank has" in found


def test_a_view_and_its_capability_have_one_accessor() -> None:
    introspect("mixins: [{name: MixinTracing}, {name: MixinDistributedTracing}, {name: MixinCaching}]\n")
    text = EFFECT.replace("handler: generate", "handler: tracing")
    (found,) = problems("mixins: [{name: MixinDistributedTracing}, {name: MixinTracing}]\n", text)
    assert "MixinDistributedTracing adds 'tracing' to the class, which the method tracing has" in found


def test_overlaps_are_warnings_with_the_name_of_the_built_in() -> None:
    (finding,) = introspect("mixins:\n  - {name: MixinRetry}\n", WITHOUT_POLICY).warnings
    assert (finding.severity, finding.rule) == ("warning", "overlap.built-in")
    assert "`error_handling.retry_policy`" in finding.message
    assert finding.line == WITHOUT_POLICY.count("\n") + 2
    (finding,) = introspect("mixins: [{name: MixinRetry}]\n").warnings
    assert (finding.rule, finding.line) == ("overlap.retries", LINE)
    assert "error_handling.retry_policy" in finding.message
    assert rules("subcontracts: {timeout: {}, bulkhead: {}}\n") == ["overlap.built-in"] * 2
    assert rules("mixins: [{name: MixinSecurity}]\nadvanced_features: {security_validation: {}}\n") == [
        "overlap.declared-twice"
    ]
    for quiet in (
        "mixins: [{name: MixinCaching}]\n",
        "mixins: [{name: MixinDatabase}]\nadvanced_features: {transactions: {}}\n",
        "advanced_features: {observability: {metrics: {}}}\n",
    ):
        assert rules(quiet) == []


def test_retries_of_messages_and_of_calls_multiply() -> None:
    for policy, name in (
        ("retry_policy: {max_attempts: 2}", "advanced_features.retry_policy"),
        ("dead_letter_queue: {max_retries: 2}", "advanced_features.dead_letter_queue"),
    ):
        more = f"mixins: [{{name: MixinRetry}}]\nadvanced_features: {{{policy}}}\n"
        (finding,) = introspect(more, WITHOUT_POLICY).warnings
        assert name in finding.message


def test_variables_of_another_environment_stay_as_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEX_HERE", "postgresql://here")
    enhanced = introspect(
        "mixins:\n"
        "  - {name: MixinDatabase, config: {url: '${ONEX_HERE}', pool_max: '${ONEX_NO_SUCH}'}}\n"
        "  - {name: MixinCaching, config: {max_entries: '${ONEX_SIZE:-9}'}}\n"
    )
    database, caching = enhanced.mixin("MixinDatabase"), enhanced.mixin("MixinCaching")
    assert database
    assert caching
    assert database.declaration.config == {"url": "${ONEX_HERE}", "pool_max": "${ONEX_NO_SUCH}"}
    assert database.config is None, "only the node knows the size of its pool"
    assert caching.config is not None
    assert caching.config.model_dump()["max_entries"] == 9
    assert enhanced.variables == ("ONEX_HERE", "ONEX_NO_SUCH")


def test_a_feature_whose_number_only_the_node_knows_is_no_problem() -> None:
    features = (
        "advanced_features:\n"
        "  circuit_breaker: {failure_threshold: '${ONEX_FAILURES}', half_open_max_calls: 2}\n"
        "  dead_letter_queue: {alert_threshold: '${ONEX_LETTERS}'}\n"
    )
    enhanced = introspect(features)
    assert enhanced.variables == ("ONEX_FAILURES", "ONEX_LETTERS")
    assert enhanced.contract.alert_threshold == 100
    circuits = enhanced.mixin("MixinCircuitBreaker")
    assert circuits
    assert circuits.config == ModelCircuitBreakerSubcontract(half_open_max_calls=2)
    (found,) = problems(features.replace("half_open_max_calls: 2", "half_open_max_calls: 2x"))
    assert "half_open_max_calls: Input should be a valid integer" in found
    with pytest.raises(ContractError, match="environment variable ONEX_FAILURES is not set"):
        _read(features, {})
    with pytest.raises(ContractError, match="the value from the environment does not fit"):
        _read(features, {"ONEX_FAILURES": "many", "ONEX_LETTERS": "7"})


def _read(more: str, environment: dict[str, str]) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "contract.yaml"
        file.write_text(EFFECT + more)
        load_contract(file, environment)
