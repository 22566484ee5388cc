"""``onex explain``: prints what a node reads, runs, stores and writes."""

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.text import Text

from onex.cli.node_lookup import find_node
from onex.cli.options import Services, load_settings
from onex.cli.output import AsJson, console, print_json
from onex.cli.workflow_drawing import draw, mermaid
from onex.contract import ResolvedNode, resolve_node
from onex.mixins.catalogue import CATALOGUE
from onex.model.contract import ModelStateMachine, ModelTransition
from onex.model.enums import EnumNodeKind
from onex.schema import codec_source
from onex.settings import Settings
from onex.util.printable import one_line


def explain(
    node: Annotated[str, typer.Argument(help="Name or path of a node.")],
    as_mermaid: Annotated[
        bool, typer.Option("--mermaid", help="Print the workflow as a Mermaid flow chart.")
    ] = False,
    codec: Annotated[
        bool, typer.Option("--codec", help="Print the Python code that reads and writes its messages.")
    ] = False,
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Print topics, group, pipeline, state, guarantees and workflow of a node."""
    settings = load_settings(services)
    resolved = resolve_node(find_node(node, settings), settings.topic_prefix)
    if codec:
        models = {route.model: None for route in resolved.all_routes} | dict.fromkeys(resolved.outputs)
        if resolved.state_model is not None:
            models[resolved.state_model] = None
        console.print("\n\n".join(codec_source(model) for model in models))
        return
    if as_mermaid:
        workflow = resolved.contract.workflow_coordination
        if workflow is None:
            raise typer.BadParameter(f"{resolved.contract.name} declares no workflow", param_hint="--mermaid")
        console.print(mermaid(workflow))
        return
    facts = _facts(resolved, settings)
    if as_json:
        print_json(facts)
        return
    for name, value in facts.items():
        match value:
            case list():
                lines = value
            case _:
                lines = [value]
        for index, line in enumerate(lines):
            console.print(Text(f"{name if not index else '':<10}", "bold"), one_line(line))


def _facts(resolved: ResolvedNode, settings: Settings) -> dict[str, object]:
    contract = resolved.contract
    partitions = contract.event_bus.topic_config.partitions
    group = contract.group(settings.env)
    facts: dict[str, object] = {
        "node": f"{contract.name} {contract.contract_version} {contract.node_type}: {contract.description}",
        "reads": [
            f"{route.topic}  {route.model.__name__} -> {resolved.node_class.__name__}.{route.method}"
            for route in resolved.all_routes
        ]
        + [f"{contract.retry_topic}  replayed dead letters"],
        "group": f"{group}, {partitions} partitions",
        "pipeline": _pipeline(resolved),
        "writes": [f"{topic}  {model.__name__}" for model, topic in resolved.outputs.items()] or ["nothing"],
        "failures": f"{contract.dead_letter_topic}; {_retries(resolved)}",
        "promises": _promises(resolved),
    }
    if plan := resolved.node_class.capabilities.described:
        facts["can"] = [f"{metadata.name} as self.{metadata.accessor}: {metadata.summary}" for metadata in plan]
    if features := resolved.features.names:
        facts["agent"] = [f"{name}: {_feature(name)}" for name in sorted(features)]
    if unfinished := resolved.unfinished:
        facts["unfinished"] = [f"{resolved.node_class.__name__}.{name}  class unfinished" for name in unfinished]
    if contract.node_type.is_stateful:
        model = resolved.state_model.__name__ if resolved.state_model else "WorkflowState"
        facts["state"] = f"{model} per key, in {contract.changelog_topic}"
    if workflow := contract.workflow_coordination:
        facts["workflow"] = draw(workflow)
    if machine := contract.state_machine:
        facts["fsm"] = [*(_way(each) for _, each in machine.in_order), *_actions(machine)]
    return facts


def _way(transition: ModelTransition) -> str:
    needed = " and ".join([*transition.conditions, *(str(guard) for guard in transition.guards)])
    rank = f", priority {transition.priority}" if transition.priority else ""
    way = f"{transition.from_state} --{transition.trigger}--> {transition.to_state}"
    return f"{way}{f' when {needed}' if needed else ''}{rank}"


def _actions(machine: ModelStateMachine) -> Iterator[str]:
    for state in machine.states:
        for when, names in (("entering", state.entry_actions), ("leaving", state.exit_actions)):
            if names:
                yield f"{when} {state.name}: {', '.join(names)}"


def _feature(name: str) -> str:
    feature = CATALOGUE.feature(name)
    return feature.summary if feature else ""


def _pipeline(resolved: ResolvedNode) -> str:
    commit = "commit outputs, offsets and state in one transaction"
    if resolved.contract.delivery.guarantee != "exactly_once":
        commit = "wait for acknowledgements, commit offsets"
    layers = [metadata.name for metadata in resolved.node_class.capabilities.layers]
    called = " > ".join([*layers, "handler"])
    middle = f"lanes by key > {called} (retry) > encode" if _is_effect(resolved) else f"{called} > encode"
    return f"poll > decode > {middle} > produce > {commit}"


def _retries(resolved: ResolvedNode) -> str:
    if not _is_effect(resolved):
        return "pure handlers are not retried"
    policy = resolved.contract.retry_policy
    return f"transient failures up to {policy.max_attempts} attempts, {policy.backoff} from {policy.base_delay:g} s"


def _promises(resolved: ResolvedNode) -> str:
    delivery = resolved.contract.delivery
    promise = f"{delivery.guarantee}, {resolved.contract.handler_timeout:g} s per call"
    return (
        f"{promise}, ordering by {delivery.ordering}, {delivery.concurrency} at once"
        if _is_effect(resolved)
        else promise
    )


def _is_effect(resolved: ResolvedNode) -> bool:
    return resolved.contract.node_type is EnumNodeKind.EFFECT
