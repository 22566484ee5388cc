"""Contracts: accepted files, and problems, which are all reported together with place and remedy."""

import json
from pathlib import Path

import pytest

from onex.codegen.field_docs import field_docs
from onex.codegen.model_parts import models_of
from onex.contract import contract_json_schema, find_contracts, load_contract, parse_contract, resolve_node
from onex.errors import ContractError, ContractProblem
from onex.model.contract import ModelContract
from tests.conftest import CONTRACTS, ORDERS, SERVICES

GOOD = """\
name: node_echo_compute
node_type: COMPUTE
contract_version: {major: 1, minor: 0, patch: 0}
input_model: Say
output_model: Said
event_bus:
  subscribe_topics: [onex.cmd.echo.say.v1]
  publish_topics: [onex.evt.echo.said.v1]
"""


def problems(text: str) -> dict[str, ContractProblem]:
    with pytest.raises(ContractError) as raised:
        parse_contract(text)
    return {problem.field: problem for problem in raised.value.problems}


def test_a_minimal_contract_has_safe_defaults() -> None:
    contract = parse_contract(GOOD)
    assert contract.delivery.guarantee == "exactly_once"
    assert contract.delivery.ordering == "key"
    assert contract.group("prod") == "prod.node_echo_compute.consume.v1"
    assert contract.dead_letter_topic == "onex.dlq.echo.compute.v1"
    assert contract.retry_topic == "onex.retry.echo.compute.v1"
    assert contract.changelog_topic == "onex.state.node_echo_compute.v1"


def test_node_type_may_be_written_in_lower_case() -> None:
    assert parse_contract(GOOD.replace("COMPUTE", "compute")).node_type == "COMPUTE"


@pytest.mark.parametrize("wrong", ["COMPUTE_GENERIC", "ModelServiceCompute"])
def test_a_wrong_kind_is_told_the_right_one(wrong: str) -> None:
    assert (
        "did you mean COMPUTE?"
        in problems(GOOD.replace("node_type: COMPUTE", f"node_type: {wrong}"))["node_type"].message
    )


def test_an_unknown_key_names_the_nearest_and_its_line() -> None:
    problem = problems(GOOD + "delivry: {concurrency: 3}\n")["delivry"]
    assert (problem.line, problem.remedy) == (9, "did you mean `delivery`?")


def test_an_unknown_key_deep_down_names_the_keys_of_its_place() -> None:
    problem = problems(GOOD + "delivery: {concurency: 3}\n")["delivery.concurency"]
    assert problem.remedy == "did you mean `concurrency`?"


@pytest.mark.parametrize("key", ["descriptor", "idempotency", "capabilities", "intent_emission"])
def test_what_onex_knows_and_the_engine_does_not_enforce_is_refused(key: str) -> None:
    assert problems(GOOD + f"{key}: {{}}\n")[key].message == "not supported yet"


def test_a_circuit_breaker_in_error_handling_is_not_ignored() -> None:
    text = GOOD + "error_handling: {circuit_breaker: {enabled: true}}\n"
    problem = problems(text)["error_handling.circuit_breaker"]
    assert (problem.message, "advanced_features" in problem.remedy) == ("is set elsewhere", True)


@pytest.mark.parametrize(
    ("key", "place"),
    [("health_check", "subcontracts"), ("transactions", "advanced_features"), ("retry", "error_handling")],
)
def test_what_stands_in_the_wrong_place_is_shown_the_right_one(key: str, place: str) -> None:
    assert problems(GOOD + f"{key}: {{}}\n")[key].remedy == f"did you mean `{place}`?"


def test_all_problems_of_a_file_come_at_once() -> None:
    text = GOOD.replace("onex.cmd.echo.say.v1", "say") + "delivery: {timeout: soon, concurrency: 0}\ndescriptor: []\n"
    found = problems(text)
    assert {"event_bus.subscribe_topics", "delivery.timeout", "delivery.concurrency", "descriptor"} <= set(found)
    assert "write 200ms, 30s, 5m" in found["delivery.timeout"].message


def test_a_key_that_stands_twice_is_refused() -> None:
    assert problems(GOOD + "input_model: Again\n")["input_model"].message == "duplicate key"


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "{: :", "just text"])
def test_what_is_no_mapping_is_refused(text: str) -> None:
    assert problems(text)


def test_a_missing_file_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="not found"):
        load_contract(tmp_path / "contract.yaml")
    with pytest.raises(ContractError, match="no contract.yaml here"):
        find_contracts([tmp_path])


