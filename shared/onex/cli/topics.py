"""``onex topics`` and ``onex lag``: topics with their readers and writers, and the lag of nodes."""

import time
from contextlib import suppress
from typing import Annotated

import typer
from rich.live import Live
from rich.table import Table

from onex.bus.topics import all_partitions
from onex.cli.bus import open_bus
from onex.cli.node_lookup import declared_by, resolve_all
from onex.cli.nodes import lag_as_dict, open_survey
from onex.cli.options import Services, load_settings
from onex.cli.output import AsJson, console, print_json, print_rows, table_of
from onex.mesh import NodeView, Survey
from onex.model.mesh import MESH_TOPICS
from onex.model.mesh.topics import with_prefix


def topics(services: Services = None, as_json: AsJson = False) -> None:
    """List the topics of the mesh with partitions, offsets, writers and readers."""
    settings = load_settings(services)
    nodes = resolve_all(settings)
    declared = declared_by(settings, nodes)
    bus = open_bus(settings)
    present = bus.admin.topics(list(declared.topics))
    ends = bus.admin.ends(all_partitions(present.values()))
    writers = {
        name: sorted(n.contract.name for n in nodes if name in n.contract.event_bus.publish_topics)
        for name in declared.topics
    }
    for name in with_prefix(MESH_TOPICS, settings.topic_prefix).values():
        writers[name] = writers[name] or ["every agent"]
    readers = {name: sorted(n.contract.name for n in nodes if name in n.routes) for name in declared.topics}
    found = [
        {
            "topic": name,
            "partitions": present[name].partitions if name in present else 0,
            "offsets": sum(end - first for p, (first, end) in ends.items() if p.topic == name),
            "writers": writers[name],
            "readers": readers[name],
            "exists": name in present,
            "config": dict(present[name].config) if name in present else {},
        }
        for name in declared.topics
    ]
    if as_json:
        print_json(found)
        return
    rows = [
        (
            entry["topic"],
            entry["partitions"] or "missing",
            entry["offsets"],
            ", ".join(writers[str(entry["topic"])]),
            ", ".join(readers[str(entry["topic"])]),
        )
        for entry in found
    ]
    print_rows(("TOPIC", "PARTITIONS", "OFFSETS", "WRITTEN BY", "READ BY"), rows)


def lag(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Refresh until Ctrl-C.")] = False,
    interval: Annotated[float, typer.Option(min=0.2, help="Seconds between samples.")] = 1.0,
    every: Annotated[bool, typer.Option("--all", help="Include partitions without lag.")] = False,
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Show the lag of each partition. With --follow --json, print one document per sample."""
    survey = open_survey(services)
    with suppress(KeyboardInterrupt):
        if as_json:
            _print_lags(survey, follow, interval)
        elif follow:
            with Live(_table(survey.look(), every), console=console, refresh_per_second=8) as live:
                while True:
                    time.sleep(interval)
                    live.update(_table(survey.look(), every))
        else:
            console.print(_table(survey.look(), every))


def _print_lags(survey: Survey, follow: bool, interval: float) -> None:
    while True:
        print_json([{"node": view.name, **lag_as_dict(lag)} for view in survey.look() for lag in view.lags])
        if not follow:
            return
        time.sleep(interval)


def _table(views: list[NodeView], every: bool) -> Table:
    rows = [
        (view.name, entry.partition.topic, entry.partition.partition, entry.committed, entry.end, entry.lag)
        for view in views
        for entry in view.lags
        if entry.lag or every
    ]
    behind = sum(view.lag for view in views)
    table = table_of(("NODE", "TOPIC", "PARTITION", "COMMITTED", "END", "LAG"), rows)
    table.caption = f"{behind} records behind" if behind else "no records behind"
    table.caption_justify = "left"
    return table
