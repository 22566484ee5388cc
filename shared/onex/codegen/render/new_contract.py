"""The contract of a new node, from names."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from onex.codegen.render.generatable import generatable_contract
from onex.codegen.render.templates_of import Templates
from onex.errors import ConfigurationError
from onex.model.contract.identifiers import class_name_problem
from onex.model.enums import EnumNodeKind, EnumTopicCategory
from onex.model.topic import TopicName, kebab

_TEMPLATE: Final = "contract.yaml.j2"
_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9]+")


def new_contract(
    name: str, kind: EnumNodeKind, inputs: Sequence[str], outputs: Sequence[str], templates: Path | None = None
) -> str:
    """Return the text of a contract that can be generated. Every handler is unfinished.

    ``name`` may lack ``node_`` and the kind. ``inputs`` and ``outputs`` are class names of messages. Of an
    ORCHESTRATOR the first input starts the workflow and the others are results of its steps; the first output is the
    event of success, the second one that of failure, and the others are the commands of the steps.

    Raise ConfigurationError for names that cannot be used.
    """
    owner = _owner(name, kind)
    _check(inputs, outputs)
    state = f"{_camel(owner)}State" if kind is EnumNodeKind.REDUCER else ""
    values: dict[str, object] = {
        "name": f"node_{owner}_{kind.lower()}",
        "kind": kind.value,
        "description": f"Takes {', '.join(inputs)}.",
        "state": state,
        "steps": [],
        "outputs": outputs,
        "handlers": [{"input": item, "name": kebab(item).replace("-", "_")} for item in inputs],
        "messages": [*([state] if state else []), *inputs, *outputs],
    }
    taken = EnumTopicCategory.EVT if kind is EnumNodeKind.REDUCER else EnumTopicCategory.CMD
    values["subscribed"] = [_topic(taken, owner, item) for item in inputs]
    values["published"] = [_topic(EnumTopicCategory.EVT, owner, item) for item in outputs]
    if kind is EnumNodeKind.ORCHESTRATOR:
        values |= _workflow(owner, inputs, outputs)
    text = Templates(templates).render(_TEMPLATE, values)
    generatable_contract(text)
    return text


def _workflow(owner: str, inputs: Sequence[str], outputs: Sequence[str]) -> dict[str, object]:
    start, *results = inputs
    completed, *others = outputs or [f"{_camel(owner)}Completed"]
    failed, *commands = others or [f"{_camel(owner)}Failed"]
    if len(results) != len(commands):
        raise ConfigurationError(
            f"{len(commands)} commands and {len(results)} results: name as many of one as of the other; the first "
            "input starts the workflow, the first two outputs end it"
        )
    if not commands:
        commands, results = [f"Prepare{_camel(owner)}"], [f"{_camel(owner)}Prepared"]
    ids = [kebab(command).replace("-", "_") for command in commands]
    steps = [
        {"id": name, "command": command, "result": result, "after": before}
        for name, command, result, before in zip(ids, commands, results, ["", *ids], strict=False)
    ]
    return {
        "steps": steps,
        "completed": completed,
        "failed": failed,
        "messages": [start, *commands, *results, completed, failed],
        "subscribed": [
            _topic(EnumTopicCategory.CMD, owner, start),
            *(_topic(EnumTopicCategory.EVT, owner, result) for result in results),
        ],
        "published": [
            *(_topic(EnumTopicCategory.CMD, owner, command) for command in commands),
            *(_topic(EnumTopicCategory.EVT, owner, end) for end in (completed, failed)),
        ],
    }


def _owner(name: str, kind: EnumNodeKind) -> str:
    words = _NOT_IN_NAMES.sub("_", kebab(name).replace("-", "_").removeprefix("node_")).strip("_")
    owner = words.removesuffix(f"_{kind.lower()}")
    if not owner or len(owner) > 60:
        raise ConfigurationError(f"{name[:80]!r} is no name of a node; write words such as quote or order_pricing")
    return owner


def _check(inputs: Sequence[str], outputs: Sequence[str]) -> None:
    if not inputs:
        raise ConfigurationError("a node takes at least one message; name it, as AskQuote")
    names = [*inputs, *outputs]
    for name in names:
        if problem := class_name_problem(name):
            raise ConfigurationError(f"the message {problem}")
    if doubled := sorted({name for name in names if [kebab(other) for other in names].count(kebab(name)) > 1}):
        raise ConfigurationError(f"{', '.join(doubled)}: two messages need two names")


def _topic(category: EnumTopicCategory, owner: str, message: str) -> str:
    return str(TopicName(category, owner.replace("_", "-"), kebab(message), 1))


def _camel(owner: str) -> str:
    return "".join(part.capitalize() for part in owner.split("_"))
