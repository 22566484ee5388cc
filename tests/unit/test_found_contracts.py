"""Contracts of other implementations: what is taken, translated or left out, and what refuses a file."""

import json
import os
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from pydantic import JsonValue

from onex.codegen import package_files
from onex.codegen.found import EnumFound, FoundContract, convert, emit, import_contract
from onex.contract import load_contract, parse_contract
from onex.model.contract import ModelContract
from onex.model.enums import EnumNodeKind

DATA = Path(__file__).parents[1] / "data" / "found"
FILES = sorted(DATA.glob("*.yaml"))
REFUSED = {
    "foreign_topic": ("event_bus.publish_topics[0]", 7),
    "graph_without_handlers": ("execution_graph", 7),
    "machine_with_operators": ("fsm.transitions[0].condition", 9),
    "publisher_only": ("event_bus", 4),
    "retried_compute": ("error_handling.retry_policy", 8),
    "unknown_kind": ("node_type", 2),
    "unknown_mixin": ("mixins[0]", 6),
}
HEAD = "name: node_desk_effect\nnode_type: effect\ncontract_version: {major: 1, minor: 0, patch: 0}\n"
BUS = "event_bus: {subscribe_topics: [onex.cmd.desk.ask.v1], publish_topics: [onex.evt.desk.given.v1]}\n"


def loaded(name: str) -> tuple[ModelContract, FoundContract]:
    result = import_contract(DATA / f"{name}.yaml")
    assert result.contract is not None, (result.problems, result.notes)
    return result.contract, result


def imported(tmp_path: Path, text: str) -> FoundContract:
    file = tmp_path / "contract.yaml"
    file.write_text(text)
    return import_contract(file)


def said(result: FoundContract, field: str) -> list[tuple[EnumFound, str]]:
    return [(note.action, note.reason) for note in result.notes if note.field == field]


def refusals(result: FoundContract) -> dict[str, str]:
    found = {note.field: note.reason for note in result.notes if note.action is EnumFound.REFUSED}
    return found | {problem.field: problem.message for problem in result.problems}


# Every file


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_contract_loads_or_names_the_line_that_refuses_it(file: Path, tmp_path: Path) -> None:
    result = import_contract(file)
    if file.stem in REFUSED:
        assert result.is_refused
        assert REFUSED[file.stem] in [(n.field, n.line) for n in result.notes if n.action is EnumFound.REFUSED]
        return
    assert result.contract is not None, (result.problems, refusals(result))
    (tmp_path / "contract.yaml").write_text(result.text)
    assert load_contract(tmp_path) == result.contract


@pytest.mark.parametrize("file", [file for file in FILES if file.stem not in REFUSED], ids=lambda file: file.stem)
def test_the_report_covers_every_value(file: Path) -> None:
    fields = {note.field for note in import_contract(file).notes}
    for place in places(yaml.safe_load(file.read_text()), ""):
        parts = [place[: match.start()] for match in re.finditer(r"[.\[]", place)] + [place]
        assert fields & set(parts), place


def places(value: JsonValue, at: str) -> list[str]:
    match value:
        case dict() if value:
            return [place for key, item in value.items() for place in places(item, f"{at}.{key}" if at else str(key))]
        case list() if value:
            return [place for index, item in enumerate(value) for place in places(item, f"{at}[{index}]")]
    return [at]


@pytest.mark.parametrize("file", [file for file in FILES if file.stem not in REFUSED], ids=lambda file: file.stem)
def test_an_imported_contract_is_imported_as_it_is(file: Path, tmp_path: Path) -> None:
    first = import_contract(file)
    again = imported(tmp_path, first.text)
    assert again.text == first.text
    assert {note.action for note in again.notes} == {EnumFound.TAKEN}


# Identity


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("effect", "EFFECT"),
        ("EFFECT_GENERIC", "EFFECT"),
        ("NodeEffect", "EFFECT"),
        ("reducer_generic", "REDUCER"),
        ("Compute", "COMPUTE"),
    ],
)
def test_kinds_in_every_spelling(tmp_path: Path, written: str, kind: str) -> None:
    result = imported(tmp_path, f"name: desk\nnode_type: {written}\n{BUS}handler: {{class: HandlerDesk}}\n")
    assert result.contract is not None
    assert (result.contract.node_type, result.contract.name) == (kind, f"node_desk_{kind.lower()}")


@pytest.mark.parametrize("written", ["workflow", "service", "effect_reducer", "42"])
def test_other_kinds_are_refused(tmp_path: Path, written: str) -> None:
    result = imported(tmp_path, f"name: desk\nnode_type: {written}\n{BUS}")
    assert "is not one of the four kinds" in refusals(result)["node_type"]


