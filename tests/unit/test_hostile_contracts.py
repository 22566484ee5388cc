"""A hostile contract through the shipped code-generation nodes runs nothing."""

import ast
import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel

from node_codegen_orchestrator.v1_0_0.models import (
    GenerateNode,
    GenerateTests,
    GenerationFailed,
    NodeRendered,
    RenderNode,
    ValidateContract,
)
from node_codegen_orchestrator.v1_0_0.models import TestsPassed as Passed
from node_contract_validator_compute.v1_0_0.models import ContractRefused
from node_store_effect.v1_0_0.store import export
from onex.codegen import package_files
from onex.codegen.render import checked, package
from onex.codegen.render.generatable import generatable_contract
from onex.codegen.render.shape import Shape
from onex.codegen.render.verify import verified
from onex.errors import ContractError, RejectedError
from onex.sandbox import Sandbox
from onex.testing import MeshDriver
from tests.conftest import CONTRACTS, SERVICES

NODES = [
    SERVICES / name / "v1_0_0"
    for name in (
        "node_codegen_orchestrator",
        "node_contract_validator_compute",
        "node_code_renderer_compute",
        "node_test_generator_effect",
    )
]
REDUCER = (CONTRACTS / "service_registry_reducer.yaml").read_text()
EFFECT = (CONTRACTS / "llm_effect.yaml").read_text()
MAPPED = EFFECT.replace(
    "output_events: [TextGenerated, GenerationRefused]}",
    "output_events: [TextGenerated, GenerationRefused], mapping: {GenerationRefused: {session_id: "
    "GenerateText.session_id, reason: {literal: closed}, code: {literal: 5}}}}",
).replace("fields: {session_id: str, reason: str}", "fields: {session_id: str, reason: str, code: int}")
TOUCH = "open('{}', 'w')"
WAYS = {
    "the name of a handler": (EFFECT, "handler: generate", "handler: {}"),
    "the name of a message": (EFFECT, "TextGenerated", "{}"),
    "the name of a field": (EFFECT, "prompt: str", "{}: str"),
    "the type of a field": (EFFECT, "prompt: str", "prompt: {}"),
    "a key": (EFFECT, "key: session_id", "key: {}"),
    "a description": (EFFECT, "description: A prompt.", "description: {}"),
    "the first state": (REDUCER, "pending", "{}"),
    "the field of the state": (REDUCER, "state_field: status", "state_field: {}"),
    "a trigger": (REDUCER, "trigger: ServiceExpired", "trigger: {}"),
    "a name in the metadata": (EFFECT, "owner: platform", "{}: platform"),
    "a literal": (MAPPED, "literal: closed", "literal: {}"),
    "a path": (MAPPED, "GenerateText.session_id", "{}"),
    "a field of a mapping": (MAPPED, "reason: {literal", "{}: {{literal"),
}
FORMS = (
    "X({} and Message): #",
    "run(self, a={}): #",
    '" + str({}) + "',
    '"""\n{}\n"""',
    "str = {}",
    "a\n    {}\n    b",
)


@pytest.mark.parametrize("way", WAYS)
def test_text_of_a_contract_is_never_code(way: str, tmp_path: Path) -> None:
    text, old, new = WAYS[way]
    touched = tmp_path / "touched"
    for form in FORMS:
        hostile = form.format(TOUCH.format(touched))
        try:
            files = package_files(text.replace(old, new.format(json.dumps(hostile))))
        except ContractError:
            continue
        for name, content in files.items():
            if name.endswith(".py"):
                code = compile(content, name, "exec")
                assert "open" not in _names(code)
    assert not touched.exists()


def _names(code: object) -> set[str]:
    found = set(getattr(code, "co_names", ()))
    return found.union(*(_names(inner) for inner in getattr(code, "co_consts", ())))


def test_a_hostile_contract_through_the_shipped_nodes_runs_nothing(tmp_path: Path) -> None:
    mesh = MeshDriver(NODES, virtual_time=False)
    touched = tmp_path / "touched"
    ways = [way for way in WAYS if way not in ("a description", "a name in the metadata")]  # texts: they are rendered
    for number, way in enumerate(ways):
        text, old, new = WAYS[way]
        hostile = FORMS[number % 2].format(TOUCH.format(touched))
        mesh.send(GenerateNode(generation_id=way, contract=text.replace(old, new.format(json.dumps(hostile)))))
    assert not touched.exists()
    assert {message.step for message in mesh.published(GenerationFailed)} == {"validate"}
    literals = {"the first state", "a literal"}
    assert {message.generation_id for message in mesh.published(Passed)} == literals
    assert {message.generation_id for message in mesh.published(GenerationFailed)} == {*ways} - literals


