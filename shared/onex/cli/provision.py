"""``onex plan`` and ``onex apply``: provision the topics, schemas and schedules of contracts."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import typer

from onex.bus.kafka import KafkaEventBusAdapter
from onex.cli.bus import open_bus
from onex.cli.node_lookup import declared_by, resolve_all, scheduler_node
from onex.cli.options import Services, load_settings
from onex.cli.output import AsJson, Exit, console, errors, print_json
from onex.cli.schedules.book import ScheduleBook, has_schedules, shown
from onex.cli.stack.stack_file import is_local_kafka
from onex.cli.terminal import styled
from onex.connect import open_catalogue
from onex.contract import ResolvedNode
from onex.provisioning.declared import Declared
from onex.provisioning.durability import REMEDY, weak_topics
from onex.provisioning.foreign import create_foreign
from onex.provisioning.provision import Plan, apply_plan, make_plan
from onex.provisioning.sample import sample_warnings
from onex.schema import ProtocolSchemaCatalogue
from onex.settings import Settings

_SIGNS = {
    "claim": "[green]+ claim[/]   ",
    "create": "[green]+ create[/]  ",
    "register": "[green]+ register[/]",
    "grow": "[yellow]~ grow[/]    ",
    "alter": "[yellow]~ alter[/]   ",
    "schedule": "[green]+ schedule[/]",
    "unschedule": "[yellow]- schedule[/]",
    "refuse": "[red]! refuse[/]  ",
}


class _Planned(NamedTuple):
    """A plan, and what it was made of."""

    plan: Plan
    declared: Declared
    bus: KafkaEventBusAdapter
    catalogue: ProtocolSchemaCatalogue
    nodes: Sequence[ResolvedNode]
    schedules: ScheduleBook | None
    """None where neither a contract nor the cluster has schedules."""


def plan(services: Services = None, as_json: AsJson = False) -> None:
    """Show what `onex apply` would change. Exit code 0: nothing, 1: changes, 5: unsafe changes."""
    settings = load_settings(services)
    planned = _plan(settings, resolve_all(settings))
    _show(planned.plan, as_json)
    _warn(settings, planned.declared, planned.bus)
    _warn_of_records(planned.nodes, planned.bus, planned.catalogue)
    if planned.plan.refused:
        raise typer.Exit(Exit.REFUSED)
    if planned.plan.changes:
        raise typer.Exit(Exit.FAILED)


def apply(services: Services = None, as_json: AsJson = False) -> None:
    """Create the topics, register the schemas and set the schedules that contracts declare.

    Run it as often as you like. It refuses changes that would break readers or lose data.
    """
    settings = load_settings(services)
    planned = _plan(settings, resolve_all(settings))
    _show(planned.plan, as_json)
    if planned.plan.refused:
        raise typer.Exit(Exit.REFUSED)
    _apply(planned)
    _warn(settings, planned.declared, planned.bus)
    _warn_of_records(planned.nodes, planned.bus, planned.catalogue)


def provision(settings: Settings) -> Plan:
    """Plan and apply without output, for ``onex up``. Its own broker gets stand-ins for the topics of others."""
    nodes = resolve_all(settings)
    if is_local_kafka(settings):
        bus = open_bus(settings)
        own_schemas = None if settings.schema_registry_url.get_secret_value() else open_catalogue(settings, bus)
        create_foreign(declared_by(settings, nodes), bus, own_schemas)
    planned = _plan(settings, nodes)
    _apply(planned)
    return planned.plan


def _plan(settings: Settings, nodes: Sequence[ResolvedNode]) -> _Planned:
    declared = declared_by(settings, nodes)
    bus = open_bus(settings)
    catalogue = open_catalogue(settings, bus)
    made, schedules = make_plan(declared, bus, catalogue), None
    if any(node.contract.schedules for node in nodes) or has_schedules(bus, settings.topic_prefix):
        schedules = ScheduleBook(bus, catalogue, scheduler_node(settings, nodes))
        changes = [*made.changes, *map(shown, schedules.changes(nodes))]
        made = replace(made, changes=changes)
    return _Planned(made, declared, bus, catalogue, nodes, schedules)


def _apply(planned: _Planned) -> None:
    apply_plan(planned.plan, planned.declared, planned.bus, planned.catalogue)
    if planned.schedules is not None:
        planned.schedules.write(planned.schedules.changes(planned.nodes))


def _warn(settings: Settings, declared: Declared, bus: KafkaEventBusAdapter) -> None:
    """Warn on stderr of topics that can lose records. The output of the command does not change."""
    if not is_local_kafka(settings) and (weak := weak_topics(bus.admin.topics(list(declared.topics)).values())):
        errors.print(styled("[yellow]warning[/] {}", f"{weak}; {REMEDY}"))


def _warn_of_records(
    nodes: Sequence[ResolvedNode], bus: KafkaEventBusAdapter, catalogue: ProtocolSchemaCatalogue
) -> None:
    """Warn on stderr of topics of others whose latest records a node would refuse."""
    for text in sample_warnings(nodes, bus, catalogue):
        errors.print(styled("[yellow]warning[/] {}", text))


def _show(planned: Plan, as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {"action": c.action, "subject": c.subject, "detail": c.detail, "readers": list(c.readers)}
                for c in planned.changes
            ]
        )
        return
    for change in planned.changes:
        console.print(styled(_SIGNS[change.action] + " {}  [dim]{}[/]", change.subject, change.detail))
        for line in change.readers:
            console.print(styled("             [dim]{}[/]", line))
    if not planned.changes:
        console.print("nothing to change")
