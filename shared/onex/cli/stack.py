"""``onex up``, ``down`` and ``status``: a whole mesh on this machine."""

import json
import os
import shutil
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast
from urllib.parse import urlsplit

import psutil
import typer

from onex.bus.open import open_bus
from onex.cli.nodes import Services, load_settings, resolve_all
from onex.cli.output import AsJson, Exit, console, errors, print_json, print_rows
from onex.cli.provision import provision
from onex.contract import ResolvedNode
from onex.model.errors import ConfigurationError
from onex.settings import STACK_FILE, Settings

if TYPE_CHECKING:
    from onex.local import LocalKafka

_PATIENCE, _AGENT_PATIENCE = 30.0, 5.0
"""Seconds until agents must be ready: altogether, and more for each that is started."""


def up(
    services: Services = None,
    agents: Annotated[bool, typer.Option(help="Start an agent for every node.")] = True,
    instances: Annotated[int, typer.Option("--instances", "-n", min=1, help="Processes for each node.")] = 1,
) -> None:
    """Start Kafka, PostgreSQL and the agents, and provision topics and schemas.

    KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL, when set, are used instead of local servers.
    """
    settings = load_settings(services)
    nodes = resolve_all(settings)
    stack = _read(settings)
    began = time.monotonic()
    kafka = None
    if not settings.kafka_bootstrap_servers or stack.get("kafka"):
        kafka = _launch_kafka(settings, stack)
    if not settings.database_url or stack.get("postgres"):
        _start_postgres(settings, stack)
        console.print(f"PostgreSQL ready (Unix socket) after {time.monotonic() - began:.1f} s")
    if kafka is not None:
        kafka.wait()
        console.print(f"Kafka ready ({kafka.bootstrap_servers}) after {time.monotonic() - began:.1f} s")
    stack["services"] = [str(folder.resolve()) for folder in settings.services]
    _write(settings, stack)
    settings = load_settings(services)
    plan = provision(settings)
    counts = {action: sum(change.action == action for change in plan.changes) for action in ("create", "register")}
    console.print(f"{counts['create']} topics created, {counts['register']} schemas registered")
    if agents:
        started = _start_agents(settings, stack, nodes, instances)
        _write(settings, stack)
        _await_ready(settings, started)


def down(
    wipe: Annotated[bool, typer.Option("--wipe", help="Also delete all data, state and logs.")] = False,
) -> None:
    """Stop everything that `onex up` started. Agents drain first."""
    from onex.local import LocalPostgres
    from onex.local.process import stop, stop_all

    settings = load_settings()
    stack = _read(settings)
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
        infos = _agent_infos(settings)
        print_json([{"targets": [urlsplit(str(i["health"])).netloc], "labels": {"node": i["node"]}} for i in infos])
        return
    if not settings.kafka_bootstrap_servers:
        errors.print("nothing runs; `onex up` starts everything")
        raise typer.Exit(Exit.FAILED)
    health = open_bus(settings).health()
    agents = [_ask(info) for info in _agent_infos(settings)]
    if as_json:
        print_json({"kafka": {"ok": health.ok, "detail": health.detail}, "agents": agents})
    else:
        console.print(f"Kafka       {'[green]ready[/]' if health.ok else '[red]down[/]'}  {health.detail}")
        console.print(f"PostgreSQL  {without_secrets(settings.database_url)}")
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


def _launch_kafka(settings: Settings, stack: dict[str, object]) -> "LocalKafka | None":
    """None when it runs. It is noted before it is ready, so that `onex down` knows it whatever happens next."""
    from onex.local import LocalKafka
    from onex.local.process import alive

    known = cast(dict[str, float] | None, stack.get("kafka"))
    if known and alive(int(known["pid"]), known["started"]):
        return None
    kafka = LocalKafka(settings.home / "kafka", tied=False, progress=console.print)
    kafka.launch()
    stack["kafka_bootstrap_servers"] = kafka.bootstrap_servers
    stack["kafka"] = {"pid": kafka.pid, "started": kafka.started}
    _write(settings, stack)
    return kafka


def _start_postgres(settings: Settings, stack: dict[str, object]) -> None:
    from onex.local import LocalPostgres

    stack["database_url"] = LocalPostgres(settings.home / "postgres").start()
    stack["postgres"] = True


def _start_agents(
    settings: Settings, stack: dict[str, object], nodes: list[ResolvedNode], instances: int
) -> list[int]:
    from onex.local.process import alive, spawn, started_at

    agents = cast(list[dict[str, object]], stack.setdefault("agents", []))
    running = [a for a in agents if alive(cast(int, a["pid"]), cast(float, a["started"]))]
    started = []
    for node in nodes:
        present = sum(agent["node"] == node.contract.name for agent in running)
        for number in range(present, instances):
            command = [sys.executable, "-m", "onex.cli.main", "run", str(node.folder)]
            log = settings.home / "logs" / f"{node.contract.name}.{number}.log"
            process = spawn(command, log, tied=False)
            started.append(process.pid)
            running.append({"node": node.contract.name, "pid": process.pid, "started": started_at(process.pid)})
    stack["agents"] = running
    return started


def _await_ready(settings: Settings, pids: list[int]) -> None:
    began = time.monotonic()
    patience = _PATIENCE + _AGENT_PATIENCE * len(pids)
    while time.monotonic() - began < patience:
        found = {info["pid"]: _ask(info) for info in _agent_infos(settings)}
        waiting = [pid for pid in pids if found.get(pid, {}).get("state") != "ready"]
        if dead := [pid for pid in waiting if not psutil.pid_exists(pid) or _is_zombie(pid)]:
            raise ConfigurationError(f"{len(dead)} agents ended at once; see {settings.home / 'logs'}")
        if not waiting:
            console.print(f"{len(pids)} agents started in {time.monotonic() - began:.1f} s")
            return
        time.sleep(0.05)
    raise ConfigurationError(
        f"{len(waiting)} agents are not ready after {patience:.0f} s; "
        f"`onex status` says why, their logs are in {settings.home / 'logs'}"
    )


def _is_zombie(pid: int) -> bool:
    return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def _agent_infos(settings: Settings) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for file in sorted((settings.home / "run").glob("*.json")):
        with suppress(FileNotFoundError):  # an agent that ends removes its file
            found.append(json.loads(file.read_text()))
    return found


def _ask(info: dict[str, object]) -> dict[str, object]:
    try:
        with urllib.request.urlopen(f"{info['health']}/readyz", timeout=2) as answer:
            answer.read()
        return {**info, "state": "ready"}
    except urllib.error.HTTPError as error:
        reasons = json.loads(error.read()).get("reasons", {})
        return {**info, "state": "; ".join(f"{about}: {why}" for about, why in reasons.items())}
    except (urllib.error.URLError, OSError):
        return {**info, "state": "gone"}


def _read(settings: Settings) -> dict[str, object]:
    file: Path = settings.home / STACK_FILE
    return json.loads(file.read_text()) if file.exists() else {}


def _write(settings: Settings, stack: dict[str, object]) -> None:
    settings.home.mkdir(parents=True, exist_ok=True)
    part = settings.home / f"{STACK_FILE}.{os.getpid()}"
    part.write_text(json.dumps(stack, indent=2))
    part.replace(settings.home / STACK_FILE)
