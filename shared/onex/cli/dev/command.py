"""``onex dev``: a mesh on this machine that follows the files of its nodes."""

from pathlib import Path
from typing import Annotated, Final

import typer

from onex.cli.dev.checks import command_of_tests, start_tests
from onex.cli.dev.child import Child
from onex.cli.dev.display import PlainDisplay
from onex.cli.dev.file_watch import FileWatch
from onex.cli.dev.loop import follow, run_once
from onex.cli.dev.modules import SharedModules
from onex.cli.dev.rounds import Rounds
from onex.cli.dev.shutdown import stop_everything
from onex.cli.dev.stop_requests import StopRequests
from onex.cli.options import AllowUnfinished, Services, load_settings
from onex.cli.output import Exit
from onex.cli.stack.agent_starter import IMPORTED_ONCE
from onex.cli.stack.down import kill_stack
from onex.cli.stack.lock import dev_lock
from onex.util.fork_server import ForkServer

_IMPORTED: Final = (
    *IMPORTED_ONCE,
    "onex.cli.stack.up",
    "onex.cli.stack.down",
    "onex.cli.stack.status",
    "onex.cli.stack.launch_inputs",
    "onex.cli.stack.unfinished_runs",
    "onex.cli.provision",
    "onex.cli.top",
    "onex.cli.messages.send",
    "onex.local",
)
"""What the commands that are forked import: none of these imports a node."""
_ENVIRONMENT: Final = {"TERM": "dumb", "PYTHONDONTWRITEBYTECODE": "1"}
"""No colours in what is read again. No bytecode: it has the time of its source in seconds, and a file that changes
twice in one second would run as it was first."""


def dev(
    services: Services = None,
    once: Annotated[
        bool, typer.Option("--once", help="Start everything, run the tests, stop everything, and exit.")
    ] = False,
    kafka_port: Annotated[
        int | None,
        typer.Option(min=1, max=65_535, help="Port of the local Kafka. Default: the previous port, or a free one."),
    ] = None,
    registry: Annotated[
        bool, typer.Option(envvar="ONEX_UP_REGISTRY", help="Also run the registry and health nodes of the mesh.")
    ] = True,
    allow_unfinished: AllowUnfinished = False,
) -> None:
    """Run the mesh as `onex up` does, and reload a node when its code or contract changes. State stays.

    While a contract or code is wrong, the agents before it continue to run. Ctrl-C stops everything, also what
    `onex up` started before; a second Ctrl-C kills it.
    """
    settings = load_settings(services)
    options = [
        *(word for folder in services or () for word in ("--services", str(folder))),
        *(["--kafka-port", str(kafka_port)] if kafka_port else []),
        "--registry" if registry else "--no-registry",
        *(["--allow-unfinished"] if allow_unfinished else []),
    ]
    server = ForkServer(_IMPORTED, environment=_ENVIRONMENT)
    display = PlainDisplay(follows=not once)
    modules = SharedModules(settings)

    def start_round(*, agents: bool) -> Child:
        return Child(server, ["up", *options, *([] if agents else ["--no-agents"])], tied=False, forks=True)

    with dev_lock(settings), StopRequests() as stop:
        rounds = Rounds(start_round, display, servers_first=not once)
        code = int(Exit.OK)
        try:
            if once:
                command = command_of_tests(Path.cwd(), settings.services, only_nodes=bool(services))
                code = run_once(
                    rounds,
                    lambda: start_tests(command, Path.cwd()),
                    lambda: Child(server, ["status"]),
                    display.line,
                    stop,
                )
            else:
                follow(rounds, FileWatch(lambda: [*settings.services, *modules()]), stop)
        finally:
            stopped = stop_everything(
                rounds,
                lambda: Child(server, ["down"], tied=False),
                lambda: kill_stack(settings),
                display.line,
                stop,
            )
            server.close()
    raise typer.Exit(code or stopped)
