"""Contracts with capabilities, one for each kind of node, and the packages that are generated from them."""

import json
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from onex.codegen import case_files, package_files
from onex.mixins.catalogue import CATALOGUE
from onex.mixins.service import MixinDependencyResolver
from onex.model.enums import EnumNodeKind
from tests.mixins.configurations import configuration_of

_HANDLER = "{event_model: Ask, handler: tell, output_events: [Told], mapping: {Told: {id: Ask.id}}"
_PARTS: Mapping[EnumNodeKind, str] = {
    EnumNodeKind.COMPUTE: f"handler_routing: {{handlers: [{_HANDLER}}}]}}",
    EnumNodeKind.EFFECT: f"handler_routing: {{handlers: [{_HANDLER}}}]}}",
    EnumNodeKind.REDUCER: (
        f"handler_routing: {{handlers: [{_HANDLER}, aggregate: {{id: {{last: Ask.id}}, n: count}}}}]}}"
    ),
    EnumNodeKind.ORCHESTRATOR: (
        "workflow_coordination:\n"
        "  steps: [{id: first, command: Work, result: Worked, input: {id: Ask.id}}]\n"
        "  completed: Told\n"
        "  completed_input: {id: Ask.id}\n"
        "  failed: Refused\n"
        "  failed_input: {id: Ask.id}"
    ),
}
_TOPICS = {
    "Ask": "onex.cmd.{0}.ask.v1",
    "Worked": "onex.evt.{0}.worked.v1",
    "Work": "onex.cmd.{0}.work.v1",
    "Told": "onex.evt.{0}.told.v1",
    "Refused": "onex.evt.{0}.refused.v1",
}


def contract_with(kind: EnumNodeKind, mixins: Sequence[str], more: str = "") -> str:
    """Return a contract with these capabilities and their requirements, under a name that is used once."""
    resolved = MixinDependencyResolver().resolve_dependencies([CATALOGUE.mixin(name) for name in mixins])
    listed: list[JsonValue] = [
        {"name": mixin.__name__, "config": configuration_of(mixin.__name__, kind)} for mixin in resolved
    ]
    owner = f"x{uuid.uuid4().hex}"
    is_workflow = kind is EnumNodeKind.ORCHESTRATOR
    taken = ("Ask", "Worked") if is_workflow else ("Ask",)
    sent = ("Work", "Told", "Refused") if is_workflow else ("Told",)
    state = "  state: Tally\n" if kind is EnumNodeKind.REDUCER else ""
    tally = "    Tally: {fields: {id: str, n: int}}\n" if kind is EnumNodeKind.REDUCER else ""
    messages = "".join(f"    {name}: {{key: id, fields: {{id: str}}}}\n" for name in (*taken, *sent))
    return (
        f"name: node_{owner}_{kind.lower()}\n"
        f"node_type: {kind}\n"
        "contract_version: {major: 1, minor: 0, patch: 0}\n"
        "event_bus:\n"
        f"  subscribe_topics: [{', '.join(_TOPICS[name].format(owner) for name in taken)}]\n"
        f"  publish_topics: [{', '.join(_TOPICS[name].format(owner) for name in sent)}]\n"
        f"{_PARTS[kind]}\n"
        f"mixins: {json.dumps(listed)}\n"
        f"{more}"
        "examples:\n"
        f"  - {{name: it returns, when: {{Ask: {{id: a}}}}, then: {{publishes: [{{{sent[0]}: {{id: a}}}}]}}}}\n"
        f"definitions:\n{state}  models:\n{messages}{tally}"
    )


def generated(text: str, root: Path) -> Path:
    """Write the package of a contract and its cases below a folder, and return the folder of its contract."""
    files = package_files(text) | case_files(text)
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root / Path(next(name for name in files if name.endswith("contract.yaml"))).parent