@pytest.mark.parametrize(
    ("written", "version"),
    [
        ("{major: 2, minor: 1, patch: 3}", "2.1.3"),
        ('"1.2.3"', "1.2.3"),
        ("1.10", "1.10.0"),
        ("v3", "3.0.0"),
        ("2", "2.0.0"),
        ("0.4.0", "1.4.0"),
        ("1.0.0-beta", "1.0.0"),
        ("latest", "1.0.0"),
        ("{major: 9999999}", "1.0.0"),
    ],
)
def test_versions_in_every_form(tmp_path: Path, written: str, version: str) -> None:
    result = imported(tmp_path, f"name: desk\nnode_type: effect\nversion: {written}\n{BUS}")
    assert result.contract is not None
    assert str(result.contract.contract_version) == version


def test_a_name_gets_its_prefix_and_kind_and_no_path() -> None:
    contract, _ = loaded("other_topic_keys")
    assert contract.name == "node_tariff_effect"
    contract, result = loaded("impure_compute")
    assert (contract.name, contract.node_type) == ("node_shelf_audit_effect", EnumNodeKind.EFFECT)
    assert said(result, "descriptor.purity")[0][0] is EnumFound.TRANSLATED


def test_a_name_is_no_path(tmp_path: Path) -> None:
    result = imported(tmp_path, f"name: ../../etc/passwd\nnode_type: effect\n{BUS}")
    assert result.contract is not None
    assert result.contract.name == "node_etc_passwd_effect"


# Topics, messages, handlers


def test_a_topic_is_bound_to_a_message_with_another_name() -> None:
    contract, _ = loaded("generic_effect")
    assert contract.event_bus.bound == {"onex.evt.depot.parcel-arrived.v1": ("ModelArrivalNotice",)}
    assert [(h.event_model, h.handler) for h in routed(contract)] == [("ModelArrivalNotice", "scan_read")]


def test_topics_that_share_a_model_get_a_message_each_and_one_method() -> None:
    contract, result = loaded("one_model_many_topics")
    assert {(h.event_model, h.handler) for h in routed(contract)} == {
        ("GateNotice", "forward"),
        ("YardNotice", "forward"),
    }
    assert any("ModelForwardRequest" in reason for _, reason in said(result, "event_bus.subscribe_topics[0]"))


def test_handlers_find_their_topics_by_event_type_and_what_is_returned_inside_a_process_gets_a_topic() -> None:
    contract, result = loaded("typed_orchestrator")
    assert {h.event_model: h.handler for h in routed(contract)} == {
        "ModelIntakeCommand": "intake_initiate",
        "ModelIntakeListResult": "list_complete",
        "ModelSortResult": "sort_complete",
        "ItemsStored": "handle_items_stored",
    }
    assert "onex.cmd.intake.list-request.v1" in contract.event_bus.publish_topics
    by_topic = contract.event_bus.bound
    assert by_topic["onex.evt.intake.intake-complete.v1"] == ("ModelIntakeResult",)
    graph = "workflow_coordination.workflow_definition.execution_graph.nodes[1]"
    assert said(result, graph)[0][0] is EnumFound.LEFT_OUT
    rule = "workflow_coordination.workflow_definition.coordination_rules.timeout_ms"
    assert said(result, rule)[0][0] is EnumFound.LEFT_OUT


def test_operations_find_their_topics_and_one_that_no_topic_leads_to_is_reported() -> None:
    contract, result = loaded("operations_by_subscription")
    assert {h.event_model: h.handler for h in routed(contract)} == {"TruckArrived": "truck", "Recount": "recount"}
    assert said(result, "handler_routing.handlers[1]")[0][0] is EnumFound.LEFT_OUT
    assert contract.retry_policy.max_attempts == 1


def test_operations_of_one_topic_share_a_method() -> None:
    contract, result = loaded("operations_in_the_message")
    assert [(h.event_model, h.handler) for h in routed(contract)] == [("ModelRegisterRequest", "execute")]
    assert "is decided in the method execute" in said(result, "handler_routing.handlers[2].handler.name")[0][1]


def test_messages_of_several_types_on_one_topic_share_a_method(tmp_path: Path) -> None:
    entries = "[{event_model: ModelOpened, class: HandlerOpen}, {event_model: ModelClosed, class: HandlerClose}]"
    result = imported(
        tmp_path, f"{HEAD}{BUS}handler_routing: {{routing_strategy: payload_type_match, handlers: {entries}}}\n"
    )
    assert result.contract is not None
    assert [(h.event_model, h.handler) for h in routed(result.contract)] == [("Ask", "execute")]
    assert "is decided in the method" in said(result, "handler_routing.handlers[1].class")[0][1]