def test_hostile_commands_straight_to_each_node_run_nothing(tmp_path: Path) -> None:
    """Whoever may write to a topic of a node needs no orchestrator."""
    mesh = MeshDriver(NODES, virtual_time=False)
    touched = tmp_path / "touched"
    contracts: dict[str, str] = {}
    for number, (way, (text, old, new)) in enumerate(WAYS.items()):
        hostile = FORMS[number % len(FORMS)].format(TOUCH.format(touched))
        contracts[way] = text.replace(old, new.format(json.dumps(hostile)))
        mesh.send(ValidateContract(generation_id=way, contract=contracts[way]))
        mesh.send(RenderNode(generation_id=way, contract=contracts[way]))
    texts = {
        "the first state",
        "a description",
        "a name in the metadata",
        "a literal",
    }  # they become literals, or nothing
    assert {message.generation_id for message in mesh.published(ContractRefused)} == {*WAYS} - texts
    assert {message.generation_id for message in mesh.published(NodeRendered)} == texts
    for way in {*WAYS} - texts:
        letter = mesh.dead_letter_of(mesh.send(GenerateTests(generation_id=way, contract=contracts[way])))
        assert (letter["onex-dlq-class"], letter["onex-dlq-stage"]) == ("rejected", "handler")
    assert mesh.published(Passed) == []
    assert not touched.exists()
    mesh.close()


@pytest.mark.parametrize(
    "name", ["../outside", "a/../../outside", "/tmp/onex-outside", "a/../..", "..", "", ".", "a/.."]
)
def test_files_of_messages_stay_in_their_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(RejectedError, match="leads out of the package"):
        export(tmp_path / "root", "d" * 64, {name: "x"})
    with pytest.raises(RejectedError, match="leads out of the package"):
        asyncio.run(Sandbox("process", 5.0).run({name: "x"}, "pass"))
    assert not [*tmp_path.rglob("*outside*")]
    assert not Path("/tmp/onex-outside").exists()


