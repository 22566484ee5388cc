"""What capabilities add to generated classes, templates of projects, contracts of new nodes, and the printer."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from onex.codegen.inject import MixinInjector, grouped_imports
from onex.codegen.introspect import ContractIntrospector
from onex.codegen.render import checked
from onex.codegen.render.new_contract import new_contract
from onex.codegen.render.package import RenderOptions, package_files
from onex.codegen.render.printer import formatted
from onex.codegen.render.shape import Shape
from onex.codegen.render.templates_of import template_names
from onex.codegen.render.verify import verified
from onex.contract import parse_contract
from onex.errors import ConfigurationError, ContractError, RejectedError
from onex.model.enums import EnumNodeKind
from tests.conftest import CONTRACTS

EFFECT = (CONTRACTS / "llm_effect.yaml").read_text()
CAPABLE = EFFECT + (
    "mixins:\n"
    "  - {name: MixinDatabase}\n"
    "  - {name: MixinKafkaConfiguration}\n"
    "  - {name: MixinKafkaHealthCheck}\n"
    "  - name: MixinHealthCheck\n"
    "    config:\n"
    "      components:\n"
    "        - {name: database}\n"
    "        - {name: kafka, critical: false}\n"
    "        - {name: provider, timeout_seconds: 2}\n"
    "# What the agent does with failures.\n"
    "advanced_features:\n"
    "  circuit_breaker: {services: [{name: llm-provider, failure_threshold: 2}]}\n"
)
ROOT = "node_llm_effect/v1_2_0"
PLAIN = RenderOptions()


def node_of(text: str, options: RenderOptions = PLAIN) -> str:
    return package_files(text, options)[f"{ROOT}/node.py"]


def method(source: str, name: str) -> str:
    (found,) = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name
    ]
    return ast.unparse(found)


def test_the_class_has_its_capabilities_as_bases() -> None:
    node = node_of(CAPABLE)
    bases = "MixinKafkaHealthCheck, MixinCircuitBreaker, MixinDatabase, MixinHealthCheck, MixinKafkaConfiguration"
    assert f"class NodeLlmEffect(\n    {bases}, NodeEffect\n):" in node
    assert "from onex.mixins.circuit_breaker import MixinCircuitBreaker, ProtocolCircuit\n" in node
    assert "critical" not in node, "configuration stays in the contract"


def test_components_are_checked_by_their_capability_or_are_unfinished() -> None:
    node = node_of(CAPABLE)
    assert method(node, "check_database").endswith("    await self.database.ping()\n    return True")
    assert method(node, "check_kafka").endswith("    return (await self.kafka_health.look()).ok")
    unfinished = method(node, "check_provider")
    assert unfinished.startswith("@unfinished\nasync def check_provider(self) -> bool:")
    assert "raise NotImplementedNodeError('check_provider: the contract does not state how" in unfinished
    of_capability = CAPABLE.replace("        - {name: provider, ", "        - {name: docker.disk, ")
    assert "disk" not in node_of(of_capability), "a capability has this check, and the node no method"
    only_kafka = CAPABLE.replace("  - {name: MixinKafkaHealthCheck}\n", "")
    assert method(node_of(only_kafka), "check_kafka").endswith("    return (await self.kafka.health()).ok")


def test_each_service_has_its_circuit() -> None:
    assert method(node_of(CAPABLE), "llm_provider_circuit").endswith("    return self.circuits.of('llm-provider')")
    hostile = CAPABLE.replace("llm-provider", 'x") + print(1) + str("')
    assert "return self.circuits.of('x\") + print(1) + str(\"')" in method(node_of(hostile), "x_print_1_str_circuit")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("await self.database.ping()", "print(1)"),
        ("return self.circuits.of(", "return eval("),
        ("    @unfinished\n    async def check_provider", "    async def check_provider"),
        ("async def check_kafka(self)", "async def check_kafka(self, x=print(1))"),
        (
            "    async def check_kafka",
            "    async def check_more(self) -> bool:\n        return True\n\n    async def check_kafka",
        ),
        ("    MixinKafkaHealthCheck, ", "    "),
    ],
)
def test_methods_of_capabilities_are_those_of_the_blueprint(
    monkeypatch: pytest.MonkeyPatch, old: str, new: str
) -> None:
    changed = []

    def edited(source: str, shape: Shape, what: str) -> str:
        changed.append(old in source)
        return verified(source.replace(old, new, 1), shape, what)

    monkeypatch.setattr(checked, "verified", edited)
    with pytest.raises(RejectedError, match="the rendered code"):
        node_of(CAPABLE)
    assert any(changed)


def test_injection_is_the_same_for_every_name_of_a_capability() -> None:
    inject = MixinInjector().inject
    introspect = ContractIntrospector().introspect
    listed = inject(introspect(EFFECT + "mixins: [{name: MixinCaching}]\n"))
    assert listed == inject(introspect(EFFECT + "subcontracts: {caching: {}}\n"))
    assert listed.accessors == {"cache": "MixinCaching"}
    assert listed.imports == {("onex.mixins.caching", "MixinCaching")}


def test_without_mixins_only_the_contract_composes_them() -> None:
    node = node_of(CAPABLE, RenderOptions(mixins=False))
    assert "class NodeLlmEffect(NodeEffect):" in node
    assert "onex.mixins" not in node


def test_minimal_leaves_capabilities_out_of_the_contract_as_well() -> None:
    text = CAPABLE.replace("advanced_features:\n", "advanced_features:\n  dead_letter_queue: {alert_threshold: 7}\n")
    files = package_files(text, RenderOptions(minimal=True))
    assert "class NodeLlmEffect(NodeEffect):" in files[f"{ROOT}/node.py"]
    written = parse_contract(files[f"{ROOT}/contract.yaml"])
    assert (written.mixins, written.subcontracts, written.asked_capabilities) == ((), {}, [])
    assert written.alert_threshold == 7, "this is no capability"
    assert "# What the agent does with failures.\n" in files[f"{ROOT}/contract.yaml"]
    assert written.definitions == parse_contract(text).definitions


def test_minimal_takes_contracts_in_flow_style() -> None:
    text = "{" + ", ".join(CAPABLE_FLOW) + "}\n"
    files = package_files(text, RenderOptions(minimal=True))
    written = parse_contract(next(content for name, content in files.items() if name.endswith("contract.yaml")))
    assert (written.mixins, written.retry_policy.max_attempts) == ((), 2)


CAPABLE_FLOW = (
    "name: node_flow_effect",
    "node_type: EFFECT",
    "contract_version: {major: 1, minor: 0, patch: 0}",
    "input_model: Ask",
    "event_bus: {subscribe_topics: [onex.cmd.flow.ask.v1]}",
    "mixins: [{name: MixinCaching}]",
    "advanced_features: {retry_policy: {max_attempts: 2}, transactions: {}}",
    "definitions: {models: {Ask: {fields: {id: str}}}}",
)


@pytest.mark.parametrize("options", [RenderOptions(minimal=True), RenderOptions(mixins=False)])
def test_a_body_that_needs_a_capability_is_refused_without_it(options: RenderOptions) -> None:
    operation = (
        "io_operations: [{handler: generate, type: postgres, statement: 'DELETE FROM asked WHERE id = $1', "
        "parameters: [GenerateText.session_id]}]\nmixins: [{name: MixinDatabase}]\n"
    )
    text = (
        EFFECT.replace(
            "output_events: [TextGenerated, GenerationRefused]}",
            "output_events: [GenerationRefused], "
            "mapping: {GenerationRefused: {session_id: GenerateText.session_id, reason: {literal: gone}}}}",
        )
        .replace(", onex.evt.llm.text-generated.v1", "")
        .replace("onex.evt.llm.text-generated.v1, ", "")
    )
    assert "self.database.transaction()" in node_of(text + operation)
    with pytest.raises(ContractError, match="MixinDatabase"):
        node_of(text + operation, options)


def test_the_written_contract_names_its_schema_once() -> None:
    contract = package_files(EFFECT)[f"{ROOT}/contract.yaml"]
    assert contract.startswith("# yaml-language-server: $schema=../../../.onex/contract.schema.json\nname: ")
    assert package_files(contract)[f"{ROOT}/contract.yaml"] == contract
    assert package_files(EFFECT, RenderOptions(schema="x.json"))[f"{ROOT}/contract.yaml"].startswith(
        "# yaml-language-server: $schema=x.json\n"
    )
    assert parse_contract(contract) == parse_contract(EFFECT)


# -- templates of a project ---------------------------------------------------------------------


def test_a_project_replaces_single_templates(tmp_path: Path) -> None:
    (tmp_path / "init.py.j2").write_text('"""{{ name }} of our project."""\n\nOURS = 1  # kept as it is\n')
    files = package_files(EFFECT, RenderOptions(templates=tmp_path))
    assert files[f"{ROOT}/__init__.py"] == '"""node_llm_effect of our project."""\n\nOURS = 1  # kept as it is\n'
    assert files[f"{ROOT}/node.py"] == node_of(EFFECT)


def test_a_project_replaces_a_snippet(tmp_path: Path) -> None:
    (tmp_path / "snippets").mkdir()
    (tmp_path / "snippets" / "circuit_breaker.py.j2").write_text("\n    OURS = {{ circuits|length }}\n")
    assert "    OURS = 1\n" in node_of(CAPABLE, RenderOptions(templates=tmp_path))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("efect.py.j2", "", "no template efect.py.j2 can be replaced; there are compute.py.j2, contract.yaml.j2"),
        ("effect.py.j2", "{% if %}", "effect.py.j2:1: "),
        ("effect.py.j2", "{{ nothing }}", "'nothing' is undefined"),
        ("effect.py.j2", "x" * 300_000, "is larger than 262144 bytes"),
    ],
)
def test_templates_that_cannot_be_used_are_refused(name: str, content: str, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ConfigurationError) as refused:
        package_files(EFFECT, RenderOptions(templates=tmp_path))
    assert words in str(refused.value)
    with pytest.raises(ConfigurationError, match="no such folder"):
        package_files(EFFECT, RenderOptions(templates=tmp_path / "gone"))


def test_a_template_that_renders_no_python_is_refused(tmp_path: Path) -> None:
    (tmp_path / "effect.py.j2").write_text("class {{ class_name }}(:\n")
    with pytest.raises(RejectedError, match="the rendered code is no Python"):
        package_files(EFFECT, RenderOptions(templates=tmp_path))


def test_a_changed_template_is_read_again(tmp_path: Path) -> None:
    import os

    path = tmp_path / "init.py.j2"
    for number in (1, 2):
        path.write_text(f'"""{number}"""\n')
        os.utime(path, (number, number))
        assert package_files(EFFECT, RenderOptions(templates=tmp_path))[f"{ROOT}/__init__.py"] == f'"""{number}"""\n'


def test_there_is_a_template_for_each_kind() -> None:
    assert {f"{kind.lower()}.py.j2" for kind in EnumNodeKind} < {*template_names()}


# -- new contracts ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", EnumNodeKind)
@pytest.mark.parametrize("name", ["quote", "NewQuote", "node_quote", "new-quote"])
def test_a_new_contract_is_generated(kind: EnumNodeKind, name: str) -> None:
    text = new_contract(name, kind, ["AskQuote"], ["QuoteGiven"])
    contract = parse_contract(text)
    assert contract.node_type is kind
    assert contract.name.endswith(f"quote_{kind.lower()}")
    files = package_files(text)
    assert "@unfinished" in next(content for path, content in files.items() if path.endswith("/node.py"))


def test_a_new_workflow_has_a_step_for_each_command() -> None:
    messages = (["PlaceOrder", "Priced", "Paid"], ["OrderPlaced", "OrderRefused", "Price", "Pay"])
    workflow = parse_contract(new_contract("order", EnumNodeKind.ORCHESTRATOR, *messages)).workflow_coordination
    assert workflow
    assert [(step.command, step.result, step.depends_on) for step in workflow.steps] == [
        ("Price", "Priced", ()),
        ("Pay", "Paid", ("price",)),
    ]
    assert (workflow.completed, workflow.failed) == ("OrderPlaced", "OrderRefused")


@pytest.mark.parametrize(
    ("name", "inputs", "outputs", "words"),
    [
        ("", ["A"], [], "is no name of a node"),
        ("x", [], [], "at least one message"),
        ("x", ["a b"], [], "is no identifier"),
        ("x", ["Ask"], ["Ask"], "two messages need two names"),
        ("x", ["Ask", "Done"], ["Told"], "0 commands and 1 results"),
    ],
)
def test_names_that_cannot_be_used_are_refused(name: str, inputs: list[str], outputs: list[str], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        new_contract(name, EnumNodeKind.ORCHESTRATOR, inputs, outputs)


# -- the printer --------------------------------------------------------------------------------


def test_imports_are_in_the_order_of_ruff() -> None:
    imports = [("onex.node", "Message"), ("datetime", "datetime"), ("datetime", "UTC"), ("pydantic", "Field")]
    messages = [("node_a.v1_0_0.models", name) for name in ("R10", "R2", "Ab", "AB")]
    assert grouped_imports([*imports, *messages]) == [
        "from datetime import UTC, datetime",
        "",
        "from pydantic import Field",
        "",
        "from node_a.v1_0_0.models import AB, R2, R10, Ab",
        "from onex.node import Message",
    ]


def test_formatting_keeps_the_meaning_and_is_that_of_ruff() -> None:
    long = "a" * 46
    source = (
        f"'''A.'''\nimport os\nX = ['{long}', '{long}', b'\\x00\"', -1.5]\n"
        f"def f(a: {long}, b: {long}) -> {long}:\n"
        f"    if a == '{long}' and b == '{long}' and a.{long}:\n        return g({long}=1, **{{'{long}': {long}}})\n"
        f"    elif b: raise E('{'word ' * 60}')\n    else:\n        x = {long} if {long} else {long}\n"
        f"    y = [{long}.{long} for {long} in {long}]\n    await {long}.{long}({long}.{long})\n"
        "    match a:\n        case A():\n            return [i for i in x]\n        case _ if b:\n            pass\n"
        "    with a as b: return None\n    for i in b: pass\n    try: f()\n    except E as e: raise X from e\n"
        f"def g({long}: {long} | {long} | {long}) -> {long} | {long} | {long}: return {long} | {long} | {long}\n"
        f"class A: pass\nclass B(A, {long}[{long}, {long} | {long}], key='a'): x: {long}[{long} | {long}] = 1\n"
    )
    once = formatted(source)
    assert ast.dump(ast.parse(once)) == ast.dump(ast.parse(source))
    assert max(map(len, once.splitlines())) <= 118
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "118", "-"]
    assert subprocess.run(command, input=once, text=True, capture_output=True, check=True).stdout == once