def test_a_list_that_describes_topics_may_name_them_otherwise(tmp_path: Path) -> None:
    described = (
        "consumed_events: [{topic: asked}, {topic: '{env}.{space}.onex.cmd.desk.ask.v1', event_type: Asked}]\n"
    )
    result = imported(tmp_path, f"{HEAD}{BUS}{described}")
    assert result.contract is not None
    assert result.contract.event_bus.subscribe_topics == ("onex.cmd.desk.ask.v1",)
    assert said(result, "consumed_events[0]")[0][0] is EnumFound.LEFT_OUT
    assert said(result, "consumed_events[1].topic")[0][0] is EnumFound.TRANSLATED
    alone = imported(tmp_path, f"{HEAD}consumed_events: [{{topic: asked}}]\n")
    assert "consumed_events[0].topic" in refusals(alone)


def test_topics_under_other_keys() -> None:
    contract, _ = loaded("other_topic_keys")
    assert contract.event_bus.subscribe_topics == ("onex.cmd.tariff.ask-tariff.v2",)
    assert contract.event_bus.publish_topics == ("onex.evt.tariff.tariff-known.v2",)
    assert contract.definitions is not None
    assert contract.definitions.models["AskTariff"].key == "tariff_id"
    contract, result = loaded("consumed_events")
    assert contract.event_bus.subscribe_topics == ("onex.evt.yard.smoke-seen.v1", "onex.evt.yard.fire-seen.v1")
    assert said(result, "consumed_events[1].topic")[0][0] is EnumFound.TRANSLATED
    assert [h.handler for h in routed(contract)] == ["smoke", "fire"]


def test_intents_get_topics() -> None:
    contract, _ = loaded("intents_reducer")
    assert contract.event_bus.publish_topics == ("onex.intent.postgres.insert-stock.v1",)
    assert routed(contract)[0].output_events == ("ModelPayloadInsertStock",)


def test_a_node_that_is_called_inside_a_process_gets_a_command_and_an_event() -> None:
    contract, result = loaded("seed_effect_before")
    assert contract.event_bus.subscribe_topics == ("onex.cmd.label.label-requested.v1",)
    assert contract.event_bus.publish_topics == ("onex.evt.label.label-completed.v1",)
    assert any("names no topic" in note.reason for note in result.notes)


def test_dead_letters_go_to_one_topic() -> None:
    contract, result = loaded("llm_settings")
    assert contract.event_bus.dlq_topics == ("onex.dlq.grade.grade-asked.v1",)
    assert said(result, "event_bus.dlq_topics[1]")[0][0] is EnumFound.TRANSLATED


def routed(contract: ModelContract) -> tuple:  # type: ignore[type-arg]
    assert contract.handler_routing is not None
    return contract.handler_routing.handlers


# Failures


def test_retries_circuits_and_timeouts_are_translated() -> None:
    contract, result = loaded("generic_effect")
    policy = contract.retry_policy
    assert (policy.max_attempts, policy.base_delay, policy.max_delay, policy.multiplier) == (4, 0.25, 8.0, 2.0)
    assert policy.retryable_exceptions == ("TimeoutError", "ScannerOfflineError")
    assert policy.retryable_error_codes == ("SCANNER_BUSY",)
    assert contract.advanced_features is not None
    circuit = contract.advanced_features.circuit_breaker
    assert circuit is not None
    assert (circuit.failure_threshold, circuit.recovery_timeout_ms, circuit.half_open_max_calls) == (10, 30_000, 2)
    assert [(s.name, s.failure_threshold, s.recovery_timeout_ms) for s in circuit.services] == [
        ("scanner", 4, 15_000)
    ]
    assert said(result, "error_handling.circuit_breaker.window_size")[0][0] is EnumFound.LEFT_OUT
    contract, _ = loaded("consumed_events")
    assert contract.delivery.timeout == 2.5
    assert contract.mixins[0].config == {"services": [{"name": "siren", "timeout_seconds": 1.5}]}
    contract, _ = loaded("other_topic_keys")
    assert (contract.delivery.timeout, contract.retry_policy.max_attempts) == (12.0, 3)


