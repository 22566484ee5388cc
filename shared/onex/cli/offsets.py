"""``onex offsets``: shows and sets the positions of a node on its topics."""

from datetime import datetime
from typing import Annotated

import typer

from onex.cli.author import Reason, Who, author_of
from onex.cli.bus import open_own_bus
from onex.cli.inputs import LAST_PARTITION, whole_number
from onex.cli.node_lookup import find_node
from onex.cli.offsets_skip import skip
from onex.cli.options import Services, load_settings
from onex.cli.output import AsJson, Exit, console, print_json, print_rows
from onex.connect import open_catalogue
from onex.contract import resolve_node
from onex.dlq import OffsetManager, PartitionPosition, Reset
from onex.errors import RejectedError

app = typer.Typer(
    no_args_is_help=True, help="Show and set positions of a node, and skip a record that blocks a partition."
)
app.command()(skip)


@app.command()
def show(
    node: Annotated[str, typer.Argument(help="Name of the node.")],
    topic: Annotated[str, typer.Argument(help="Topic that the node reads. Default: all.")] = "",
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Show the committed position of each partition that a node reads, and its problem.

    Exit code 1 when a position is invalid.
    """
    manager, _ = _manager(node, services, "", "")
    positions = manager.positions(topic)
    if as_json:
        print_json([_as_dict(at) for at in positions])
    else:
        columns = ("TOPIC", "PARTITION", "FIRST", "COMMITTED", "DONE BEYOND", "END", "BEHIND", "PROBLEM")
        print_rows(columns, [tuple("" if v is None else v for v in _as_dict(at).values()) for at in positions])
    if any(at.problem for at in positions):
        raise typer.Exit(Exit.FAILED)


@app.command()
def reset(
    node: Annotated[str, typer.Argument(help="Name of the node. Stop all of its instances first.")],
    topic: Annotated[str, typer.Argument(help="Topic that the node reads.")],
    to: Annotated[str, typer.Option("--to", help="earliest, latest, an offset, or a time like 2026-01-31T12:00Z.")],
    reason: Reason,
    partitions: Annotated[
        list[int] | None,
        typer.Option("--partition", min=0, max=LAST_PARTITION, help="Partition. Repeatable. Default: all."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Make the change. Without it, only show it.")] = False,
    who: Who = "",
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Set the committed positions of a node, to process records again or to skip them.

    A reducer or orchestrator applies records that it reads again to its current state.
    """
    manager, is_stateful = _manager(node, services, who, reason)

    def planned() -> list[Reset]:
        if not reason.strip():
            raise RejectedError("--reason is empty")
        return manager.plan(manager.positions(topic, partitions or ()), _target(to))

    resets = planned()
    if yes:
        manager.reset(resets)
    if as_json:
        print_json([{**_as_dict(r.before), "to": r.to, "effect": r.effect, "reset": yes} for r in resets])
        return
    rows = [(r.before.partition.partition, _as_dict(r.before)["committed"] or "none", r.to, r.effect) for r in resets]
    print_rows(("PARTITION", "FROM", "TO", "EFFECT"), rows)
    if is_stateful:
        console.print("records that are read again change the state of their keys a second time")
    console.print("done" if yes else "nothing is written; --yes sets these positions")


def _manager(node: str, services: Services, who: str, reason: str) -> tuple[OffsetManager, bool]:
    settings = load_settings(services)
    bus = open_own_bus(settings)
    resolved = resolve_node(find_node(node, settings), settings.topic_prefix)
    manager = OffsetManager(bus, open_catalogue(settings, bus), resolved, author_of(who, reason), settings.env)
    return manager, resolved.contract.node_type.is_stateful


def _target(to: str) -> int | datetime | None:
    """Return an offset, a time, or None for the end. Raise RejectedError."""
    match to:
        case "earliest":
            return 0
        case "latest":
            return None
        case _ if (offset := whole_number(to)) is not None:
            return offset
    try:
        at = datetime.fromisoformat(to)
    except ValueError:
        raise RejectedError(f"--to {to!r} is no offset, no time, and neither earliest nor latest") from None
    if at.tzinfo is None:
        raise RejectedError(f"--to {to!r} has no time zone: add Z, or an offset as +02:00")
    return at


def _as_dict(at: PartitionPosition) -> dict[str, object]:
    return {
        "topic": at.partition.topic,
        "partition": at.partition.partition,
        "first": at.first,
        "committed": None if at.committed is None else at.committed.offset,
        "done_beyond": at.done_beyond,
        "end": at.end,
        "behind": at.behind,
        "problem": at.problem,
    }
