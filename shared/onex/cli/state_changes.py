"""``onex state drop`` and ``onex state rebuild``: delete the state of a node, or rebuild it from its inputs."""

from collections.abc import Callable
from typing import Annotated

import typer

from onex.cli.author import Reason, Who, author_of
from onex.cli.bus import open_own_bus
from onex.cli.node_lookup import find_node
from onex.cli.options import Services, load_settings
from onex.cli.output import AsJson, console, print_json, print_rows
from onex.connect import open_catalogue
from onex.contract import resolve_node
from onex.dlq import Reset, StateChange, StateManager
from onex.errors import RejectedError

_Node = Annotated[str, typer.Argument(help="Name of the node. Stop all of its instances first.")]
_Yes = Annotated[bool, typer.Option("--yes", help="Make the change. Without it, only show it.")]


def drop(
    node: _Node,
    reason: Reason,
    yes: _Yes = False,
    who: Who = "",
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Delete the state and timers of all keys. The node continues at its positions, as if every key were new."""
    _change(node, services, who, reason, lambda manager: manager.plan_drop(), yes=yes, as_json=as_json)


def rebuild(
    node: _Node,
    reason: Reason,
    publish_again: Annotated[
        bool, typer.Option("--publish-again", help="Allow events and commands to be published a second time.")
    ] = False,
    yes: _Yes = False,
    who: Who = "",
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Delete the state, and rebuild it from the records that are still on the input topics."""

    def planned(manager: StateManager) -> StateChange:
        return manager.plan_rebuild(publish_again=publish_again)

    _change(node, services, who, reason, planned, yes=yes, as_json=as_json)


def _change(
    node: str,
    services: Services,
    who: str,
    reason: str,
    plan: Callable[[StateManager], StateChange],
    *,
    yes: bool,
    as_json: bool,
) -> None:
    settings = load_settings(services)
    bus = open_own_bus(settings)
    resolved = resolve_node(find_node(node, settings), settings.topic_prefix)

    def planned() -> tuple[StateManager, StateChange]:
        if not reason.strip():
            raise RejectedError("--reason is empty")
        manager = StateManager(bus, open_catalogue(settings, bus), resolved, author_of(who, reason), settings.env)
        return manager, plan(manager)

    manager, change = planned()
    if yes:
        manager.apply(change)
    if as_json:
        positions = [_as_dict(reset) for reset in change.resets]
        incomplete = [f"{topic}[{number}]" for topic, number in change.incomplete]
        print_json(
            {
                "changelog": change.changelog,
                "offsets_deleted": change.offsets,
                "positions": positions,
                "incomplete": incomplete,
                "done": yes,
            }
        )
        return
    console.print(
        f"{change.changelog}: {change.offsets} offsets are deleted, and the copies on every disk", markup=False
    )
    columns = ("TOPIC", "PARTITION", "FROM", "TO", "EFFECT")
    print_rows(columns, [tuple("none" if v is None else v for v in _as_dict(r).values()) for r in change.resets])
    for topic, number in change.incomplete:
        console.print(f"{topic}[{number}] has lost its first records: the new state lacks them")
    console.print("done" if yes else "nothing is changed; --yes does it")


def _as_dict(reset: Reset) -> dict[str, object]:
    before = reset.before
    return {
        "topic": before.partition.topic,
        "partition": before.partition.partition,
        "from": None if before.committed is None else before.committed.offset,
        "to": reset.to,
        "effect": reset.effect,
    }
