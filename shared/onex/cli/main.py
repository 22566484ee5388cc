"""Entry point: assembles the commands and turns errors into exit codes."""

import gc
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from io import TextIOWrapper
from types import ModuleType

import structlog
import typer
from structlog.typing import EventDict
from typer.core import TyperCommand, TyperGroup

from onex import __version__
from onex.cli.checked_values import check_group, check_values
from onex.cli.failures import failed
from onex.cli.generate.arguments import completed
from onex.cli.output import console, errors
from onex.util.printable import one_line

_COMMANDS: Mapping[str, str] = {
    "init": "project.command.init",
    "dev": "dev.command.dev",
    "adopt": "adopt.adopt",
    "up": "stack.up.up",
    "down": "stack.down.down",
    "status": "stack.status.status",
    "run": "run.run",
    "send": "messages.send.send",
    "watch": "messages.watch.watch",
    "plan": "provision.plan",
    "apply": "provision.apply",
    "env": "env.app",
    "simulate": "simulate.simulate",
    "explain": "explain.explain",
    "nodes": "nodes.nodes",
    "pause": "pause.pause",
    "resume": "pause.resume",
    "topics": "topics.topics",
    "lag": "topics.lag",
    "doctor": "doctor.command.doctor",
    "top": "top.top",
    "contract": "contract.app",
    "generate": "generate.command.generate",
    "report": "generate.report.report",
    "new": "generate.new.app",
    "mixins": "mixins.mixins",
    "dlq": "dlq.commands.app",
    "offsets": "offsets.app",
    "audit": "audit.app",
    "node": "nodes.node",
    "workflows": "workflows.app",
    "schedules": "schedules.commands.app",
    "state": "state.app",
}


class _Commands(TyperGroup):
    """Imports a command when it runs: an agent needs one command, and would pay for all in memory and time.

    :func:`failed` prints any error that ends a command.
    """

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: object,
    ) -> int:
        """Run a command and raise SystemExit with its exit code."""
        try:
            given = completed(sys.argv[1:] if args is None else args)
            code = super().main(given, prog_name, complete_var, False, windows_expand_args, **extra)
        except typer.Abort:
            errors.print("aborted")
            code = 1
        except Exception as error:  # noqa: BLE001 - the printer distinguishes internal errors from others
            code = failed(error)
        sys.exit(code if isinstance(code, int) else 0)

    def list_commands(self, ctx: object) -> list[str]:
        """Return the names in the order of the help."""
        return list(_COMMANDS)

    def get_command(self, ctx: object, cmd_name: str) -> TyperCommand | TyperGroup | None:
        """Return a command; None for an unknown name."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].rpartition(".")
        command_or_group = getattr(_imported(f"onex.cli.{module}"), name)
        if isinstance(command_or_group, typer.Typer):
            group = typer.main.get_group(command_or_group)
            group.name = cmd_name
            check_group(group)
            return group
        alone = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
        alone.command(cmd_name)(command_or_group)
        command = typer.main.get_command(alone)
        assert isinstance(command, TyperCommand)
        check_values(command)
        return command


def _imported(name: str) -> ModuleType:
    """Import a module without the cyclic garbage collector.

    What imports make lives until the end, and the collector would search it dozens of times. Frozen, it is not
    searched later either.
    """
    if name in sys.modules:
        return sys.modules[name]
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return import_module(name)
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


app = typer.Typer(
    name="onex",
    cls=_Commands,
    help="Run and operate a Kafka-native mesh of ONEX nodes.\n\n"
    "Exit codes: 0 done, 1 failed, 2 usage, 3 contract, 4 broker or settings, 5 refused, 6 timed out.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _version(is_set: bool) -> None:
    if is_set:
        console.print(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Options of every command."""


def _warning(_: object, level: str, event: EventDict) -> str:
    """Return the line of a warning. It may contain text from any sender."""
    words = " ".join(f"{name}={value}" for name, value in event.items() if name != "event")
    return one_line(f"{level} {event.get('event')} {words}")


def prepare_streams() -> None:
    """Make warnings and texts from any sender printable, and keep stdout for the output of the command."""
    # Warnings, about skipped records for instance, must not appear between the lines of a command: they go to stderr.
    structlog.configure(
        processors=[_warning],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may know fewer characters than messages have


def main() -> None:
    """Run the command line; the process ends with one of the codes in :class:`Exit`."""
    prepare_streams()
    app()


if __name__ == "__main__":
    main()
