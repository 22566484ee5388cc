"""``onex state checkpoint``: makes, lists, restores and deletes checkpoints of the state of a node."""

from typing import Annotated

import typer

from onex.checkpoint import EnumKeyChange, KeyChanges, Manifest
from onex.cli.author import Reason, Who, author_of
from onex.cli.bus import open_own_bus
from onex.cli.node_lookup import find_node
from onex.cli.options import Services, load_settings
from onex.cli.output import AsJson, console, print_json, print_rows, when
from onex.cli.terminal import styled
from onex.connect import open_catalogue
from onex.contract import resolve_node
from onex.dlq import CheckpointManager, RestorePlan
from onex.errors import RejectedError

app = typer.Typer(
    no_args_is_help=True,
    help="Make, list, restore and delete checkpoints of the state of reducers and orchestrators.",
)
_Name = Annotated[str, typer.Option("--name", help="Name of the checkpoint.")]
_Key = Annotated[
    str | None, typer.Option("--key", help="Only this key, e.g. a customer or a run. Default: all keys.")
]
_Stopped = Annotated[str, typer.Argument(help="Name of the node. Stop all of its instances first.")]
_Node = Annotated[str, typer.Argument(help="Name of the node. Its instances may run.")]


@app.command()
def make(
    node: _Node,
    name: _Name,
    key: _Key = None,
    reason: Annotated[str, typer.Option("--reason", help="Why it is made. `list` shows it.")] = "",
    who: Who = "",
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Copy the current state and timers under a name. Old checkpoints are deleted as the contract says."""
    manifest = _manager(node, services, who, reason).make(name, key)
    if as_json:
        print_json(_as_dict(manifest))
    else:
        console.print(f"{manifest.name}: {_contents(manifest)}, SHA-256 {manifest.checksum}", markup=False)


@app.command("list")
def list_all(node: _Node, services: Services = None, as_json: AsJson = False) -> None:
    """List the checkpoints of a node, the newest first."""
    found = _manager(node, services, "", "").all()
    if as_json:
        print_json([_as_dict(manifest) for manifest in found])
        return
    columns = ("NAME", "MADE", "VERSION", "KEYS", "BYTES", "OF", "CUT", "SCHEMA", "BY", "REASON")
    print_rows(columns, [_row(manifest) for manifest in found])


@app.command()
def restore(
    node: _Stopped,
    name: _Name,
    reason: Reason,
    key: _Key = None,
    yes: Annotated[bool, typer.Option("--yes", help="Make the change. Without it, only show it.")] = False,
    who: Who = "",
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Replace the state and timers by those of a checkpoint, for all keys or one. The positions of the node stay."""
    manager = _manager(node, services, who, reason)

    def planned() -> RestorePlan:
        if not reason.strip():
            raise RejectedError("--reason is empty")
        return manager.plan_restore(name, key)

    plan = planned()
    changes = manager.restore(plan) if yes else plan.changes
    manifest = plan.comparison.manifest
    if as_json:
        print_json(
            {
                "checkpoint": _as_dict(manifest),
                "key": plan.comparison.key,
                "keys": {change.value: changes.counts[change] for change in EnumKeyChange},
                "examples": {change.value: found for change, found in changes.examples.items()},
                "other_schema": plan.other_schema,
                "done": yes,
            }
        )
        return
    console.print(f"{manifest.name}: {_contents(manifest)}, made {when(manifest.made_at_ms)}", markup=False)
    _print_changes(changes)
    if plan.other_schema:
        console.print(f"{plan.other_schema} states have another schema; the node reads them with its defaults")
    console.print("done" if yes else "nothing is changed; --yes does it")


@app.command()
def delete(
    node: _Node,
    name: _Name,
    yes: Annotated[bool, typer.Option("--yes", help="Delete it. Without it, only show it.")] = False,
    reason: Reason = "",
    who: Who = "",
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Delete a checkpoint. The state of the node stays."""
    manager = _manager(node, services, who, reason)
    manifest = manager.delete(name) if yes else manager.find(name)
    if as_json:
        print_json({"checkpoint": _as_dict(manifest), "done": yes})
        return
    console.print(f"{manifest.name}: {_contents(manifest)}, made {when(manifest.made_at_ms)}", markup=False)
    console.print("deleted" if yes else "nothing is deleted; --yes does it")


def _manager(node: str, services: Services, who: str, reason: str) -> CheckpointManager:
    settings = load_settings(services)
    bus = open_own_bus(settings)
    resolved = resolve_node(find_node(node, settings), settings.topic_prefix)
    return CheckpointManager(bus, open_catalogue(settings, bus), resolved, author_of(who, reason), settings.env)


def _print_changes(changes: KeyChanges) -> None:
    for change in EnumKeyChange:
        keys = ", ".join(changes.examples.get(change, ()))
        if keys and changes.counts[change] > len(changes.examples[change]):
            keys += ", ..."
        console.print(
            styled("{} keys {}[dim]{}[/]", changes.counts[change], _WORDS[change], f": {keys}" if keys else "")
        )


_WORDS = {
    EnumKeyChange.SAME: "stay as they are",
    EnumKeyChange.CHANGED: "get the state of the checkpoint",
    EnumKeyChange.ADDED: "have no state now and get it again",
    EnumKeyChange.REMOVED: "are not in the checkpoint and lose their state",
}


def _contents(manifest: Manifest) -> str:
    of = "all keys" if manifest.key is None else f"key {manifest.key}"
    return f"{manifest.keys} keys, {manifest.size_bytes} bytes ({of}, contract {manifest.version})"


def _row(manifest: Manifest) -> tuple[object, ...]:
    return (
        manifest.name,
        when(manifest.made_at_ms).isoformat(timespec="seconds"),
        manifest.version,
        manifest.keys,
        manifest.size_bytes,
        "all keys" if manifest.key is None else manifest.key,
        "all keys" if manifest.at_rest else "each key",
        manifest.fingerprint[:12],
        manifest.who,
        manifest.reason,
    )


def _as_dict(manifest: Manifest) -> dict[str, object]:
    return {
        "name": manifest.name,
        "node": manifest.node,
        "version": manifest.version,
        "made_at": when(manifest.made_at_ms).isoformat(),
        "keys": manifest.keys,
        "records": manifest.records,
        "bytes": manifest.size_bytes,
        "key": manifest.key,
        "at_rest": manifest.at_rest,
        "fingerprint": manifest.fingerprint,
        "checksum": manifest.checksum,
        "automatic": manifest.automatic,
        "by": manifest.who,
        "reason": manifest.reason,
    }
