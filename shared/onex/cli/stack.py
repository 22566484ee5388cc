"""``onex down`` and ``status``: the mesh that ``onex up`` started on this machine."""

import shutil
from typing import Annotated, cast
from urllib.parse import urlsplit

import typer
from rich.text import Text

from onex.bus.open import open_bus
from onex.cli.options import load_settings
from onex.cli.output import AsJson, Exit, console, errors, print_json, print_rows
from onex.cli.stack_file import agent_infos, ask_agent, read_stack
from onex.model.printable import printable
from onex.settings import STACK_FILE


def down(
    wipe: Annotated[bool, typer.Option("--wipe", help="Also delete all data, state and logs.")] = False,
) -> None:
    """Stop everything that `onex up` started. Agents drain first."""
    from onex.local import LocalPostgres
    from onex.local.process import stop, stop_all

    settings = load_settings()
    stack = read_stack(settings)
    agents = cast(list[dict[str, float]], stack.get("agents", []))
    late = stop_all([(int(agent["pid"]), agent["started"]) for agent in agents], settings.drain_timeout + 10)
    if kafka := cast(dict[str, float] | None, stack.get("kafka")):
        stop(int(kafka["pid"]), kafka["started"], 20)
    if stack.get("postgres"):
        LocalPostgres(settings.home / "postgres").stop()
    (settings.home / STACK_FILE).unlink(missing_ok=True)
    if wipe:
        shutil.rmtree(settings.home, ignore_errors=True)
    console.print(f"stopped {len(agents)} agents{', Kafka' if kafka else ''}")
    if late:
        errors.print(f"{len(late)} agents did not drain in time and were killed")
        raise typer.Exit(Exit.FAILED)


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
    health = open_bus(settings).health()
    agents = [ask_agent(info) for info in agent_infos(settings)]
    if as_json:
        print_json({"kafka": {"ok": health.ok, "detail": health.detail}, "agents": agents})
    else:
        state = Text("ready", "green") if health.ok else Text("down", "red")
        console.print(Text.assemble("Kafka       ", state, "  ", printable(health.detail)))
        console.print(f"PostgreSQL  {without_secrets(settings.database_url.get_secret_value())}")
        rows = [(a["node"], a["version"], a["kind"], a["instance"], a["pid"], a["state"]) for a in agents]
        print_rows(("NODE", "VERSION", "KIND", "INSTANCE", "PID", "STATE"), rows)
    if not health.ok or any(agent["state"] != "ready" for agent in agents):
        raise typer.Exit(Exit.FAILED)


def without_secrets(url: str) -> str:
    """Host and database of a URL; user and password stay out of sight."""
    if not url:
        return "none"
    parts = urlsplit(url)
    return f"{parts.hostname or 'Unix socket'}{f':{parts.port}' if parts.port else ''}{parts.path}"
