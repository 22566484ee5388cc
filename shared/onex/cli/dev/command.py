"""``onex dev``: a mesh on this machine that follows the files of its nodes."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from onex.cli.dev.checks import command_of_tests, start_tests
from onex.cli.dev.commands import Commands
from onex.cli.dev.display import PlainDisplay
from onex.cli.dev.following import Following
from onex.cli.dev.loop import run_once
from onex.cli.dev.rounds import Rounds
from onex.cli.dev.shutdown import stop_everything
from onex.cli.dev.stop_requests import StopRequests
from onex.cli.options import AllowUnfinished, Services, load_settings
from onex.cli.output import Exit, console
from onex.cli.stack.down import kill_stack
from onex.cli.stack.lock import dev_lock


def dev(
    services: Services = None,
    once: Annotated[
        bool, typer.Option("--once", help="Start everything, run the tests, stop everything, and exit.")
    ] = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="Print lines also on a terminal that could show a full screen.")
    ] = False,
    log: Annotated[
        str, typer.Option("--log", metavar="NODE", help="Show the log of this node first; with lines, print it.")
    ] = "",
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
        *(["--kafka-port", str(kafka_port)] if kafka_port else []),
        "--registry" if registry else "--no-registry",
        *(["--allow-unfinished"] if allow_unfinished else []),
    ]
    tests = command_of_tests(Path.cwd(), settings.services, only_nodes=bool(services)) if once else []
    code = int(Exit.OK)
    with dev_lock(settings), StopRequests() as stop:
        commands = Commands(services or (), options)
        screen = not plain and console.is_terminal and not console.is_dumb_terminal
        following = None if once else Following(settings, commands, screen=screen, log_node=log)
        display = PlainDisplay(follows=False)
        rounds = Rounds(commands.up, display, servers_first=False) if following is None else following.rounds
        try:
            if following is None:
                code = run_once(rounds, lambda: start_tests(tests, Path.cwd()), commands.status, display.line, stop)
            else:
                following.run(stop)
        finally:
            report = partial(_report_if_possible, display.line if following is None else following.report)
            stopped = stop_everything(rounds, commands.down, lambda: kill_stack(settings), report, stop)
            commands.close()
    raise typer.Exit(code or stopped)


def _report_if_possible(report: Callable[[str], None], line: str) -> None:
    with suppress(OSError):  # the terminal may be gone, and everything must stop then, too
        report(line)
