"""``onex status``: the servers and agents that ``onex up`` started on this machine."""

from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.text import Text

from onex.cli.options import load_settings
from onex.cli.output import AsJson, Exit, console, errors, print_json, print_rows
from onex.cli.stack.agent_files import agent_infos
from onex.cli.stack.stack_status import status_of
from onex.util.printable import one_line, printable


def status(
    targets: Annotated[
        bool,
        typer.Option("--targets", help="Print the agents as Prometheus targets (file_sd), and exit."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show servers and agents. Exit code 1 when something is not ready."""
    settings = load_settings()
    if targets:
        infos = agent_infos(settings)
        print_json([{"targets": [urlsplit(info.health).netloc], "labels": {"node": info.node}} for info in infos])
        return
    if not settings.kafka_bootstrap_servers:
        errors.print("nothing runs; `onex up` starts everything")
        raise typer.Exit(Exit.FAILED)
    found = status_of(settings)
    if as_json:
        print_json(found.as_json())
    else:
        state = Text("ready", "green") if found.kafka.ok else Text("down", "red")
        console.print(Text.assemble("Kafka       ", state, "  ", printable(found.kafka.detail)))
        console.print(f"PostgreSQL  {without_secrets(settings.database_url.get_secret_value())}")
        rows = [
            (a.node, a.version, a.kind, a.instance, a.pid, len(a.unfinished), _shown(a.state, a.paused))
            for a in found.agents
        ]
        print_rows(("NODE", "VERSION", "KIND", "INSTANCE", "PID", "UNFINISHED", "STATE"), rows)
        for node, why in sorted({(agent.node, agent.paused) for agent in found.agents if agent.paused}):
            console.print(f"{node} is paused {one_line(why)}")
        for remedy in found.remedies:
            console.print(remedy)
    if not found.ready:
        raise typer.Exit(Exit.FAILED)


def _shown(state: str, paused: str) -> str:
    return f"{state}, paused" if paused else state


def without_secrets(url: str) -> str:
    """Return host and database of a URL, without user and password."""
    if not url:
        return "none"
    parts = urlsplit(url)
    return f"{parts.hostname or 'Unix socket'}{f':{parts.port}' if parts.port else ''}{parts.path}"