@pytest.mark.parametrize(
    "text",
    [
        "descriptor: {retry_policy: {max_retries: 2, base_delay_ms: 100}}",
        "error_handling: {max_retries: 2, strategy: whatever}",
        "resilience: {retry: {max_attempts: 3}}",
        "handlers: [{class: HandlerDesk, retry_policy: {max_retries: 2}}]",
        "retries: 2",
    ],
)
def test_retries_in_other_places(tmp_path: Path, text: str) -> None:
    result = imported(tmp_path, f"{HEAD}{BUS}{text}\n")
    assert result.contract is not None, result.notes
    assert result.contract.retry_policy.max_attempts == 3
    assert imported(tmp_path, f"name: desk\nnode_type: compute\n{BUS}{text}\n").is_refused


@pytest.mark.parametrize(
    ("policy", "exceptions", "codes"),
    [
        ("{max_retries: 1, retry_on: [timeout, Connection]}", ("TimeoutError", "ConnectionError"), ()),
        ("{max_retries: 1, retryable_errors: [BUSY, rate_limited, 503]}", (), ("BUSY", "rate_limited", "503")),
        ("{max_retries: 1, retryable_exceptions: [shop.errors.Busy]}", ("shop.errors.Busy",), ()),
    ],
)
def test_exceptions_and_codes_are_told_apart(
    tmp_path: Path, policy: str, exceptions: tuple[str, ...], codes: tuple[str, ...]
) -> None:
    result = imported(tmp_path, f"{HEAD}{BUS}error_handling: {{retry_policy: {policy}}}\n")
    assert result.contract is not None
    found = result.contract.retry_policy
    assert (found.retryable_exceptions, found.retryable_error_codes) == (exceptions, codes)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("backoff_strategy: exponential_with_jitter", ("exponential", 0.2)),
        ("{backoff: constant, jitter: false}", ("fixed", 0.0)),
        ("{strategy: linear, jitter_factor: 0.4}", ("linear", 0.4)),
        ("{backoff_strategy: none, jitter: full}", ("fixed", 1.0)),
    ],
)
def test_backoffs_and_jitter(tmp_path: Path, policy: str, expected: tuple[str, float]) -> None:
    inner = policy if policy.startswith("{") else f"{{{policy}}}"
    result = imported(tmp_path, f"{HEAD}{BUS}error_handling: {{retry_policy: {inner}}}\n")
    assert result.contract is not None
    assert (result.contract.retry_policy.backoff, result.contract.retry_policy.jitter) == expected


def test_a_limit_that_no_policy_takes_is_reported_as_one(tmp_path: Path) -> None:
    result = imported(tmp_path, f"{HEAD}{BUS}performance: {{cache_timeout_ms: 40}}\n")
    assert "set delivery.timeout" in said(result, "performance.cache_timeout_ms")[0][1]


def test_advanced_features_are_preferred_to_error_handling() -> None:
    contract, result = loaded("seed_all_features")
    assert contract.retry_policy.base_delay == 1.0
    assert said(result, "error_handling.circuit_breaker") == [
        (EnumFound.LEFT_OUT, "advanced_features.circuit_breaker decides, and is preferred")
    ]
    assert said(result, "advanced_features.dead_letter_queue.topic_suffix")[0][0] is EnumFound.LEFT_OUT
    assert said(result, "advanced_features.dead_letter_queue.max_retries")[0][0] is EnumFound.LEFT_OUT
    assert contract.alert_threshold == 50


def test_dead_letters_without_attempts_leave_the_retries_to_error_handling(tmp_path: Path) -> None:
    letters = "advanced_features: {dead_letter_queue: {alert_threshold: 9%s}}\n"
    legacy = "error_handling: {retry_policy: {max_retries: 6}}\n"
    result = imported(tmp_path, HEAD + BUS + letters % "" + legacy)
    assert result.contract is not None
    assert result.contract.retry_policy.max_attempts == 7
    result = imported(tmp_path, HEAD + BUS + letters % ", max_retries: 1" + legacy)
    assert result.contract is not None
    assert result.contract.retry_policy.max_attempts == 2


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        ("retry_policy: {max_retries: many}", "error_handling.retry_policy.max_retries"),
        ("retry_policy: {backoff_strategy: fibonacci}", "error_handling.retry_policy.backoff_strategy"),
        ("retry_policy: {multiplier: 40}", "error_handling.retry_policy.multiplier"),
        ("retry_policy: {jitter: lots}", "error_handling.retry_policy.jitter"),
        ("retry_policy: {initial_delay_ms: -4}", "error_handling.retry_policy.initial_delay_ms"),
        ("retry_policy: {retry_on: ['rm -rf']}", "error_handling.retry_policy.retry_on[0]"),
        ("circuit_breaker: {reset_timeout_ms: 900000}", "error_handling.circuit_breaker.reset_timeout_ms"),
        ("timeout_policy: {default_timeout_ms: 0}", "error_handling.timeout_policy.default_timeout_ms"),
    ],
)
def test_a_failure_policy_that_cannot_be_expressed_refuses_the_file(tmp_path: Path, policy: str, field: str) -> None:
    result = imported(tmp_path, f"{HEAD}{BUS}error_handling: {{{policy}}}\n")
    assert result.is_refused
    assert field in refusals(result)


