"""``onex up``: a whole mesh on this machine.

What takes longest begins first. Kafka is started before anything that this command does not need for that is even
imported, and agents import theirs while topics and schemas are made.
"""

import sys
import time
from typing import TYPE_CHECKING, Annotated, cast

import typer

from onex.cli.options import Services, load_settings
from onex.cli.output import console
from onex.cli.stack_file import agent_infos, ask_agent, read_stack, write_stack
from onex.model.errors import ConfigurationError, OnexError
from onex.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from onex.bus.provision import Plan
    from onex.contract import ResolvedNode
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
    stack = read_stack(settings)
    began = time.monotonic()
    kafka = None
    if not settings.kafka_bootstrap_servers or stack.get("kafka"):
        kafka = _launch_kafka(settings, stack)
    nodes = _resolve(settings, stack, kafka)
    from onex.cli.provision import provision  # while Kafka starts

    if not settings.database_url or stack.get("postgres"):
        _start_postgres(settings, stack)
        console.print(f"PostgreSQL ready (Unix socket) after {time.monotonic() - began:.1f} s")
    if kafka is not None:
        kafka.wait()
        console.print(f"Kafka ready ({kafka.bootstrap_servers}) after {time.monotonic() - began:.1f} s")
    stack["services"] = [str(folder.resolve()) for folder in settings.services]
    write_stack(settings, stack)
    settings = load_settings(services)
    started = _start_agents(settings, stack, nodes, instances) if agents else []
    _provision(provision, settings, stack, started)
    if agents:
        _await_ready(settings, started)


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
    write_stack(settings, stack)
    return kafka


def _resolve(settings: Settings, stack: dict[str, object], kafka: "LocalKafka | None") -> "list[ResolvedNode]":
    """The nodes to run; where a contract is wrong nothing is left that was not there before."""
    from onex.cli.nodes import resolve_all

    try:
        return resolve_all(settings)
    except OnexError:
        if kafka is not None:
            kafka.kill()
            del stack["kafka"], stack["kafka_bootstrap_servers"]
            write_stack(settings, stack)
        raise


def _start_postgres(settings: Settings, stack: dict[str, object]) -> None:
    from onex.local import LocalPostgres

    stack["database_url"] = LocalPostgres(settings.home / "postgres").start()
    stack["postgres"] = True


def _start_agents(
    settings: Settings, stack: dict[str, object], nodes: "list[ResolvedNode]", instances: int
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
    write_stack(settings, stack)
    return started


def _provision(
    provision: "Callable[[Settings], Plan]", settings: Settings, stack: dict[str, object], started: list[int]
) -> None:
    """Topics and schemas; where they are refused, the agents that wait for them are stopped again."""
    from onex.local.process import stop_all

    try:
        plan = provision(settings)
    except OnexError:
        agents = cast(list[dict[str, float]], stack.get("agents", []))
        fresh = [agent for agent in agents if agent["pid"] in started]
        stop_all([(int(agent["pid"]), agent["started"]) for agent in fresh], settings.drain_timeout)
        stack["agents"] = [agent for agent in agents if agent not in fresh]
        write_stack(settings, stack)
        raise
    counts = {action: sum(change.action == action for change in plan.changes) for action in ("create", "register")}
    console.print(f"{counts['create']} topics created, {counts['register']} schemas registered")


def _await_ready(settings: Settings, pids: list[int]) -> None:
    import psutil

    began = time.monotonic()
    patience = _PATIENCE + _AGENT_PATIENCE * len(pids)
    while time.monotonic() - began < patience:
        found = {info["pid"]: ask_agent(info) for info in agent_infos(settings)}
        waiting = [pid for pid in pids if found.get(pid, {}).get("state") != "ready"]
        dead = [p for p in waiting if not psutil.pid_exists(p) or psutil.Process(p).status() == psutil.STATUS_ZOMBIE]
        if dead:
            raise ConfigurationError(f"{len(dead)} agents ended at once; see {settings.home / 'logs'}")
        if not waiting:
            console.print(f"{len(pids)} agents ready after {time.monotonic() - began:.1f} s more")
            return
        time.sleep(0.05)
    raise ConfigurationError(
        f"{len(waiting)} agents are not ready after {patience:.0f} s; "
        f"`onex status` says why, their logs are in {settings.home / 'logs'}"
    )
