"""``onex audit``: shows and verifies the entries of nodes with MixinAuditLog."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from onex.cli.bus import open_bus
from onex.cli.inputs import seconds_of
from onex.cli.options import load_settings
from onex.cli.output import AsJson, Exit, console, errors, print_json, print_rows
from onex.connect import open_catalogue
from onex.mixins.audit_log.chain import problems_of
from onex.model.mesh import AUDIT_TOPICS, AuditRecorded
from onex.schema.whole_topic import whole_topic

app = typer.Typer(help="Show and verify the audit log of nodes.", no_args_is_help=True)
_KEY = "ONEX_AUDIT_SEAL_KEY"

Node = Annotated[str, typer.Option(help="Only entries of this node.")]


def _entries(node: str) -> Iterator[AuditRecorded]:
    settings = load_settings(None)
    bus = open_bus(settings)
    catalogue = open_catalogue(settings, bus)
    topic = settings.topic_prefix + AUDIT_TOPICS[AuditRecorded]
    for entry in whole_topic(bus, topic, AuditRecorded, catalogue):
        if not node or entry.node == node:
            yield entry


@app.command()
def show(
    node: Node = "",
    who: Annotated[str, typer.Option(help="Only entries with this author.")] = "",
    message_id: Annotated[str, typer.Option("--id", help="Only entries about this message.")] = "",
    since: Annotated[str, typer.Option(help="Age of the oldest entry, e.g. 1h.")] = "24h",
    as_json: AsJson = False,
) -> None:
    """List entries, oldest first."""
    after = datetime.now(UTC) - timedelta(seconds=seconds_of(since, "--since"))
    found = [
        entry
        for entry in _entries(node)
        if entry.at >= after and (not who or entry.who == who) and (not message_id or entry.message_id == message_id)
    ]
    found.sort(key=lambda entry: (entry.at, entry.chain, entry.number))
    if as_json:
        print_json([entry.model_dump(mode="json") for entry in found])
        return
    rows = [
        (
            entry.at.isoformat(timespec="seconds"),
            entry.node,
            entry.who or "-",
            entry.what,
            entry.outcome,
            entry.message_id,
            entry.detail,
        )
        for entry in found
    ]
    print_rows(("AT", "NODE", "WHO", "WHAT", "OUTCOME", "MESSAGE", "DETAIL"), rows)


@app.command()
def verify(node: Node = "", as_json: AsJson = False) -> None:
    """Verify that no entry was changed, removed or added. ONEX_AUDIT_SEAL_KEY holds the seal_key of the nodes.

    Exit code 1 when an entry was.
    """
    entries = list(_entries(node))
    problems = list(problems_of(entries, os.environ.get(_KEY, "").encode()))
    chains = len({entry.chain for entry in entries})
    if as_json:
        print_json({"entries": len(entries), "chains": chains, "problems": problems})
    elif problems:
        for problem in problems:
            errors.print(problem)
    else:
        console.print(f"{len(entries)} entries in {chains} chains, none changed, none missing")
    if problems:
        raise typer.Exit(Exit.FAILED)