@pytest.mark.parametrize("kind", ["compute", "reducer", "orchestrator"])
@pytest.mark.parametrize("policy", ["retry_policy: {max_retries: 1}", "circuit_breaker: {enabled: true}"])
def test_pure_kinds_have_no_retries_and_no_circuits(tmp_path: Path, kind: str, policy: str) -> None:
    head = f"name: desk\nnode_type: {kind}\n{BUS}handlers: [HandlerDesk]\n"
    assert imported(tmp_path, f"{head}error_handling: {{{policy}}}\n").is_refused
    off = "error_handling: {retry_policy: {max_retries: 0}, circuit_breaker: {enabled: false}}\n"
    assert imported(tmp_path, head + off).contract is not None


# Messages


def test_json_schema_becomes_messages_from_which_a_node_can_be_generated() -> None:
    contract, result = loaded("json_schema")
    assert contract.definitions is not None
    models = contract.definitions.models
    assert models["AskQuote"].fields == {
        "quote_id": "UUID",
        "lines": "list[Line]",
        "needed_on": "date",
        "sent_at": "datetime | None",
        "address": "AskQuoteAddress | None",
        "rates": "dict[str, float] | None",
    }
    assert models["Line"].fields == {"sku": "str", "count": "int", "unit": "str | None"}
    assert models["AskQuoteAddress"].fields == {"city": "str", "zip": "str | None"}
    assert models["QuoteGiven"].fields["total"] == "float | None"
    assert "applies its pattern" in said(result, "definitions.Line.properties.sku")[0][1]
    assert any(name.endswith("node.py") for name in package_files(result.text))


def test_inputs_and_outputs_are_the_fields_of_the_single_messages() -> None:
    contract, _ = loaded("plain_compute")
    assert contract.definitions is not None
    assert contract.definitions.models["ModelFitRequest"].fields == {
        "run_id": "UUID",
        "boxes": "list[str]",
        "limit": "int | None",
        "note": "str | None",
        "weights": "list[float]",
    }
    assert contract.definitions.models["FitScored"].fields == {"best": "str", "score": "float | None"}


def test_a_message_with_a_field_of_an_unknown_type_is_not_made_up() -> None:
    contract, result = loaded("vague_schema")
    assert contract.definitions is None
    assert "#     label: str | None" in result.text
    assert "#     extras: ?" in result.text
    assert said(result, "definitions.Sort.properties.parts")[0][0] is EnumFound.LEFT_OUT


@pytest.mark.parametrize(
    ("schema", "fields"),
    [
        ("{type: 'Optional[int]'}", "int | None"),
        ("{type: 'dict[str, list[float]]'}", "dict[str, list[float]]"),
        ("{type: 'int | null'}", "int | None"),
        ("{oneOf: [{type: 'null'}, {type: string, format: date-time}]}", "datetime | None"),
        ("{type: array, items: {type: [integer, 'null']}}", "list[int | None]"),
        ("uuid", "UUID"),
        ("{enum: [1, 2]}", "int"),
        ("{type: 'list[Unknown]'}", None),
        ("{type: 'str | int'}", None),
        ("{enum: [1, a]}", None),
        ("{$ref: 'other.json#/Thing'}", None),
        ("{type: __import__}", None),
        ("[1, 2]", None),
    ],
)
def test_types_of_fields(tmp_path: Path, schema: str, fields: str | None) -> None:
    result = imported(tmp_path, f"{HEAD}{BUS}input_model: Ask\ninputs:\n  value: {schema}\n")
    assert result.contract is not None
    definitions = result.contract.definitions
    assert (definitions.models["Ask"].fields["value"] if definitions else None) == fields


@pytest.mark.parametrize("name", ["class", "model_dump", "_hidden", "partition_key", "two words"])
def test_a_field_that_no_message_can_have_is_left_out(tmp_path: Path, name: str) -> None:
    result = imported(tmp_path, f"{HEAD}{BUS}input_model: Ask\ninputs: {{{name}: str, desk: str}}\n")
    assert result.contract is not None
    assert result.contract.definitions is not None
    assert list(result.contract.definitions.models["Ask"].fields) == ["desk"]