def test_variables_are_looked_up_where_a_node_runs_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ECHO_VOICE", "loud")
    text = GOOD + 'config: {voice: "${ECHO_VOICE}", pitch: "${ECHO_PITCH:-low}", at: ["${ECHO_VOICE:-9}"]}\n'
    assert parse_contract(text).config == {"voice": "${ECHO_VOICE}", "pitch": "low", "at": ["9"]}
    file = tmp_path / "contract.yaml"
    file.write_text(text)
    assert load_contract(file).config["voice"] == "${ECHO_VOICE}"
    assert load_contract(file, {"ECHO_VOICE": "soft"}).config == {"voice": "soft", "pitch": "low", "at": ["soft"]}
    with pytest.raises(ContractError, match=r"config.voice: environment variable ECHO_VOICE is not set"):
        load_contract(file, {})


@pytest.mark.parametrize(
    "place",
    [
        "mixins: [{name: '${ECHO_SECRET}'}]",
        "mixins: [{name: MixinRetry, enabled: '${ECHO_SECRET}'}]",
        "advanced_features: {observability: {tracing: {sample_rate: '${ECHO_SECRET}'}}}",
        "advanced_features: {circuit_breaker: {failure_threshold: '${ECHO_SECRET}'}}",
        "advanced_features: '${ECHO_SECRET}'",
        "config: {deep: {voice: ['${ECHO_SECRET}']}}\nnode_type: ${ECHO_SECRET}",
    ],
)
def test_problems_never_show_what_came_from_the_environment(place: str, tmp_path: Path) -> None:
    file = tmp_path / "contract.yaml"
    file.write_text(
        GOOD.replace("node_type: COMPUTE\n", "") + place + "\nnode_type: wrong\n" * ("node_type" not in place)
    )
    with pytest.raises(ContractError) as raised:
        load_contract(file, {"ECHO_SECRET": "hunter2"})
    assert "hunter2" not in str(raised.value)


def test_what_is_written_under_the_name_of_a_secret_is_not_shown() -> None:
    found = problems(GOOD + "metadata: {password: [hunter2], owner: [me]}\n")
    assert "hunter2" not in str(found["metadata.password"])
    assert "['me']" in found["metadata.owner"].remedy


NOT_NAMES = {
    "a keyword": ("input_model: Say", "input_model: None", "input_model"),
    "a long name": ("input_model: Say", f"input_model: {'S' * 65}", "input_model"),
    "a small letter": ("input_model: Say", "input_model: say", "input_model"),
    "a letter that is not ASCII": ("input_model: Say", "input_model: Éclair", "input_model"),
    "a letter that Python takes for another": ("input_model: Say", "input_model: Ｓay", "input_model"),
    "a long node": ("node_echo", "node_" + "e" * 100, "name"),
    "a line after a topic": ("[onex.cmd.echo.say.v1]", '["onex.cmd.echo.say.v1\\n"]', "event_bus.subscribe_topics"),
    "a long topic": ("[onex.cmd.echo.say.v1]", f"[onex.cmd.echo.{'s' * 250}.v1]", "event_bus.subscribe_topics"),
    "a version of many digits": ("major: 1", "major: 10000000", "contract_version.major"),
    "a limit that is no number": (
        "  publish",
        "  topic_config: {kafka_config: {max.message.bytes: many}}\n  publish",
        "event_bus.topic_config.kafka_config",
    ),
}


@pytest.mark.parametrize("case", NOT_NAMES)
def test_names_are_identifiers_of_bounded_length(case: str) -> None:
    old, new, field = NOT_NAMES[case]
    assert old in GOOD
    assert field in problems(GOOD.replace(old, new))


@pytest.mark.parametrize(
    "name", ["class", "_hidden", "__init__", "model_dump", "partition_key", "ä", "a b", "", "a" * 65]
)
def test_names_of_fields_are_identifiers(name: str) -> None:
    fields = json.dumps({name: "str", "text": "str"}, ensure_ascii=False)
    text = GOOD + f"definitions: {{models: {{Say: {{fields: {fields}}}}}}}\n"
    assert "definitions.models.Say.fields" in problems(text)


@pytest.mark.parametrize(
    "kind",
    [
        "list[" * 9 + "str" + "]" * 9,
        "str # or not",
        "(str)",
        "str\n",
        "list[ str]",
        " str",
        "list[(str)]",
        "dict[str,str]",
        "None",
        "eval('1')",
    ],
)
def test_types_of_fields_have_one_text(kind: str) -> None:
    text = GOOD + f"definitions: {{models: {{Say: {{fields: {{text: {json.dumps(kind)}}}}}}}}}\n"
    if kind in ("None", "eval('1')", " str") or kind.startswith("list[" * 9):
        assert "definitions.models.Say.fields" in problems(text)
        return
    definitions = parse_contract(text).definitions
    assert definitions is not None
    assert definitions.models["Say"].fields["text"] in ("str", "list[str]", "dict[str, str]")


