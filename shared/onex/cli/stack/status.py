"""``onex status``: the servers and agents that ``onex up`` started on this machine."""

from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.text import Text

from onex.cli.options import load_settings
from onex.cli.output import AsJson, Exit, console, errors, print_json, print_rows
from onex.cli.stack.stack_file import agent_infos
from onex.cli.stack.stack_status import look
from onex.util.printable import printable


def status(
    targets: Annotated[
        bool,
        typer.Option("--targets", help="Print the agents as targets for Prometheus (file_sd), and end."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show servers and agents. Exit code 1 when something is not ready."""
    settings = load_settings()
    if targets:
        infos = agent_infos(settings)
        print_json([{"targets": [urlsplit(str(i["health"])).netloc], "labels": {"node": i["node"]}} for i in infos])
        return
    if not settings.kafka_bootstrap_servers:
        errors.print("nothing runs; `onex up` starts everything")
        raise typer.Exit(Exit.FAILED)
    found = look(settings)
    if as_json:
        print_json(found.as_json())
    else:
        state = Text("ready", "green") if found.kafka.ok else Text("down", "red")
        console.print(Text.assemble("Kafka       ", state, "  ", printable(found.kafka.detail)))
        console.print(f"PostgreSQL  {without_secrets(settings.database_url.get_secret_value())}")
        facts = ("node", "version", "kind", "instance", "pid", "state")
        print_rows([name.upper() for name in facts], [[agent[name] for name in facts] for agent in found.agents])
        for remedy in found.remedies:
            console.print(remedy)
    if not found.ready:
        raise typer.Exit(Exit.FAILED)


def without_secrets(url: str) -> str:
    """Host and database of a URL; user and password stay out of sight."""
    if not url:
        return "none"
    parts = urlsplit(url)
    return f"{parts.hostname or 'Unix socket'}{f':{parts.port}' if parts.port else ''}{parts.path}"