def test_a_schema_that_contains_itself_ends(tmp_path: Path) -> None:
    schema = "definitions: {Ask: {properties: {inner: {$ref: '#/definitions/Ask'}, word: {type: string}}}}\n"
    result = imported(tmp_path, f"{HEAD}{BUS}{schema}")
    assert result.contract is not None


# State machines and workflows


def test_triggers_of_one_event_are_conditions_over_it() -> None:
    contract, result = loaded("machine_reducer")
    machine = contract.state_machine
    assert machine is not None
    assert [(t.from_state, t.to_state, t.conditions) for t in machine.transitions] == [
        ("empty", "filled", ("trigger == fill",)),
        ("filled", "gone", ("trigger == ship",)),
        ("*", "gone", ("trigger == lose",)),
    ]
    assert [str(guard) for guard in machine.transitions[2].guards] == ["insured == False"]
    assert [state.name for state in machine.states if state.terminal] == ["gone"]
    assert said(result, "state_machine.states[0].entry_actions")[0][0] is EnumFound.LEFT_OUT


@pytest.mark.parametrize("place", ["mixins", "subcontracts"])
def test_operators_and_priorities_are_guards(place: str, tmp_path: Path) -> None:
    contract, result = loaded("machine_with_guards")
    if place == "subcontracts":
        text = (DATA / "machine_with_guards.yaml").read_text()
        head, config = text.split("    config:\n")
        result = imported(tmp_path, f"{head.split('mixins:')[0]}subcontracts:\n  fsm:\n{config}")
        assert result.contract is not None, (result.problems, result.notes)
        contract = result.contract
    machine = contract.state_machine
    assert machine is not None
    assert [(t.priority, [str(guard) for guard in t.guards]) for t in machine.transitions] == [
        (2, ["weight > 10"]),
        (0, ["unit in ('kg', 'g')", "sealed == True"]),
        (0, ["weight <= 9.5", "state.total != 0"]),
    ]
    assert contract.mixins == ()


@pytest.mark.parametrize(
    "condition",
    [
        "weight > limit",
        "weight > 1e999",
        "weight > 10 or true",
        "weight in 10",
        "weight > " + "9" * 300,
        "weight in " + "[" * 150 + "]" * 3,
        "__class__ > 1",
        "state.a.b == true",
        "weight > __import__('os')",
        "weight in [[1]]",
    ],
)
def test_a_condition_that_compares_no_field_with_a_constant_is_refused(condition: str, tmp_path: Path) -> None:
    head, _, _ = (DATA / "machine_with_operators.yaml").read_text().rpartition("    - {from")
    text = f"{head}    - {{from: idle, to: heavy, trigger: Weighed, condition: {json.dumps(condition)}}}\n"
    assert "cannot be enforced" in refusals(imported(tmp_path, text))["fsm.transitions[0].condition"]


@pytest.mark.parametrize(
    ("condition", "shown"),
    [
        ("{field: weight, operator: '~', value: 3}", "'weight ~' with this value"),
        ("{field: __class__, value: 3}", "'__class__ ==' with this value"),
        ("{field: weight, operator: '>'}", "a condition of 'weight' without a value"),
        ("{limit: 3}", "a condition without a text, and without field and value,"),
        ("{expression: weight > limit}", "'weight > limit'"),
    ],
)
def test_a_condition_in_a_map_that_cannot_be_enforced_is_shown_as_it_is(
    condition: str, shown: str, tmp_path: Path
) -> None:
    head, _, _ = (DATA / "machine_with_operators.yaml").read_text().rpartition("    - {from")
    text = f"{head}    - {{from: idle, to: heavy, trigger: Weighed, condition: {condition}}}\n"
    refused = refusals(imported(tmp_path, text))["fsm.transitions[0].condition"]
    assert refused.startswith(f"{shown} cannot be enforced: a condition here compares")


@pytest.mark.parametrize("priority", ["true", "high", "1001", "1.5"])
def test_a_priority_that_is_none_is_refused(priority: str, tmp_path: Path) -> None:
    text = (DATA / "machine_with_guards.yaml").read_text().replace("priority: 2", f"priority: {priority}")
    found = refusals(imported(tmp_path, text))
    assert "is no whole number" in found["mixins[0].config.transitions[0].priority"]


def test_triggers_are_events_by_their_name() -> None:
    contract, _ = loaded("machine_by_events")
    assert contract.state_machine is not None
    assert [(t.from_state, t.to_state, t.trigger) for t in contract.state_machine.transitions] == [
        ("dark", "lit", "LampSwitchedOn"),
        ("lit", "dark", "LampSwitchedOff"),
    ]