@pytest.mark.parametrize("models", ["UUID", "say", "Sa-y", "Say", "True"])
def test_names_of_messages_are_names_of_classes(models: str) -> None:
    text = GOOD + f"definitions: {{models: {{{models}: {{fields: {{text: str}}}}}}}}\n"
    if models == "Say":
        assert parse_contract(text).definitions
    else:
        assert "definitions" in problems(text) or "yaml" in problems(text)


@pytest.mark.parametrize("step", ["class", "completed", "config", "when_b", "compensate_b", "a" * 49])
def test_steps_are_names_of_methods(step: str) -> None:
    text = WORKFLOW.replace("id: a,", f"id: {step},").replace(
        "depends_on: [a]", f"depends_on: [{step}], conditional: true"
    )
    text = text.replace("[b, x]", "[]").replace("result: BDone", "result: BDone, compensate: UndoB")
    assert problems(text)


def test_a_handler_is_not_called_as_the_node_itself_is() -> None:
    effect = GOOD.replace("COMPUTE", "EFFECT").replace("_compute", "_effect")
    for name in ("start", "outbox", "config"):
        routed = f"handler_routing: {{handlers: [{{event_model: Say, handler: {name}}}]}}\n"
        text = effect.replace("input_model: Say\noutput_model: Said\n", routed)
        assert f"'{name}' belongs to the node itself" in problems(text)["contract"].message


NOT_YAML = {
    "an alias": ("a: &a [1]\nb: *a", 2),
    "an alias to itself": ("a: &a [*a]", 1),
    "a billion": (
        "a: &a [1, 1]\n" + "".join(f"{c}: &{c} [*{p}, *{p}]\n" for p, c in zip("abcdef", "bcdefg", strict=True)),
        2,
    ),
    "deep": ("a: " + "[" * 5000, 1),
    "many": ("a: [" + "1," * 20_000 + "]", 1),
    "long": ("a: " + "b" * 200_000, 1),
    "digits": ("a: b\nc: " + "9" * 5000, 2),
    "a float of digits": ("a: 1." + "9" * 5000, 1),
    "no such day": ("x: y\na: 2026-99-99", 2),
    "no such zone": ("a: 2001-12-14t21:59:43-99:00", 1),
    "a tag": ("a: !!int ''", 1),
    "a tag of Python": ("a: !!python/object/apply:os.system [id]", 1),
    "a surrogate": ('b: c\na: "\\ud800"', 2),
    "a zero": ('a: "\\0"', 1),
    "out of Unicode": ('a: "\\U00110000"', 1),
    "a control character": ("b: c\na: \x07", 2),
    "a number as key": ("b: {1: a}", 1),
    "a list as key": ("[a]: b", 1),
    "a value": ("a: =", 1),
    "two documents": ("a: b\n---\nc: d", 2),
    "hexadecimal nothing": ("a: 0x_", 1),
    "another version": ("%YAML 9.9\n---\na: b", 1),
}


@pytest.mark.parametrize(("text", "line"), NOT_YAML.values(), ids=NOT_YAML)
def test_yaml_is_bounded_and_every_error_has_a_place(text: str, line: int) -> None:
    with pytest.raises(ContractError) as raised:
        parse_contract(text, "some/contract.yaml")
    (problem,) = raised.value.problems
    assert (str(problem.file), problem.line) == ("some/contract.yaml", line)
    assert len(str(problem)) < 300


def test_a_file_that_cannot_be_read_is_a_problem_of_the_contract(tmp_path: Path) -> None:
    (tmp_path / "contract.yaml").mkdir()
    with pytest.raises(ContractError, match="cannot be read"):
        load_contract(tmp_path)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"name: \xe9")
    with pytest.raises(ContractError, match="save it as UTF-8"):
        load_contract(latin)


@pytest.mark.parametrize(
    "text",
    [
        "delivery: {ordering: key}",
        "delivery: {concurrency: 3}",
        "error_handling: {retry_policy: {max_attempts: 3}}",
    ],
)
def test_what_only_effects_obey_is_refused_elsewhere(text: str) -> None:
    message = problems(f"{GOOD}{text}\n")["contract"].message
    assert "belongs to an EFFECT" in message