def test_a_hole_in_the_checks_is_found_in_what_was_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Identifiers are not checked, as if the checks had been forgotten: the blueprint still refuses."""
    for old, new in (
        ("generate", "generate(self, x=print(1)): pass\n    async def generate"),
        ("TextGenerated", "TextGenerated(Message): pass\nprint(1)\nclass TextGenerated"),
        ("max_tokens", "max_tokens: int = print(1)\n    x"),
    ):
        contract = generatable_contract(EFFECT)
        forged = _rebuilt(contract, old, new)
        assert forged != contract
        monkeypatch.setattr(package, "generatable_contract", lambda text, forged=forged: forged)
        with pytest.raises(RejectedError, match="the rendered code"):
            package_files(EFFECT)


EDITS = {
    "an import": ("from onex.node import Message", "from onex.node import Message\nfrom os import system"),
    "a plain import": ("from onex.node import", "import os\nfrom onex.node import"),
    "another name": ("import Message", "import Message as Massage"),
    "a base": ("(NodeEffect):", "(NodeEffect, Exception):"),
    "a keyword of a class": ("(Message):", "(Message, metaclass=type):"),
    "a decorator": ("    async def", "    @staticmethod\n    async def"),
    "a class decorator": ("class NodeLlm", "@print\nclass NodeLlm"),
    "a default of a parameter": ("command: GenerateText,", "command: GenerateText = print(1),"),
    "a harmless default": ("context: Context)", "context: Context = None)"),
    "a default of a keyword": ("context: Context)", "context: Context, *, x=print(1))"),
    "stars": ("context: Context)", "context: Context, *x)"),
    "a default of a field": ("prompt: str", "prompt: str = print(1)"),
    "an annotation that calls": ("prompt: str", "prompt: print(1)"),
    "a field": ("    prompt: str", "    prompt: str\n    more: str"),
    "a call": ('reason="closed"', "reason=print(1)"),
    "a call of a method": ('reason="closed"', "reason=command.prompt.upper()"),
    "an attribute": ('reason="closed"', "reason=command.__class__"),
    "a text": ('reason="closed"', 'reason="\\x00more"'),
    "a number": ("code=5", "code=7"),
    "a name": ('reason="closed"', "reason=eval"),
    "an f-string": ('reason="closed"', 'reason=f"{command}"'),
    "a lambda": ('reason="closed"', "reason=(lambda: 1)()"),
    "a comprehension": ('reason="closed"', "reason=[x for x in (1,)]"),
    "an assignment within": ('reason="closed"', "reason=(x := 1)"),
    "two stars": ('reason="closed"', "**{}"),
    "a statement": ("        return Gen", "        print(1)\n        return Gen"),
    "a statement of the class": ("    session_id: str", "    print(1)\n    session_id: str"),
    "a statement of the module": ("__all__ =", "print(1)\n__all__ ="),
    "another docstring": ('"""A prompt."""', '"""Another."""'),
    "a method": ("    async def generate", "    async def __init__(self): ...\n\n    async def generate"),
    "a plain method": ("    async def generate", "    def generate"),
    "a condition": ("        return Gen", "        if print(1): return None\n        return Gen"),
    "a loop": ("        return Gen", "        while True: return None\n        return Gen"),
    "another context": ("        return Gen", "        async with open('x'): return None\n        return Gen"),
    "another match": (
        "        return Gen",
        "        match command.prompt:\n            case 1: pass\n        return Gen",
    ),
    "a variable": ("        return Gen", "        context = 1\n        return Gen"),
    "another error": ("        return Gen", "        raise SystemExit(1)\n        return Gen"),
    "a mark": ("    async def generate", "    @unfinished\n    async def generate"),
    "no Python": ("    async def generate", "    async generate"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_what_the_blueprint_does_not_have_is_refused(monkeypatch: pytest.MonkeyPatch, edit: str) -> None:
    old, new = EDITS[edit]
    changed = []

    def edited(source: str, shape: Shape, what: str) -> str:
        changed.append(source.replace(old, new, 1) != source)
        return verified(source.replace(old, new, 1), shape, what)

    monkeypatch.setattr(checked, "verified", edited)
    with pytest.raises(RejectedError, match="the rendered code"):
        package_files(MAPPED)
    assert any(changed)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    @unfinished\n", ""),
        ("raise NotImplementedNodeError(", "raise RejectedError("),
        ("raise NotImplementedNodeError(", "raise NotImplementedNodeError(command.prompt + "),
        ("how TextGenerated", "how nothing"),
    ],
)
def test_an_unfinished_handler_stays_one(monkeypatch: pytest.MonkeyPatch, old: str, new: str) -> None:
    seen: list[bool] = []

    def edited(source: str, shape: Shape, what: str) -> str:
        seen.append(old in source)
        return verified(source.replace(old, new, 1), shape, what)

    monkeypatch.setattr(checked, "verified", edited)
    with pytest.raises(RejectedError, match="the rendered code"):
        package_files(EFFECT)
    assert any(seen)


def test_strings_of_a_contract_are_one_literal_each() -> None:
    """Whatever a literal contains, the syntax tree has one constant with exactly that value."""
    quotes = ('"', "'", '"""', "\\", '\\"', "'; DROP TABLE x; --")
    for hostile in (*quotes, "a\nb", "{x}", "%s", "\u2028", "# x", "x" * 900):
        files = package_files(MAPPED.replace("literal: closed", f"literal: {json.dumps(hostile)}"))
        (source,) = (text for name, text in files.items() if name.endswith("node.py"))
        constants = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
        assert constants.count(hostile) == 1


def _rebuilt(model: BaseModel, old: str, new: str) -> BaseModel:
    """Return the same with all occurrences of a text replaced, unchecked."""

    def replaced(item: object) -> object:
        match item:
            case BaseModel():
                return _rebuilt(item, old, new)
            case str():
                return new if item == old else item
            case dict():
                return {replaced(key): replaced(each) for key, each in item.items()}
            case tuple():
                return tuple(replaced(each) for each in item)
        return item

    make: Callable[..., BaseModel] = type(model).model_construct
    return make(**{name: replaced(getattr(model, name)) for name in type(model).model_fields})