def test_a_machine_of_another_kind_is_the_work_of_its_handlers(tmp_path: Path) -> None:
    machine = "fsm: {initial: a, states: [a, b], transitions: [{from: a, to: b, trigger: Ask}]}\n"
    result = imported(tmp_path, f"{HEAD}{BUS}handler: {{class: HandlerDesk}}\n{machine}")
    assert result.contract is not None
    assert said(result, "fsm.transitions[0]")[0][0] is EnumFound.LEFT_OUT


def test_a_transition_on_no_message_refuses_the_file(tmp_path: Path) -> None:
    bus = "event_bus: {subscribe_topics: [onex.evt.a.opened.v1, onex.evt.a.closed.v1]}\n"
    machine = "fsm: {initial: a, states: [a, b], transitions: [{from: a, to: b, trigger: melted}]}\n"
    result = imported(tmp_path, f"name: door\nnode_type: reducer\n{bus}{machine}")
    assert "no message that the node takes is the trigger" in refusals(result)["fsm.transitions[0]"]


def test_steps_with_messages_are_a_declared_workflow() -> None:
    contract, _ = loaded("declared_workflow")
    workflow = contract.workflow_coordination
    assert workflow is not None
    assert (workflow.timeout, workflow.completed, workflow.failed) == (120.0, "TripDone", "TripFailed")
    first, second = workflow.steps
    assert (first.command, first.result, first.compensate, first.timeout) == (
        "BookCart",
        "CartBooked",
        "FreeCart",
        5.0,
    )
    assert first.retry.max_attempts == 3
    assert second.depends_on == ("book",)


# Capabilities, configuration


def test_mixins_have_the_names_and_settings_of_this_mesh() -> None:
    contract, result = loaded("seed_effect_after")
    assert {mixin.name: mixin.config for mixin in contract.mixins} == {
        "MixinMetrics": {"enable_timers": True},
        "MixinHealthCheck": {"health_check_interval_ms": 60_000, "health_check_timeout_ms": 4_000},
    }
    assert said(result, "mixins[0].config.collect_pages")[0][0] is EnumFound.LEFT_OUT
    contract, result = loaded("seed_all_features")
    assert [mixin.name for mixin in contract.mixins] == ["MixinLogging"]
    assert said(result, "mixins[1]")[0] == (EnumFound.LEFT_OUT, "is switched off")
    assert said(result, "subcontracts.effect")[0][0] is EnumFound.LEFT_OUT
    assert said(result, "advanced_features.observability.logging")[0][0] is EnumFound.LEFT_OUT
    names = contract.asked_capabilities
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("mixins: [{name: MixinHealthCheck, config: {check_interval_ms: 5}}]", "mixins[0].config.check_interval_ms"),
        ("subcontracts: {teleport: {}}", "subcontracts.teleport"),
        (
            "mixins: [MixinCircuitBreaker]\nadvanced_features: {circuit_breaker: {enabled: true}}",
            "advanced_features.circuit_breaker",
        ),
        ("advanced_features: {teleport: {enabled: true}}", "advanced_features.teleport"),
        ("advanced_features: {dead_letter_queue: {enabled: false}}", "advanced_features.dead_letter_queue.enabled"),
    ],
)
def test_a_capability_that_does_not_fit_refuses_the_file(tmp_path: Path, text: str, field: str) -> None:
    result = imported(tmp_path, f"{HEAD}{BUS}{text}\n")
    assert result.is_refused
    assert field in refusals(result)


def test_configuration_and_dependencies() -> None:
    contract, result = loaded("generic_effect")
    assert contract.config == {"scanner_url": "http://scanner", "debounce": 1.5}
    assert [(d.type, d.module, d.class_name) for d in contract.dependencies] == [
        ("package", "httpx", None),
        ("protocol", "depot.adapters", "ProtocolAdapter"),
    ]
    assert contract.metadata["tags"] == "effect, scanner"
    assert said(result, "dependencies[0]")[0][0] is EnumFound.LEFT_OUT


# The check of the import itself


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("max_attempts: 4", "max_attempts: 7"), "the setting is reported as used"),
        (lambda text: text.replace("30000", "31000"), "the setting is reported as used"),
        (lambda text: text.replace("parcel-arrived", "parcel-gone"), "the topic is reported as used"),
    ],
)
def test_a_value_that_the_result_lost_refuses_the_file(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[str], str], words: str
) -> None:
    whole = emit.contract_text
    monkeypatch.setattr(convert, "contract_text", lambda *given: change(whole(*given)))
    result = import_contract(DATA / "generic_effect.yaml")
    assert result.is_refused
    assert words in result.problems[0].message