WORKFLOW = """\
name: node_flow_orchestrator
node_type: ORCHESTRATOR
contract_version: {major: 1}
event_bus: {subscribe_topics: [onex.cmd.flow.start.v1]}
workflow_coordination:
  steps:
    - {id: a, command: DoA, result: ADone, depends_on: [c]}
    - {id: b, command: DoB, result: BDone, depends_on: [a]}
    - {id: c, command: DoC, result: CDone, depends_on: [b, x]}
  completed: Done
  failed: Failed
"""


def test_a_cycle_in_a_workflow_names_the_chain() -> None:
    message = problems(WORKFLOW)["workflow_coordination"].message
    assert "'c' depends on 'x', which is no step" in message
    assert "cycle: " in message
    assert "a" in message


def test_a_signal_moves_one_step() -> None:
    text = WORKFLOW.replace("command: DoB, result: BDone", "signal: ADone")
    assert "ADone is the signal of step 'b' and moves another step" in problems(text)["workflow_coordination"].message


def test_a_result_is_no_failure() -> None:
    text = WORKFLOW.replace("result: ADone", "result: ADone, failure: ADone")
    (problem,) = [p.message for p in problems(text).values() if "same message" in p.message]
    assert "step 'a'" in problem


def test_a_state_machine_must_be_closed() -> None:
    text = """\
name: node_x_reducer
node_type: REDUCER
contract_version: {major: 1}
event_bus: {subscribe_topics: [onex.evt.x.happened.v1]}
handler_routing: {handlers: [{event_model: Happened, handler: reduce}]}
state_machine:
  initial_state: nowhere
  states: [{name: a}, {name: z, terminal: true}]
  transitions: [{name: t, from_state: z, to_state: q, trigger: Happened, conditions: ["size > 3"]}]
"""
    found = problems(text)
    assert "is no condition" in found["state_machine.transitions[0].conditions"].message
    message = problems(text.replace('["size > 3"]', "[]"))["state_machine"].message
    assert "'nowhere' is not a state" in message
    assert "'z' is terminal" in message
    assert "'q' is not a state" in message


@pytest.mark.parametrize("path", find_contracts([SERVICES, ORDERS]), ids=lambda path: path.parent.parent.name)
def test_every_node_of_the_repository_fits_its_contract(path: Path) -> None:
    assert resolve_node(path).contract.name == path.parent.parent.name


