"""``onex nodes`` and ``onex node show``: registered nodes and their health."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from onex.cli.bus import open_bus
from onex.cli.node_lookup import resolve_all
from onex.cli.options import Services, load_settings
from onex.cli.output import AsJson, console, errors, print_json, print_rows
from onex.cli.terminal import styled
from onex.connect import open_catalogue
from onex.errors import ConfigurationError
from onex.mesh import Entry, NodeView, PartitionLag, Survey
from onex.model.enums import EnumNodeKind
from onex.model.mesh import EnumHealth
from onex.util.printable import one_line

_MOST_NAMES = 20

node = typer.Typer(no_args_is_help=True, help="Show one node.")

Kind = Annotated[EnumNodeKind | None, typer.Option("--kind", case_sensitive=False, help="Only nodes of this kind.")]
Health = Annotated[
    EnumHealth | None, typer.Option("--health", case_sensitive=False, help="Only nodes of this health.")
]
Capability = Annotated[
    str, typer.Option("--capability", help="Only nodes with this capability, e.g. takes:PlaceOrder, workflow.")
]


def nodes(
    kind: Kind = None,
    health: Health = None,
    capability: Capability = "",
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """List nodes: instances, lag, dead letters, registration and health."""
    survey = open_survey(services)
    views = [
        view
        for view in survey.look()
        if (kind is None or view.kind == kind.lower())
        and (health is None or view.health == health)
        and (not capability or any(capability in capabilities_of(entry) for entry in view.instances))
    ]
    if as_json:
        print_json([as_dict(view) for view in views])
        return
    columns = ("NODE", "VERSION", "KIND", "INSTANCES", "PARTITIONS", "LAG", "DEAD", "UNFINISHED", "STATE", "HEALTH")
    print_rows(columns, [row_of(view) for view in views])
    if remark := registry_remark(survey):
        errors.print(remark)
    if strange := survey.pauses_elsewhere():
        names = ", ".join(map(one_line, strange[:_MOST_NAMES]))
        errors.print(f"paused, and not in these service folders: {names}; `onex resume NODE` ends it")


@node.command()
def show(
    name: Annotated[str, typer.Argument(help="Name of the node.")], services: Services = None, as_json: AsJson = False
) -> None:
    """Show one node: instances, capabilities, topics, lag by partition."""
    survey = open_survey(services)
    found = [view for view in survey.look() if view.name == name]
    if not found:
        raise ConfigurationError(f"no contract of {name!r} here; pass --services FOLDER")
    view = found[0]
    entries = [entry for entry in survey.entries() if entry.node.registered.node == name]
    if as_json:
        print_json(
            {
                **as_dict(view),
                "processes": [{**entry.node.model_dump(mode="json"), **_health_of(entry)} for entry in entries],
                "lags": [lag_as_dict(lag) for lag in view.lags],
            }
        )
        return
    console.print(styled("[bold]{}[/] {}  {}  {}  {}", view.name, view.version, view.kind, view.state, view.health))
    if view.pause is not None:
        why = f": {view.pause.why}" if view.pause.why else ""
        console.print(one_line(f"paused by {view.pause.who} at {view.pause.at:%Y-%m-%d %H:%M:%S}{why}"))
    if entries:
        shown = entries[-1].node.registered
        console.print(one_line(shown.description))
        console.print(styled("[dim]declared[/]    {}", ", ".join(shown.capabilities.declared)))
        console.print(styled("[dim]discovered[/]  {}", ", ".join(shown.capabilities.discovered)))
    rows = [
        (
            entry.node.node_id,
            entry.node.state.lower(),
            entry.health or "",
            "; ".join(entry.reasons) or entry.node.reason,
            entry.node.registered.pid,
            entry.node.registered.endpoints.get("health", ""),
        )
        for entry in entries
    ]
    print_rows(("PROCESS", "STATE", "HEALTH", "REASON", "PID", "ENDPOINT"), rows)
    print_rows(
        ("TOPIC", "PARTITION", "COMMITTED", "END", "LAG"),
        [(lag.partition.topic, lag.partition.partition, lag.committed, lag.end, lag.lag) for lag in view.lags],
    )


def open_survey(services: Services) -> Survey:
    """Return a survey of the nodes in the service folders."""
    settings = load_settings(services)
    resolved = resolve_all(settings)
    bus = open_bus(settings)
    return Survey(bus, open_catalogue(settings, bus), resolved, settings.env, settings.topic_prefix)


def registry_remark(survey: Survey) -> str:
    """Return a line about registry nodes that do not run, and the remedy. Empty when all of them run."""
    missing = survey.missing_registry_nodes()
    if not missing:
        return ""
    commands = ", ".join(f"`onex run {name}`" for name in missing)
    return f"no registry: states and health can be out of date or missing; run {commands}, or `onex up`"


def capabilities_of(entry: Entry) -> Sequence[str]:
    """Return the declared and the discovered capabilities of a process."""
    found = entry.node.registered.capabilities
    return (*found.declared, *found.discovered)


def row_of(view: NodeView) -> Sequence[object]:
    """Return one row of ``onex nodes``."""
    return (
        view.name,
        view.version,
        view.kind,
        len(view.instances),
        len(view.lags),
        view.lag,
        view.dead_letters,
        len(view.unfinished),
        state_of(view),
        view.health,
    )


def state_of(view: NodeView) -> str:
    """Return the state of the registrations, or that an operator has paused the node."""
    return view.state if view.pause is None else "paused"


def as_dict(view: NodeView) -> dict[str, object]:
    """Return a node as a JSON object."""
    return {
        "node": view.name,
        "version": view.version,
        "kind": view.kind,
        "instances": [entry.node.node_id for entry in view.instances],
        "partitions": len(view.lags),
        "lag": view.lag,
        "processed": view.processed,
        "dead_letters": view.dead_letters,
        "unfinished": list(view.unfinished),
        "state": view.state,
        "paused": view.pause is not None,
        "health": view.health,
    }


def _health_of(entry: Entry) -> Mapping[str, object]:
    return {"health": entry.health, "health_reasons": list(entry.reasons)}


def lag_as_dict(lag: PartitionLag) -> dict[str, object]:
    """Return the lag of a partition as a JSON object."""
    return {
        "topic": lag.partition.topic,
        "partition": lag.partition.partition,
        "committed": lag.committed,
        "end": lag.end,
        "lag": lag.lag,
    }
