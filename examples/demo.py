"""``make demo``: the code-generation workflow on a real Kafka and PostgreSQL, every node in its own process."""

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from confluent_kafka import Producer
from rich.console import Console
from rich.rule import Rule
from rich.table import Table

from node_codegen_orchestrator.v1_0_0.models import GenerateNode, GenerationCompleted, GenerationFailed
from onex.cli.main import app
from onex.codegen import Sandbox
from onex.connect import open_bus, open_catalogue
from onex.contract import find_contracts, load_contract, resolve_node
from onex.dlq import read_letters
from onex.mesh import MeshClient, Survey, WorkflowFailedError
from onex.settings import Settings

ROOT = Path(__file__).parents[1]
HOME = ROOT / ".onex" / "demo"
GENERATED = HOME / "generated"
COMMAND_TOPIC = "onex.cmd.codegen.generate-node.v1"
# A broker that lives for half a minute is not worth Java's second compiler, which would take a processor of two.
ENV = {
    "ONEX_HOME": str(HOME),
    "ONEX_EXPORT_FOLDER": str(GENERATED),
    "JAVA_TOOL_OPTIONS": " ".join([os.environ.get("JAVA_TOOL_OPTIONS", ""), "-XX:TieredStopAtLevel=1"]).strip(),
}
console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 120)
_TIMEOUT = 60.0
_MOST_LINES = 3


def main() -> int:
    """Run the whole demonstration. Return the exit code."""
    started_at = time.monotonic()
    os.environ.update(ENV)
    if problem := asyncio.run(Sandbox("namespaces", 30).problem()):
        os.environ["ONEX_SANDBOX"] = "process"  # the contracts are our own
        _say(
            f"this machine allows no namespaces ({problem}): generated tests run with an empty environment and limits"
        )
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL"):
        os.environ.pop(name, None)
    good = sorted((ROOT / "examples" / "contracts").glob("*.yaml"))
    broken = sorted((ROOT / "examples" / "broken_contracts").glob("*.yaml"))
    wrong: list[str] = []
    if HOME.exists():
        _onex("down", "--wipe")
    try:
        _say("Kafka, PostgreSQL and the agents start")
        _onex("up", "--services", str(ROOT / "services"), expect=0)
        _say(f"publish generate-node with {len(good)} contracts, and with a broken one")
        wrong += asyncio.run(_generate_all(good, broken))
        _say("publish unreadable bytes: a dead letter follows")
        if not _poison():
            wrong.append("undecodable message")
        _say("the path of one generation, drawn from the topics alone")
        if _onex("watch", "--trace", _identity(good[0])) != 0:
            wrong.append("waterfall")
        _say("the agents have registered")
        if not _registered():
            wrong.append("registration")
        _say("the generated packages")
        for node in sorted(GENERATED.glob("*/node_*/v*")):
            console.print(f"  {os.path.relpath(node)}")
    finally:
        _say("everything stops")
        _onex("down")
    seconds = time.monotonic() - started_at
    if wrong:
        console.print(f"[red]not as expected: {', '.join(wrong)}[/]")
        return 1
    console.print(
        f"[green]{len(good)} nodes generated, {len(broken)} contract refused, 1 dead letter, in {seconds:.1f} s[/]"
    )
    return 0


async def _generate_all(good: Sequence[Path], broken: Sequence[Path]) -> list[str]:
    """Generate every contract, all at the same time, and print a table. Return the names of the surprising ones."""
    wrong: list[str] = []
    done: list[GenerationCompleted] = []
    async with MeshClient.connect(services=[ROOT / "services"]) as client:
        ended = await asyncio.gather(*(_generate(client, contract) for contract in (*good, *broken)))
    for contract, event in zip((*good, *broken), ended, strict=True):
        match event:
            case GenerationCompleted():
                done.append(event)
                wrong += [contract.name] if contract in broken else []
            case GenerationFailed(step=step, reason=reason):
                wrong += [contract.name] if contract in good else []
                console.print(f"  [yellow]{contract.name} is refused in step {step}:[/]")
                console.print("\n".join(f"    {line}" for line in reason.splitlines()[:_MOST_LINES]), markup=False)
    console.print(_table(done))
    return wrong


async def _generate(client: MeshClient, contract: Path) -> GenerationCompleted | GenerationFailed:
    identity = _identity(contract)
    command = GenerateNode(generation_id=identity, contract=contract.read_text())
    try:
        return await client.execute(command, answer=GenerationCompleted, command_id=identity, timeout=_TIMEOUT)
    except WorkflowFailedError as error:
        match error.event:
            case GenerationFailed() as event:
                return event
            case _:
                raise


def _table(events: Sequence[GenerationCompleted]) -> Table:
    """Return a table of the generated nodes."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("  node", "kind", "gates", "tests", "seconds", "unfinished"):
        table.add_column(column, overflow="fold")
    for event in events:
        gates, seconds = f"{len(event.gates)} passed", f"{sum(event.stage_seconds.values()):.2f}"
        unfinished = ", ".join(event.unfinished) or "none"
        table.add_row(f"  {event.name}", event.kind, gates, f"{event.tests} passed", seconds, unfinished)
    return table


def _identity(contract: Path) -> str:
    return f"demo-{contract.stem}-{os.getpid()}"


def _registered() -> bool:
    """Wait until every node is active, then list the nodes. Return False after 30 s."""
    settings = Settings.load()
    bus = open_bus(settings)
    nodes = [resolve_node(file, settings.topic_prefix) for file in find_contracts(settings.services)]
    survey = Survey(bus, open_catalogue(settings, bus), nodes, settings.env, settings.topic_prefix)
    deadline = time.monotonic() + 30
    while any(view.state != "active" for view in survey.look()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return _onex("nodes") == 0


def _poison() -> bool:
    """Publish unreadable bytes, as any Kafka client can, and wait until their dead letter is listed."""
    settings = Settings.load(home=HOME)
    producer = Producer({"bootstrap.servers": settings.require_kafka()})
    producer.produce(settings.topic_prefix + COMMAND_TOPIC, b"\x00\x00\x00\x00\xff\x01garbage", b"demo-garbage")
    producer.flush(10)
    contract = load_contract(ROOT / "services" / "node_codegen_orchestrator" / "v1_0_0")
    contract = contract.with_prefix(settings.topic_prefix)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if any(letter.record.key() == b"demo-garbage" for letter in read_letters(open_bus(settings), contract)):
            _onex("dlq", "list", "--node", contract.name)
            return True
        time.sleep(0.1)
    return False


def _onex(*arguments: str, expect: int | None = None) -> int:
    """Run a command of ``onex`` in this process, which saves a start each time. Return the exit code."""
    try:
        app(arguments, standalone_mode=False)
    except SystemExit as ended:
        code = int(ended.code or 0)
    else:
        code = 0
    if expect is not None and code != expect:
        raise SystemExit(code)
    return code


def _say(text: str) -> None:
    console.print(Rule(f"[bold]{text}", align="left", style="dim"))


if __name__ == "__main__":
    sys.exit(main())