def test_a_value_that_the_report_lost_refuses_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert, "sweep", lambda *given: None)
    result = import_contract(DATA / "generic_effect.yaml")
    assert result.is_refused
    assert {"error_handling.circuit_breaker.window_size"} <= {problem.field for problem in result.problems}


def test_a_transition_that_the_result_lost_refuses_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = emit.contract_text
    monkeypatch.setattr(convert, "contract_text", lambda *given: whole(*given).replace("filled", "emptied"))
    result = import_contract(DATA / "machine_reducer.yaml")
    assert "the state is reported as used" in result.problems[0].message


# Hostile files


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "contains no mapping"),
        (b"- a\n- b\n", "contains no mapping"),
        (b"\xff\xfe\x00", "is not UTF-8"),
        (b"name: a\nname: b\n", "duplicate key"),
        (b"a: &x [1]\nb: *x\n", "aliases are refused"),
        (b"a: !!python/object:os.system 1\n", "tags are refused"),
        (b"a: " + b"[" * 60 + b"]" * 60, "levels"),
        (b"a: [" + b"1," * 10_000 + b"]", "values"),
        (b"a: " + b"x" * 140_000, "is longer than"),
        (b"a: [1\n", "expected"),
        (b"a: \x00\n", "forbids"),
        (b"a: 2026-99-99\n", "month"),
        (b"---\na: 1\n---\nb: 2\n", "document"),
        (b"a: '\\ud800'\nb: \"\\ud800\"\n", "surrogate"),
    ],
)
def test_a_hostile_file_is_refused_with_a_line(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "contract.yaml"
    file.write_bytes(content)
    result = import_contract(file)
    assert result.is_refused
    assert words in result.problems[0].message
    assert str(result.problems[0]).startswith(f"{file}:")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    for name in ("pipe.yaml", "nothing.yaml", "."):
        assert "regular file" in import_contract(tmp_path / name).problems[0].message


def test_a_node_with_more_topics_than_can_be_matched_is_refused(tmp_path: Path) -> None:
    topics = ", ".join(f"onex.cmd.desk.ask-{number}.v1" for number in range(300))
    result = imported(tmp_path, f"{HEAD}event_bus: {{subscribe_topics: [{topics}]}}\n")
    assert "300 subscribed topics" in refusals(result)["contract"]


def test_a_handler_with_more_results_than_can_be_matched_is_refused(tmp_path: Path) -> None:
    results = ", ".join(f"Result{number}" for number in range(300))
    result = imported(tmp_path, f"{HEAD}{BUS}handlers: [{{class: HandlerDesk, output_events: [{results}]}}]\n")
    assert "300 results" in refusals(result)["contract"]


def test_the_name_of_a_file_writes_no_line_of_the_contract(tmp_path: Path) -> None:
    file = tmp_path / "a\nnode_type: REDUCER\n.yaml"
    file.write_text(HEAD + BUS)
    result = import_contract(file)
    assert result.contract is not None
    assert result.contract.node_type is EnumNodeKind.EFFECT


def test_keys_of_every_type_and_a_mark_of_byte_order(tmp_path: Path) -> None:
    result = imported(tmp_path, f"\ufeff{HEAD}{BUS}on: {{404: gone, true: x, 2026-01-01: y}}\n")
    assert result.contract is not None


def test_contracts_with_random_faults_load_or_are_refused(tmp_path: Path) -> None:
    """100 contracts with parts of each other in wrong places: no exception, and no result without a report."""
    chance = random.Random(20)
    sources = [yaml.safe_load(file.read_text()) for file in FILES]
    parts = [value for source in sources for value in source.values()] + [
        "",
        None,
        0,
        -1,
        True,
        [],
        {},
        1e308,
        "x" * 300,
    ]
    keys = sorted({key for source in sources for key in source})
    outcomes: set[bool] = set()
    for _ in range(100):
        data = dict(chance.choice(sources))
        for _ in range(chance.randrange(1, 5)):
            data[chance.choice(keys)] = chance.choice(parts)
        result = imported(tmp_path, yaml.safe_dump(data))
        outcomes.add(result.is_refused)
        if result.is_refused:
            assert result.problems or any(note.action is EnumFound.REFUSED for note in result.notes)
            assert "the import has lost a value" not in "".join(map(str, result.problems)), yaml.safe_dump(data)
        else:
            assert parse_contract(result.text) == result.contract
    assert outcomes == {True, False}