@pytest.mark.parametrize("path", sorted(CONTRACTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_example_contracts_are_valid(path: Path) -> None:
    assert parse_contract(path.read_text()).definitions is not None


def test_json_schema_knows_every_key() -> None:
    schema = json.loads(json.dumps(contract_json_schema()))
    assert {"event_bus", "workflow_coordination", "delivery"} <= set(schema["properties"])
    assert schema["additionalProperties"] is False


NODE = '''\
from node_echo_compute.v1_0_0.models import Said, Say
from onex.node import NodeCompute


class NodeEchoCompute(NodeCompute[Say, Said]):
    """Echo."""

    def compute(self, request: Say) -> Said:
        return Said(text=request.text)
'''
MODELS = '''\
from onex.node import Message


class Say(Message, key="text"):
    """Say."""

    text: str


class Said(Message):
    """Said."""

    text: str
'''


def make_node(root: Path, name: str, contract: str = GOOD, node: str = NODE, models: str = MODELS) -> Path:
    """A node on disk; every test has its own name, because modules are imported once."""
    folder = root / f"node_{name}_compute" / "v1_0_0"
    (folder / "models").mkdir(parents=True)
    for file, text in (("contract.yaml", contract), ("node.py", node), ("models/__init__.py", models)):
        (folder / file).write_text(text.replace("node_echo_compute", f"node_{name}_compute"))
    return folder


def resolve_problems(folder: Path) -> str:
    with pytest.raises(ContractError) as raised:
        resolve_node(folder)
    return "\n".join(map(str, raised.value.problems))


def test_a_sound_node_resolves(tmp_path: Path) -> None:
    resolved = resolve_node(make_node(tmp_path, "sound"))
    assert [model.__name__ for model in resolved.outputs] == ["Said"]


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    told = resolve_problems(
        make_node(tmp_path, "modelless", models=MODELS.replace("Said", "Heard"), node="class X: ...")
    )
    assert "found none" in told
    folder = make_node(tmp_path, "unheard", contract=GOOD.replace("input_model: Say", "input_model: Shout"))
    assert "models/ has no message Shout" in resolve_problems(folder)


def test_a_method_that_does_not_exist_or_has_the_wrong_type(tmp_path: Path) -> None:
    gone = make_node(tmp_path, "gone", node=NODE.replace("def compute", "def calculate"))
    assert "NodeEchoCompute.compute does not exist" in resolve_problems(gone)
    other = make_node(tmp_path, "other", node=NODE.replace("request: Say", "request: Said"))
    assert "does not accept Say" in resolve_problems(other)
    wide = make_node(tmp_path, "wide", node=NODE.replace("-> Said", "-> Said | Say"))
    assert "contract.yaml:5: output_model: NodeEchoCompute.compute may return Say; add it" in resolve_problems(wide)
    waiting = make_node(tmp_path, "waiting", node=NODE.replace("    def compute", "    async def compute"))
    assert "a COMPUTE handler is a plain def" in resolve_problems(waiting)


def test_each_message_that_is_wrong_has_its_own_line(tmp_path: Path) -> None:
    short = make_node(tmp_path, "misnamed", contract=GOOD.replace("output_model: Said", "output_model: Siad"))
    assert "contract.yaml:5: output_model: models/ has no message Siad" in resolve_problems(short)
    routing = """\
handler_routing:
  handlers:
    - event_model: {event}
      handler: compute
      output_events:
        - Said
        - {output}
"""
    pair = "input_model: Say\noutput_model: Said\n"
    routed = "handler_routing.handlers[0]"
    for name, event, output, place in (
        ("misnamed_input", "Yas", "Say", f"contract.yaml:6: {routed}.event_model: models/ has no message Yas"),
        ("misnamed_output", "Say", "Siad", f"contract.yaml:10: {routed}.output_events[1]: models/ has no"),
        ("unreturned", "Say", "Say", f"contract.yaml:8: {routed}.output_events: NodeEchoCompute.compute"),
    ):
        text = GOOD.replace(pair, routing.format(event=event, output=output))
        assert place in resolve_problems(make_node(tmp_path, name, contract=text))


def test_a_topic_that_nothing_handles_or_fills(tmp_path: Path) -> None:
    deaf = make_node(tmp_path, "deaf", contract=GOOD.replace("say.v1]", "say.v1, onex.cmd.echo.said.v1]"))
    assert "nothing handles messages of onex.cmd.echo.said.v1" in resolve_problems(deaf)
    mute = make_node(tmp_path, "mute", contract=GOOD.replace("said.v1]", "said.v1, onex.evt.echo.say.v1]"))
    assert "nothing publishes to onex.evt.echo.say.v1" in resolve_problems(mute)


def test_config_is_typed_by_the_node(tmp_path: Path) -> None:
    folder = make_node(tmp_path, "configured", contract=GOOD + "config: {loudness: 3}\n")
    assert "config.loudness: unknown key" in resolve_problems(folder)


def test_a_dependency_that_is_not_there(tmp_path: Path) -> None:
    text = GOOD + "dependencies: [{name: x, type: package, module: no_such_package}]\n"
    assert "cannot import no_such_package" in resolve_problems(make_node(tmp_path, "needy", contract=text))


def test_code_that_cannot_be_imported_has_its_place(tmp_path: Path) -> None:
    folder = make_node(tmp_path, "garbled", node=f"{NODE}\ndef oops(:\n")
    line = NODE.count("\n") + 2
    assert f"{folder / 'node.py'}:{line}: node: cannot import" in resolve_problems(folder)
    folder = make_node(tmp_path, "raising", models=f"{MODELS}\nint('x')\n")
    line = MODELS.count("\n") + 2
    assert f"{folder / 'models' / '__init__.py'}:{line}: models: cannot import" in resolve_problems(folder)
    folder = make_node(tmp_path, "lacking", node=f"import no_such_package\n{NODE}")
    assert f"{folder / 'node.py'}:1: node: cannot import" in resolve_problems(folder)


def test_definitions_are_checked_against_the_classes(tmp_path: Path) -> None:
    text = GOOD + "definitions: {models: {Say: {fields: {text: int}}, Said: {fields: {text: str}}}}\n"
    told = resolve_problems(make_node(tmp_path, "defined", contract=text))
    assert "Say is keyed by text; write key=None" in told
    assert "the contract says int" in told


def test_a_folder_with_another_name_is_told_where_to_go(tmp_path: Path) -> None:
    folder = make_node(tmp_path, "moved")
    folder.rename(folder.with_name("v9_0_0"))
    assert "move it to node_moved_compute/v1_0_0" in resolve_problems(folder.with_name("v9_0_0"))


def test_every_key_of_a_contract_has_a_meaning() -> None:
    for model in models_of(ModelContract):
        assert set(model.model_fields) == set(field_docs(model)), model.__name__
